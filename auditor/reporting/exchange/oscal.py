"""OSCAL of NIST: assessment results, and the plan of action and milestones. Every reference in them resolves within the file.

Controls are named as the framework names them (``A.8.9``); the objectives that findings speak of are defined in the file, the
hosts are inventory items of it. https://pages.nist.gov/OSCAL/reference/
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from auditor.model import ControlScore, Finding, FindingState, Level, Missed, Snapshot, Stamp, Standing, Tongue
from auditor.reporting.exchange.words import instant, said, seen, stable_id, text, title
from auditor.reporting.scene import SPARED
from auditor.reporting.stamps import MARK, stamp_text
from auditor.text import _
from auditor.text.bidi import safe
from auditor.text.labels import label
from auditor.text.sentences import retell

VERSION = "1.2.1"
_NAMESPACE = "https://auditor.invalid/ns/oscal"


def as_assessment(snapshot: Snapshot, stamp: Stamp) -> str:
    """Assessment results: one result per department, a finding for each control in force, an observation per open finding."""
    tongue = stamp.options.tongue
    assessed = dict.fromkeys(c.control for s in snapshot.scores for c in s.controls)
    body = {
        "uuid": stable_id(stamp, "assessment-results", stamp.options.departments),
        "metadata": _metadata(snapshot, stamp, said(tongue, lambda: _("Findings"))),
        "import-ap": {"href": f"#{stable_id(stamp, 'plan')}"},
        "local-definitions": {"objectives-and-methods": [_objective(snapshot, tongue, control) for control in assessed]},
        "results": [_result(snapshot, stamp, department) for department in (s.department for s in snapshot.scores)],
        "back-matter": _back_matter(snapshot, stamp),
    }
    return _written("assessment-results", body)


def as_poam(snapshot: Snapshot, stamp: Stamp) -> str:
    """The plan of action and milestones: an item and a risk for each finding that is not closed."""
    tongue = stamp.options.tongue
    live = [s for s in snapshot.standings if s.finding.state is not FindingState.CLOSED]
    assets = dict.fromkeys(s.finding.asset for s in live)
    body: dict[str, Any] = {
        "uuid": stable_id(stamp, "poam", stamp.options.departments),
        "metadata": _metadata(snapshot, stamp, said(tongue, lambda: _("Corrective-action plan"))),
        "system-id": {"identifier-type": _NAMESPACE, "id": ".".join(snapshot.departments) or "none"},
    }
    if live:
        body |= {
            "local-definitions": {"inventory-items": [_item(snapshot, stamp, uid) for uid in assets]},
            "observations": [_observation(snapshot, stamp, s.finding) for s in live],
            "risks": [_risk(snapshot, stamp, s) for s in live],
        }
    items = [_poam_item(snapshot, stamp, s) for s in live]
    nothing = said(tongue, lambda: _("There is nothing to be done."))
    empty = {"uuid": stable_id(stamp, "nothing"), "title": nothing, "description": nothing}
    body["poam-items"] = items or [empty]  # the format wants one at least
    body["back-matter"] = _back_matter(snapshot, stamp)
    return _written("plan-of-action-and-milestones", body)


def _written(kind: str, body: dict[str, Any]) -> str:
    return json.dumps({kind: body}, ensure_ascii=False, indent=1) + "\n"


def _metadata(snapshot: Snapshot, stamp: Stamp, name: str) -> dict[str, Any]:
    return {
        "title": name,
        "last-modified": instant(snapshot.as_of),
        "version": f"{stamp.run}.{stamp.seq}",
        "oscal-version": VERSION,
        "props": [_prop(MARK, stamp.head[:16] or "none", remarks=stamp_text(stamp))],
    }


def _prop(name: str, value: str, **more: str) -> dict[str, str]:
    """A property; its value must hold something and no line break."""
    return {"name": name, "ns": _NAMESPACE, "value": " ".join(safe(value).split()) or "-", **more}


def _back_matter(snapshot: Snapshot, stamp: Stamp) -> dict[str, Any]:
    """The policy and the plan by their hashes: what the results were assessed against."""
    policy = snapshot.catalogue.policies[snapshot.run.policy]
    tongue = stamp.options.tongue
    hashes = {"policy": (text(tongue, policy.title), policy.sha256), "plan": (f"{policy.id} {stamp.run}", stamp.plan_sha256)}
    return {
        "resources": [
            {"uuid": stable_id(stamp, name), "title": called, "props": [_prop("sha256", digest)], "description": called}
            for name, (called, digest) in hashes.items()
        ]
    }


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
    tongue = stamp.options.tongue
    score = next(s for s in snapshot.scores if s.department == department)
    live = [s for s in snapshot.standings if s.finding.department == department and s.finding.state is not FindingState.CLOSED]
    missed = [m for m in snapshot.missed if m.department == department]
    by_control: dict[str, list[Finding]] = defaultdict(list)
    for standing in live:
        for control in standing.finding.controls:
            by_control[control].append(standing.finding)
    assets = dict.fromkeys((*(s.finding.asset for s in live), *(m.asset for m in missed)))
    name = _department(snapshot, tongue, department)
    result: dict[str, Any] = {
        "uuid": stable_id(stamp, "result", department),
        "title": name,
        "description": said(tongue, lambda: _("Audit {run} of {department}").format(run=stamp.run, department=name)),
        "start": instant(snapshot.run.started),
        "end": instant(snapshot.run.ended or snapshot.run.started),
        "props": [
            _prop("coverage-planned", str(score.coverage.planned)),
            _prop("coverage-judged", str(score.coverage.judged)),
            _prop("index", "withheld" if score.index is None else f"{score.index:.1f}"),
        ],
        "reviewed-controls": {
            "control-selections": [{"include-controls": [{"control-id": c.control} for c in score.controls]}]
            if score.controls
            else [{"include-all": {}}]
        },
    }
    if assets:
        result["local-definitions"] = {"inventory-items": [_item(snapshot, stamp, uid) for uid in assets]}
    observations = [_observation(snapshot, stamp, s.finding) for s in live] + [_unreached(stamp, m) for m in missed]
    if observations:
        result["observations"] = observations
    risks = [_risk(snapshot, stamp, s) for s in live]
    if risks:
        result["risks"] = risks
    findings = [_finding(snapshot, stamp, department, c, by_control[c.control]) for c in score.controls]
    if findings:
        result["findings"] = findings
    return result


def _department(snapshot: Snapshot, tongue: Tongue, name: str) -> str:
    found = next((d for d in snapshot.catalogue.inventory.departments if d.id == name), None)
    return safe(text(tongue, found.title)) if found else safe(name)


def _item(snapshot: Snapshot, stamp: Stamp, uid: str) -> dict[str, Any]:
    asset = next((a for d in snapshot.catalogue.inventory.departments for a in d.assets if a.uid == uid), None)
    props = [_prop("asset-uid", uid)]
    if asset is not None:
        props += [_prop("address", asset.address), _prop("criticality", asset.criticality.value)]
    return {
        "uuid": stable_id(stamp, "asset", uid),
        "description": safe(asset.name if asset and asset.name else uid),
        "props": props,
    }


def _observation(snapshot: Snapshot, stamp: Stamp, finding: Finding) -> dict[str, Any]:
    tongue = stamp.options.tongue
    check = snapshot.catalogue.checks.get(finding.check)
    told = ". ".join(p for p in (title(tongue, check, finding.check), safe(finding.subject), seen(tongue, finding)) if p)
    return {
        "uuid": stable_id(stamp, "observation", finding.id),
        "title": finding.id,
        "description": told,
        "props": [_prop("check", finding.check), _prop("state", finding.state.value), _prop("severity", finding.severity.value)],
        "methods": ["TEST"],
        "types": ["finding"],
        "subjects": [{"subject-uuid": stable_id(stamp, "asset", finding.asset), "type": "inventory-item"}],
        "collected": instant(snapshot.run.ended or snapshot.run.started),
    }


def _unreached(stamp: Stamp, missed: Missed) -> dict[str, Any]:
    tongue = stamp.options.tongue
    return {
        "uuid": stable_id(stamp, "unreached", missed.asset),
        "title": said(tongue, lambda: _("Not reached")),
        "description": said(tongue, lambda: retell(safe(missed.detail)) or label(missed.reach)),
        "props": [_prop("reach", missed.reach.value)],
        "methods": ["TEST"],
        "types": ["control-objective"],
        "subjects": [{"subject-uuid": stable_id(stamp, "asset", missed.asset), "type": "inventory-item"}],
        "collected": instant(stamp.as_of),
    }


def _risk(snapshot: Snapshot, stamp: Stamp, standing: Standing) -> dict[str, Any]:
    tongue = stamp.options.tongue
    finding = standing.finding
    check = snapshot.catalogue.checks.get(finding.check)
    why = text(tongue, check.rationale) if check else finding.check
    risk: dict[str, Any] = {
        "uuid": stable_id(stamp, "risk", finding.id),
        "title": title(tongue, check, finding.check),
        "description": why,
        "statement": why,
        "props": [_prop("severity", finding.severity.value), _prop("state", finding.state.value)],
        "status": "deviation-approved" if finding.state in SPARED else "open",
        "related-observations": [{"observation-uuid": stable_id(stamp, "observation", finding.id)}],
    }
    if finding.due is not None:
        risk["deadline"] = instant(finding.due)
    if check is not None:
        risk["remediations"] = [_remediation(stamp, finding, text(tongue, check.remediation))]
    return risk


def _remediation(stamp: Stamp, finding: Finding, remedy: str) -> dict[str, Any]:
    planned = finding.plan is not None
    made: dict[str, Any] = {
        "uuid": stable_id(stamp, "remediation", finding.id),
        "lifecycle": "planned" if planned else "recommendation",
        "title": said(stamp.options.tongue, lambda: _("Remedy")),
        "description": safe(finding.plan.steps, lines=True) if finding.plan and finding.plan.steps else remedy,
    }
    if finding.plan is not None:
        made["tasks"] = [
            {
                "uuid": stable_id(stamp, "task", finding.id),
                "type": "milestone",
                "title": said(stamp.options.tongue, lambda: _("Expected date")),
                "timing": {"on-date": {"date": f"{finding.plan.date.isoformat()}T00:00:00Z"}},
            }
        ]
    return made


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
        "props": [_prop("level", score.level.value), _prop("decided", score.state.value)],
        "target": {"type": "objective-id", "target-id": f"{score.control}_obj", "status": status},
    }
    if held:
        made["related-observations"] = [{"observation-uuid": stable_id(stamp, "observation", f.id)} for f in held]
        made["related-risks"] = [{"risk-uuid": stable_id(stamp, "risk", f.id)} for f in held]
    return made


def _poam_item(snapshot: Snapshot, stamp: Stamp, standing: Standing) -> dict[str, Any]:
    tongue = stamp.options.tongue
    finding = standing.finding
    check = snapshot.catalogue.checks.get(finding.check)
    props = [_prop("finding", finding.id), _prop("department", finding.department), _prop("severity", finding.severity.value)]
    props += [_prop("control", control) for control in finding.controls]
    if finding.assignee:
        props.append(_prop("owner", finding.assignee))
    return {
        "uuid": stable_id(stamp, "poam-item", finding.id),
        "title": title(tongue, check, finding.check),
        "description": text(tongue, check.remediation) if check else finding.check,
        "props": props,
        "related-observations": [{"observation-uuid": stable_id(stamp, "observation", finding.id)}],
        "related-risks": [{"risk-uuid": stable_id(stamp, "risk", finding.id)}],
    }
