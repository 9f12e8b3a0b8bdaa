"""What commands show of departments, to readers of either language and on a narrow screen."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from auditor.ledger import Ledger
from auditor.lifecycle import attestations
from auditor.model import Answer, AnswerState, AttestedAnswer, Catalogue, ReportFormat, ReportKind, Tongue
from tests.cli.conftest import Workspace

from .made import parsed, report
from .seed import NOW

MARKS = re.compile("[\u200e\u200f\u2066-\u2069]")


def shown(catalogue: Catalogue, *args: str, language: str = "en", columns: str = "300") -> str:
    done = Workspace(catalogue.settings.root).call(*args, lang=language, AUDITOR_BIDI="terminal", COLUMNS=columns)
    assert done.returncode == 0, done.stderr.decode()
    return MARKS.sub("", done.stdout.decode())


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("command", ["score --department health", "score", "campaign status C-1", "circular show R-1"])
def test_no_word_is_broken_at_80_columns(own: Catalogue, language: str, command: str) -> None:
    """Regression: ``Polici/es``, ``attest/ed``: columns are left out instead, and named."""
    args = command.split()
    narrow = re.split("Left out for|أُخفيت لضيق", shown(own, *args, language=language, columns="80"))[0]
    assert set(narrow.split()) <= set(shown(own, *args, language=language).split())


@pytest.mark.parametrize("command", ["score", "campaign status C-1", "circular show R-1"])
def test_departments_are_called_by_their_titles(own: Catalogue, command: str) -> None:
    """Regression: an id in Latin letters stood in the Arabic table, where ``audit`` and reports have the title. The id is what
    commands ask for, and stands behind it."""
    assert "وزارة الصحة (health)" in shown(own, *command.split(), language="ar")
    assert "Ministry of Health (health)" in shown(own, *command.split())


def test_files_of_evidence_are_not_a_kind_of_it(own: Catalogue) -> None:
    """Regression: in Arabic the column of the names of files said «نوع الدليل», which is how a control is decided."""
    assert "نوع الدليل" not in shown(own, "attest", "list", "--department", "health", language="ar")
    assert "نوع الدليل" in shown(own, "control", "list", language="ar")
    for kind in (ReportKind.SOA, ReportKind.PLAN):
        content = report(own, kind, ReportFormat.HTML, Tongue.AR).content.decode()
        assert "نوع الدليل" not in content


def test_a_control_that_both_decide_says_so(own: Catalogue) -> None:
    """Regression: in the scorecard and the statement of applicability it was "attested", whatever its checks said; OSCAL too."""
    people, day = own.settings.people, NOW.date()
    with Ledger.open(own.settings.ledger) as ledger:
        (before,) = ledger.records(AttestedAnswer)
        given = replace(before, id="health:A.5.16", control="A.5.16", state=AnswerState.ANSWERED, answer=Answer.IMPLEMENTED)
        ledger.apply([attestations.answer(given, 365, day, people["sara"], NOW)])
        ledger.apply([attestations.accept(given, people["huda"], NOW)])
    for kind, table in ((ReportKind.SCORECARD, "controls-health"), (ReportKind.SOA, "soa-health")):
        rows = parsed(report(own, kind, ReportFormat.JSON))["tables"][table]
        states = {row["control"]["value"]: row["state"] for row in rows}
        assert states["A.5.16"] == {"value": "both", "shown": "by checks and by attestation"}
        assert states["A.5.1"]["value"] == "attested"
    held = report(own, ReportKind.FINDINGS, ReportFormat.OSCAL).content.decode()
    assert "partly implemented (by checks and by attestation)" in held
    assert "by checks and by attestation" in shown(own, "score", "--department", "health")
