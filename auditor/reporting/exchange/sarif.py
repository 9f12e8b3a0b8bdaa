"""SARIF 2.1.0 (OASIS): findings as results, checks as rules, assets that were not reached as notifications."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from auditor.model import SPARED, Check, FindingState, Missed, Severity, Snapshot, Stamp, Standing, Tongue
from auditor.model.codec import to_json
from auditor.reporting.exchange.words import instant, not_audited, said, seen, text, title, why_not_audited
from auditor.reporting.stamps import MARK
from auditor.text.bidi import safe
from auditor.text.labels import label
from auditor.text.sentences import retell

_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
_RANKS = {Severity.CRITICAL: 95.0, Severity.HIGH: 75.0, Severity.MEDIUM: 50.0, Severity.LOW: 25.0}


def as_sarif(snapshot: Snapshot, stamp: Stamp) -> str:
    """The findings that are not closed. Excepted ones are suppressed results, with the exception's id."""
    tongue = stamp.options.tongue
    live = [s for s in snapshot.standings if s.finding.state is not FindingState.CLOSED]
    names = list(dict.fromkeys(s.finding.check for s in live))
    places = {name: place for place, name in enumerate(names)}
    run = {
        "tool": {
            "driver": {
                "name": "auditor",
                "version": stamp.program,
                "rules": [_rule(tongue, name, snapshot.catalogue.checks.get(name)) for name in names],
            }
        },
        "language": "en" if tongue is Tongue.EN else "ar",
        "invocations": [
            {
                "executionSuccessful": snapshot.run.summary.get("complete") is True,
                "startTimeUtc": instant(snapshot.run.started),
                "endTimeUtc": instant(snapshot.run.ended or snapshot.run.started),
                "toolExecutionNotifications": [
                    *(_unreached(tongue, m) for m in snapshot.missed),
                    *(_unaudited(snapshot, tongue, department) for department in not_audited(snapshot)),
                ],
            }
        ],
        "results": [_result(tongue, s, places, snapshot.catalogue.checks.get(s.finding.check)) for s in live],
        "columnKind": "unicodeCodePoints",
        "properties": {MARK: to_json(stamp)},
    }
    whole = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _unreached(tongue: Tongue, missed: Missed) -> dict[str, Any]:
    why = said(tongue, lambda: retell(safe(missed.detail)) or label(missed.reach))
    return {"level": "error", "message": {"text": f"{safe(missed.asset)}: {why}"}, "locations": [_location(missed.asset)]}


def _unaudited(snapshot: Snapshot, tongue: Tongue, department: str) -> dict[str, Any]:
    return {"level": "error", "message": {"text": f"{safe(department)}: {why_not_audited(snapshot, tongue, department)}"}}


def _rule(tongue: Tongue, name: str, check: Check | None) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": name, "shortDescription": {"text": title(tongue, check, name)}}
    if check is not None:
        rule["fullDescription"] = {"text": text(tongue, check.rationale)}
        remedy = text(tongue, check.remediation)
        shell = check.remediation_shell.strip()
        rule["help"] = {"text": f"{remedy}\n\n{shell}" if shell else remedy}
        rule["defaultConfiguration"] = {"level": _LEVELS[check.severity], "rank": _RANKS[check.severity]}
    return rule


def _result(tongue: Tongue, standing: Standing, places: dict[str, int], check: Check | None) -> dict[str, Any]:
    finding = standing.finding
    where = safe(f"{finding.asset} {finding.subject}".strip())
    message = ". ".join(part for part in (f"{title(tongue, check, finding.check)} ({where})", seen(tongue, finding)) if part)
    result: dict[str, Any] = {
        "ruleId": finding.check,
        "ruleIndex": places[finding.check],
        "kind": "fail",
        "level": _LEVELS[finding.severity],
        "rank": _RANKS[finding.severity],
        "message": {"text": message},
        "locations": [_location(finding.asset, finding.subject)],
        "partialFingerprints": {"finding/v1": finding.id},
        "properties": {
            "department": finding.department,
            "controls": list(finding.controls),
            "severity": finding.severity.value,
            "state": finding.state.value,
            "firstSeen": instant(finding.first_seen),
            "due": instant(finding.due) if finding.due else None,
            "overdue": standing.overdue,
        },
    }
    if finding.state in SPARED:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": finding.exception}]
    return result


def _location(asset: str, subject: str = "") -> dict[str, Any]:
    """An asset is no file, but readers of SARIF sort by files: it is given as one too."""
    logical = {"name": safe(asset), "fullyQualifiedName": safe(f"{asset} {subject}".strip()), "kind": "resource"}
    return {"physicalLocation": {"artifactLocation": {"uri": f"assets/{quote(asset, safe='')}"}}, "logicalLocations": [logical]}
