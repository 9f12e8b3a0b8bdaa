"""What each kind of report tells: one module per kind, each from a snapshot to a document."""

from __future__ import annotations

from collections.abc import Callable

from auditor.model import ReportKind, ReportOptions, Snapshot
from auditor.reporting.document import Document
from auditor.reporting.kinds.annex import annex
from auditor.reporting.kinds.circular import circular
from auditor.reporting.kinds.delta import delta
from auditor.reporting.kinds.findings import findings
from auditor.reporting.kinds.league import league
from auditor.reporting.kinds.plan import plan
from auditor.reporting.kinds.scorecard import scorecard
from auditor.reporting.kinds.soa import soa
from auditor.reporting.kinds.summary import summary
from auditor.reporting.scene import Scene
from auditor.reporting.tongues import told

_MAKERS: dict[ReportKind, Callable[[Scene, ReportOptions], Document]] = {
    ReportKind.SUMMARY: lambda scene, _options: summary(scene),
    ReportKind.SCORECARD: lambda scene, _options: scorecard(scene),
    ReportKind.FINDINGS: lambda scene, options: findings(scene, options.grouping),
    ReportKind.PLAN: lambda scene, _options: plan(scene),
    ReportKind.CIRCULAR: lambda scene, _options: circular(scene),
    ReportKind.SOA: lambda scene, _options: soa(scene),
    ReportKind.ANNEX: lambda scene, _options: annex(scene),
    ReportKind.DELTA: lambda scene, _options: delta(scene),
    ReportKind.LEAGUE: lambda scene, _options: league(scene),
}


def document(snapshot: Snapshot, options: ReportOptions) -> Document:
    """The report in its language, or in both side by side."""
    return told(options.tongue, lambda: _MAKERS[options.kind](Scene(snapshot), options))
