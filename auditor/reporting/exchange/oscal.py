"""OSCAL of NIST: assessment results, and the plan of action and milestones. Every reference in them resolves within the file.

Controls are named as the framework names them (``A.8.9``); the objectives that findings speak of are defined in the file, the
hosts are inventory items of it. https://pages.nist.gov/OSCAL/reference/
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from auditor.model import ControlScore, DepartmentScore, Finding, FindingState, Level, Missed, Snapshot, Stamp, Standing, Tongue
from auditor.reporting.exchange.oscal_parts import (
    NAMESPACE,
    back_matter,
    department_name,
    item,
    metadata,
    observation,
    prop,
    risk,
)
from auditor.reporting.exchange.words import instant, not_audited, said, stable_id, text, title, why_not_audited
from auditor.text import _, rounded
from auditor.text.bidi import safe
from auditor.text.labels import label
from auditor.text.sentences import retell


def as_assessment(snapshot: Snapshot, stamp: Stamp) -> str:
    """Assessment results: one result per department in scope, audited or not, with a finding for each control in force and an
    observation for each finding that is not closed."""
    tongue = stamp.options.tongue
    unseen = _in_force(snapshot) if not_audited(snapshot) else []
    assessed = dict.fromkeys((*(c.control for s in snapshot.scores for c in s.controls), *unseen))
    body = {
        "uuid": stable_id(stamp, "assessment-results", stamp.options.departments),
        "metadata": metadata(snapshot, stamp, said(tongue, lambda: _("Findings"))),
        "import-ap": {"href": f"#{stable_id(stamp, 'plan')}"},
        "local-definitions": {"objectives-and-methods": [_objective(snapshot, tongue, control) for control in assessed]},
        "results": [_result(snapshot, stamp, department) for department in snapshot.departments],
        "back-matter": back_matter(snapshot, stamp),
    }
    return _written("assessment-results", body)


def as_poam(snapshot: Snapshot, stamp: Stamp) -> str:
    """The plan of action and milestones: an item and a risk for each finding that is not closed."""
    tongue = stamp.options.tongue
    live = [s for s in snapshot.standings if s.finding.state is not FindingState.CLOSED]
    assets = dict.fromkeys(s.finding.asset for s in live)
    body: dict[str, Any] = {
        "uuid": stable_id(stamp, "poam", stamp.options.departments),
        "metadata": metadata(snapshot, stamp, said(tongue, lambda: _("Corrective-action plan"))),
        "system-id": {"identifier-type": NAMESPACE, "id": ".".join(snapshot.departments) or "none"},
    }
    if live:
        body |= {
            "local-definitions": {"inventory-items": [item(snapshot, stamp, uid) for uid in assets]},
            "observations": [observation(snapshot, stamp, s.finding) for s in live],
            "risks": [risk(snapshot, stamp, s) for s in live],
        }
    items = [_poam_item(snapshot, stamp, s) for s in live] + [_poam_aside(snapshot, stamp, d) for d in not_audited(snapshot)]
    nothing = said(tongue, lambda: _("There is nothing to be done."))
    empty = {"uuid": stable_id(stamp, "nothing"), "title": nothing, "description": nothing}
    body["poam-items"] = items or [empty]  # the format wants one at least
    body["back-matter"] = back_matter(snapshot, stamp)
    return _written("plan-of-action-and-milestones", body)


def _written(kind: str, body: dict[str, Any]) -> str:
    return json.dumps({kind: body}, ensure_ascii=False, indent=1) + "\n"


def _objective(snapshot: Snapshot, tongue: Tongue, control: str) -> dict[str, Any]:
    found = snapshot.catalogue.framework.control(control)
    prose = text(tongue, found.statement) if found else control
    return {
        "control-id": control,
        "parts": [
            {
                "id": f"{control}_obj",
                "name": "assessment-objective",
                "title": _control_title(snapshot, tongue, control),
                "prose": prose,
            }
        ],
    }


def _control_title(snapshot: Snapshot, tongue: Tongue, control: str) -> str:
    found = snapshot.catalogue.framework.control(control)
    return text(tongue, found.title) if found else control


def _result(snapshot: Snapshot, stamp: Stamp, department: str) -> dict[str, Any]:
    score = next((s for s in snapshot.scores if s.department == department), None)
    return _unaudited(snapshot, stamp, department) if score is None else _audited(snapshot, stamp, score)


def _audited(snapshot: Snapshot, stamp: Stamp, score: DepartmentScore) -> dict[str, Any]:
    live = _live(snapshot, score.department)
    missed = [m for m in snapshot.missed if m.department == score.department]
    by_control: dict[str, list[Finding]] = defaultdict(list)
    for standing in live:
        for control in standing.finding.controls:
            by_control[control].append(standing.finding)
    made = _begun(snapshot, stamp, score.department)
    made["props"] = [
        prop("coverage-planned", str(score.coverage.planned)),
        prop("coverage-judged", str(score.coverage.judged)),
        prop("coverage-not-applicable", str(score.coverage.not_applicable)),
        prop("index", "withheld" if score.index is None else f"{rounded(score.index):.1f}"),
    ]
    made["reviewed-controls"] = {
        "control-selections": [{"include-controls": [{"control-id": c.control} for c in score.controls]}]
        if score.controls
        else [{"include-all": {}}]
    }
    _put_in(made, snapshot, stamp, live, [_unreached(stamp, m) for m in missed], [m.asset for m in missed])
    findings = [_finding(snapshot, stamp, score.department, c, by_control[c.control]) for c in score.controls]
    if findings:
        made["findings"] = findings
    return made


def _unaudited(snapshot: Snapshot, stamp: Stamp, department: str) -> dict[str, Any]:
    """A department of which the run has nothing: no control is satisfied, and each says why. Left out, it would read as clean."""
    told = why_not_audited(snapshot, stamp.options.tongue, department)
    made = _begun(snapshot, stamp, department)
    aside = {
        "uuid": stable_id(stamp, "not-audited", department),
        "title": said(stamp.options.tongue, lambda: _("Not audited: {department}").format(department=made["title"])),
        "description": told,
        "methods": ["EXAMINE"],
        "types": ["control-objective"],
        "collected": instant(snapshot.run.started),
    }
    controls = _in_force(snapshot)
    made["props"] = [
        prop("coverage-planned", "0"),
        prop("coverage-judged", "0"),
        prop("coverage-not-applicable", "0"),
        prop("index", "withheld"),
        prop("not-audited", told),
    ]
    made["reviewed-controls"] = {
        "description": told,
        "control-selections": [{"description": told, "include-controls": [{"control-id": c} for c in controls]}],
    }
    _put_in(made, snapshot, stamp, _live(snapshot, department), [aside], [])
    made["findings"] = [
        {
            "uuid": stable_id(stamp, "finding", department, control),
            "title": f"{control} {_control_title(snapshot, stamp.options.tongue, control)}",
            "description": told,
            "props": [prop("level", Level.NOT_KNOWN.value)],
            "target": _target(control, {"state": "not-satisfied", "reason": "other", "remarks": told}),
            "related-observations": [{"observation-uuid": aside["uuid"]}],
        }
        for control in controls
    ]
    made["remarks"] = told
    return made


def _live(snapshot: Snapshot, department: str) -> list[Standing]:
    return [s for s in snapshot.standings.of(department) if s.finding.state is not FindingState.CLOSED]


def _in_force(snapshot: Snapshot) -> list[str]:
    """The policy's controls: which of them a department need not have is not known while its own files are wrong."""
    policy = snapshot.catalogue.policies[snapshot.run.policy]
    return [c.id for c in snapshot.catalogue.framework.controls if c.id in policy.controls]


def _begun(snapshot: Snapshot, stamp: Stamp, department: str) -> dict[str, Any]:
    tongue = stamp.options.tongue
    name = department_name(snapshot, tongue, department)
    return {
        "uuid": stable_id(stamp, "result", department),
        "title": name,
        "description": said(tongue, lambda: _("Audit {run} of {department}").format(run=stamp.run, department=name)),
        "start": instant(snapshot.run.started),
        "end": instant(snapshot.run.ended or snapshot.run.started),
    }


def _put_in(
    made: dict[str, Any],
    snapshot: Snapshot,
    stamp: Stamp,
    live: list[Standing],
    others: list[dict[str, Any]],
    assets: list[str],
) -> None:
    """Put findings that are not closed into a result, with ``others`` beside their observations, and the ``assets`` of those."""
    listed = dict.fromkeys((*(s.finding.asset for s in live), *assets))
    if listed:
        made["local-definitions"] = {"inventory-items": [item(snapshot, stamp, uid) for uid in listed]}
    observations = [observation(snapshot, stamp, s.finding) for s in live] + others
    if observations:
        made["observations"] = observations
    if live:
        made["risks"] = [risk(snapshot, stamp, s) for s in live]


def _unreached(stamp: Stamp, missed: Missed) -> dict[str, Any]:
    tongue = stamp.options.tongue
    return {
        "uuid": stable_id(stamp, "unreached", missed.asset),
        "title": said(tongue, lambda: _("Not reached")),
        "description": said(tongue, lambda: retell(safe(missed.detail)) or label(missed.reach)),
        "props": [prop("reach", missed.reach.value)],
        "methods": ["TEST"],
        "types": ["control-objective"],
        "subjects": [{"subject-uuid": stable_id(stamp, "asset", missed.asset), "type": "inventory-item"}],
        "collected": instant(stamp.as_of),
    }


def _finding(snapshot: Snapshot, stamp: Stamp, department: str, score: ControlScore, found: Iterable[Finding]) -> dict[str, Any]:
    tongue = stamp.options.tongue
    held = list(found)
    satisfied = score.level in (Level.FULLY, Level.NOT_APPLICABLE)
    status: dict[str, Any] = {"state": "satisfied" if satisfied else "not-satisfied"}
    if not satisfied and score.level is Level.NOT_KNOWN:
        status["reason"] = "other"  # not known is neither a pass nor a fail; the format has no third state
        status["remarks"] = said(tongue, lambda: label(score.state))
    made: dict[str, Any] = {
        "uuid": stable_id(stamp, "finding", department, score.control),
        "title": f"{score.control} {_control_title(snapshot, tongue, score.control)}",
        "description": said(tongue, lambda: f"{label(score.level)} ({label(score.state)})"),
        "props": [prop("level", score.level.value), prop("decided", score.state.value)],
        "target": _target(score.control, status),
    }
    if held:
        made["related-observations"] = [{"observation-uuid": stable_id(stamp, "observation", f.id)} for f in held]
        made["related-risks"] = [{"risk-uuid": stable_id(stamp, "risk", f.id)} for f in held]
    return made


def _target(control: str, status: dict[str, Any]) -> dict[str, Any]:
    return {"type": "objective-id", "target-id": f"{control}_obj", "status": status}


def _poam_aside(snapshot: Snapshot, stamp: Stamp, department: str) -> dict[str, Any]:
    """A department of which the run has nothing: that there is nothing to be done there is not known."""
    name = department_name(snapshot, stamp.options.tongue, department)
    return {
        "uuid": stable_id(stamp, "not-audited", department),
        "title": said(stamp.options.tongue, lambda: _("Not audited: {department}").format(department=name)),
        "description": why_not_audited(snapshot, stamp.options.tongue, department),
        "props": [prop("department", department)],
    }


def _poam_item(snapshot: Snapshot, stamp: Stamp, standing: Standing) -> dict[str, Any]:
    tongue = stamp.options.tongue
    finding = standing.finding
    check = snapshot.catalogue.checks.get(finding.check)
    props = [prop("finding", finding.id), prop("department", finding.department), prop("severity", finding.severity.value)]
    props += [prop("control", control) for control in finding.controls]
    if finding.assignee:
        props.append(prop("owner", finding.assignee))
    return {
        "uuid": stable_id(stamp, "poam-item", finding.id),
        "title": title(tongue, check, finding.check),
        "description": text(tongue, check.remediation) if check else finding.check,
        "props": props,
        "related-observations": [{"observation-uuid": stable_id(stamp, "observation", finding.id)}],
        "related-risks": [{"risk-uuid": stable_id(stamp, "risk", finding.id)}],
    }
