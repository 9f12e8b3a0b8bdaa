"""JUnit XML for pipelines: a suite for each asset, a case for each check.

What was not observed is an error, so that no pipeline takes it for passed; what failed by exception, and what does not apply, is
skipped, and says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from auditor.model import SPARED, Outcome, Snapshot, Stamp, Standing, Tongue, Verdict, VerdictKind
from auditor.reporting.exchange.words import not_audited, said, seen, text, title, why, why_not_audited
from auditor.reporting.stamps import MARK, stamp_text
from auditor.text import _
from auditor.text.bidi import safe
from auditor.text.labels import label


def as_junit(snapshot: Snapshot, stamp: Stamp) -> str:
    """Every verdict of the run, for the departments in scope."""
    spared = {(s.finding.asset, s.finding.check, s.finding.subject): s.finding.exception for s in _excepted(snapshot)}
    by_asset: dict[str, list[Outcome]] = {}
    for outcome in snapshot.outcomes:
        by_asset.setdefault(outcome.asset, []).append(outcome)
    root = ET.Element("testsuites", {"name": "auditor"})
    started = snapshot.run.started.strftime("%Y-%m-%dT%H:%M:%S")
    for place, (asset, outcomes) in enumerate(sorted(by_asset.items())):
        suite = ET.SubElement(root, "testsuite", {"name": _xml(asset), "timestamp": started, "hostname": _xml(asset)})
        suite.set("package", "auditor")
        suite.set("id", str(place))
        properties = ET.SubElement(suite, "properties")
        ET.SubElement(properties, "property", {"name": MARK, "value": stamp_text(stamp)})
        cases = [_case(suite, snapshot, stamp.options.tongue, outcome, spared) for outcome in outcomes]
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(name, str(sum(case == tag for case in cases)))
        suite.set("tests", str(len(cases)))
        suite.set("time", "0")
    for place, name in enumerate(not_audited(snapshot), len(by_asset)):
        _not_audited(root, name, place, why_not_audited(snapshot, stamp.options.tongue, name), started)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _not_audited(root: ET.Element, name: str, place: int, told: str, started: str) -> None:
    """A department of which the run has nothing: a suite with one error."""
    counts = {"tests": "1", "errors": "1", "failures": "0", "skipped": "0", "time": "0"}
    about = {"name": _xml(f"department:{name}"), "timestamp": started, "hostname": _xml(name), "package": "auditor"}
    suite = ET.SubElement(root, "testsuite", {**about, "id": str(place), **counts})
    case = ET.SubElement(suite, "testcase", {"name": "audited", "classname": _xml(name), "time": "0"})
    _because(case, "error", VerdictKind.UNKNOWN, [told], "")


def _excepted(snapshot: Snapshot) -> Iterable[Standing]:
    return (s for s in snapshot.standings if s.finding.state in SPARED)


def _case(
    suite: ET.Element, snapshot: Snapshot, tongue: Tongue, outcome: Outcome, spared: dict[tuple[str, str, str], str]
) -> str:
    """Add one case; what became of it: failure, error, skipped or ""."""
    check = snapshot.catalogue.checks.get(outcome.check)
    name = f"{outcome.check}: {title(tongue, check, outcome.check)}"
    case = ET.SubElement(suite, "testcase", {"name": _xml(name), "classname": _xml(outcome.asset), "time": "0"})
    failed = [v for v in outcome.verdicts if v.kind is VerdictKind.FAIL]
    standing = [v for v in failed if (outcome.asset, outcome.check, v.subject) not in spared]
    if standing:
        remedy = text(tongue, check.remediation) if check else ""
        return _because(case, "failure", outcome.kind, [_line(tongue, v) for v in standing], remedy)
    unknown = [v for v in outcome.verdicts if v.kind in (VerdictKind.UNKNOWN, VerdictKind.ERROR)]
    if outcome.kind in (VerdictKind.UNKNOWN, VerdictKind.ERROR) or unknown:
        return _because(case, "error", outcome.kind, [_line(tongue, v) for v in unknown], "")
    if failed:
        told = [_by_exception(tongue, spared[outcome.asset, outcome.check, v.subject]) for v in failed]
        return _because(case, "skipped", outcome.kind, told, "")
    if outcome.kind is VerdictKind.NOT_APPLICABLE:
        return _because(case, "skipped", outcome.kind, [why(tongue, v) for v in outcome.verdicts], "")
    return ""


def _by_exception(tongue: Tongue, name: str) -> str:
    return said(tongue, lambda: _("failed by exception {id}").format(id=name))


def _line(tongue: Tongue, verdict: Verdict) -> str:
    told = seen(tongue, verdict) if verdict.kind is VerdictKind.FAIL else why(tongue, verdict)
    return f"{safe(verdict.subject)}: {told}" if verdict.subject else told


def _because(case: ET.Element, tag: str, kind: VerdictKind, lines: list[str], more: str) -> str:
    message = "; ".join(lines) or label(kind)
    if tag == "skipped":
        ET.SubElement(case, tag).text = _xml(message)
        return tag
    made = ET.SubElement(case, tag, {"message": _xml(message[:1000]), "type": kind.value})
    made.text = _xml("\n".join([*lines, more]).strip())
    return tag


def _xml(value: str) -> str:
    """Without what XML cannot hold."""
    return "".join(
        c
        for c in safe(value, lines=True)
        if c in "\t\n" or 0x20 <= ord(c) < 0xD800 or 0xE000 <= ord(c) < 0xFFFE or ord(c) > 0xFFFF
    )
