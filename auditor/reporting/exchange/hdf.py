"""The Heimdall Data Format of MITRE: each check as a control with a result for each subject it judged.

https://saf.mitre.org: of a control's results, readers let an error outweigh a failure, a failure a pass, and a pass what was
skipped. So what was not observed is written as an error, lest a pass elsewhere hide it; beside a failure, as skipped, lest it
hide that.
"""

from __future__ import annotations

import json
from typing import Any

from auditor.model import SPARED, Check, Outcome, Severity, Snapshot, Stamp, Tongue, VerdictKind
from auditor.model.codec import to_json
from auditor.reporting.exchange.words import instant, not_audited, said, seen, text, title, why, why_not_audited
from auditor.reporting.stamps import MARK
from auditor.text import _
from auditor.text.bidi import safe

_IMPACTS = {Severity.CRITICAL: 0.9, Severity.HIGH: 0.7, Severity.MEDIUM: 0.5, Severity.LOW: 0.3}
_STATUSES = {
    VerdictKind.PASS: "passed",
    VerdictKind.FAIL: "failed",
    VerdictKind.NOT_APPLICABLE: "skipped",
    VerdictKind.UNKNOWN: "error",
    VerdictKind.ERROR: "error",
}


def as_hdf(snapshot: Snapshot, stamp: Stamp) -> str:
    """Every verdict of the run, for the departments in scope."""
    tongue = stamp.options.tongue
    by_check: dict[str, list[Outcome]] = {}
    for outcome in snapshot.outcomes:
        by_check.setdefault(outcome.check, []).append(outcome)
    excepted = _exceptions(snapshot)
    policy = snapshot.catalogue.policies[snapshot.run.policy]
    profile = {
        "name": policy.id,
        "version": policy.version,
        "title": text(tongue, policy.title),
        "sha256": policy.sha256,
        "supports": [],
        "attributes": [],
        "groups": [],
        "status": "loaded",
        "controls": [
            *(_control(snapshot, tongue, name, outcomes, excepted.get(name, ())) for name, outcomes in sorted(by_check.items())),
            *(_not_audited(snapshot, tongue, name) for name in not_audited(snapshot)),
        ],
    }
    whole = {
        "platform": {"name": "auditor", "release": stamp.program, "target_id": ", ".join(snapshot.departments)},
        "version": stamp.program,
        "statistics": {"duration": ((snapshot.run.ended or snapshot.run.started) - snapshot.run.started).total_seconds()},
        "profiles": [profile],
        "passthrough": {MARK: to_json(stamp)},
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _exceptions(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for standing in snapshot.standings:
        if standing.finding.state in SPARED:
            found.setdefault(standing.finding.check, set()).add(standing.finding.exception)
    return {check: tuple(sorted(ids)) for check, ids in found.items()}


def _control(
    snapshot: Snapshot, tongue: Tongue, name: str, outcomes: list[Outcome], exceptions: tuple[str, ...]
) -> dict[str, Any]:
    check = snapshot.catalogue.checks.get(name)
    applies = any(o.kind is not VerdictKind.NOT_APPLICABLE for o in outcomes)
    failed = any(v.kind is VerdictKind.FAIL for o in outcomes for v in o.verdicts)
    controls = [c.id for c in snapshot.catalogue.framework.controls if any(m.check == name for m in c.checks)]
    tags: dict[str, Any] = {"controls": controls, "severity": check.severity.value if check else ""}
    if exceptions:
        tags["exceptions"] = list(exceptions)
    return {
        "id": name,
        "title": title(tongue, check, name),
        "desc": text(tongue, check.rationale) if check else "",
        "descriptions": _descriptions(tongue, check),
        "impact": _IMPACTS[check.severity] if check and applies else 0.0,  # 0 is how the format says: not applicable
        "refs": [],
        "tags": tags,
        "code": "",
        "source_location": {"ref": f"checks/{check.area}/{name}.yaml" if check else "", "line": 1},
        "waiver_data": None,
        "results": [
            {
                "status": _status(verdict.kind, failed=failed),
                "code_desc": safe(f"{outcome.asset} {verdict.subject}".strip()),
                "run_time": 0.0,
                "start_time": instant(outcome.observed_at or snapshot.run.started),
                **_message(
                    tongue,
                    _status(verdict.kind, failed=failed),
                    seen(tongue, verdict) if verdict.kind is VerdictKind.FAIL else why(tongue, verdict),
                ),
            }
            for outcome in outcomes
            for verdict in outcome.verdicts
        ],
    }


def _not_audited(snapshot: Snapshot, tongue: Tongue, name: str) -> dict[str, Any]:
    """A department of which the run has nothing, as a control in error."""
    why = why_not_audited(snapshot, tongue, name)
    result = {
        "status": "error",
        "code_desc": safe(name),
        "run_time": 0.0,
        "start_time": instant(snapshot.run.started),
        "message": why,
    }
    about = {"id": f"department:{name}", "title": why, "desc": why, "descriptions": [], "refs": [], "tags": {}, "code": ""}
    where = {"ref": f"inventories/{name}.yaml", "line": 1}
    return {**about, "impact": 0.5, "source_location": where, "waiver_data": None, "results": [result]}


def _status(kind: VerdictKind, *, failed: bool) -> str:
    unobserved = kind in (VerdictKind.UNKNOWN, VerdictKind.ERROR)
    return "skipped" if failed and unobserved else _STATUSES[kind]


def _message(tongue: Tongue, status: str, told: str) -> dict[str, str]:
    if status == "passed":
        return {}
    if status == "skipped":
        return {"skip_message": told}
    return {"message": told or said(tongue, lambda: _("not as expected"))}


def _descriptions(tongue: Tongue, check: Check | None) -> list[dict[str, str]]:
    if check is None:
        return []
    fix = "\n".join(part for part in (text(tongue, check.remediation), check.remediation_shell.strip()) if part)
    return [{"label": "default", "data": text(tongue, check.rationale)}, {"label": "fix", "data": fix}]
