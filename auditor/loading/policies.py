"""Policies, and what departments overlay: tightened freely, relaxed only with a reason, an approver and an end."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

from auditor.loading.document import Document, Report
from auditor.loading.files import digest, text
from auditor.loading.known import Known, read_params, read_values, require
from auditor.loading.params import tightens, tighter_said
from auditor.model import Criticality, Json, Overlay, Policy, Relaxation, Scoring, Severity, Terms
from auditor.text import _

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def load_policy(document: Document, report: Report, known: Known, of_record: str) -> Policy:
    """The policy in an approved document; what it names and is not there is reported."""
    data: Any = document.value
    controls = _controls(document, report, known)
    if known.framework_ids:
        require(document, report, ("framework",), data["framework"], known.framework_ids, "framework")
    for index, check in enumerate(data.get("excluded_checks", ())):
        require(document, report, ("excluded_checks", index), check, known.check_ids, "check")
    scoring = data["scoring"]
    return Policy(
        id=data["id"],
        version=data["version"],
        title=text(data["title"]),
        framework=data["framework"],
        of_record=data["id"] == of_record,
        controls=controls,
        terms=_terms(data),
        coverage_floor=float(data["coverage_floor"]),
        scoring=_scoring(scoring),
        params=read_params(document, report, ("params",), data.get("params", {}), known),
        excluded_checks=tuple(data.get("excluded_checks", ())),
        sha256=digest(data),
    )


def _terms(data: Any) -> Terms:
    rules = data.get("deadline_rules", {})
    by_criticality = {Criticality(name): _by_severity(days) for name, days in rules.get("by_criticality", {}).items()}
    given = {name: rules[name] for name in ("working_days", "restart_on_reopening", "due_soon") if name in rules}
    if "exceptions" in data:
        given["exceptions"] = _by_severity(data["exceptions"]["max_days"])
    if "attestations" in data:
        given["attestations"] = data["attestations"]["review_days"]
    return Terms(_by_severity(data["deadlines"]), by_criticality, **given)


def _scoring(data: Any) -> Scoring:
    given: dict[str, Any] = {name: float(data[name]) for name in ("partly", "attested") if name in data}
    if "criticality_weights" in data:
        given["criticality_weights"] = {c: data["criticality_weights"][c] for c in Criticality}
    return Scoring(_by_severity(data["check_weights"]), _by_severity(data["control_weights"]), **given)


def _by_severity(days: dict[str, int]) -> dict[Severity, int]:
    return {Severity(name): number for name, number in days.items()}


def _controls(document: Document, report: Report, known: Known) -> dict[str, str]:
    data: Any = document.value
    if isinstance(data["controls"], dict):
        for control in data["controls"]:
            require(document, report, ("controls", control), control, known.control_ids, "control", at_key=True)
        return dict(data["controls"])
    found: dict[str, str] = {}
    for index, entry in enumerate(data["controls"]):
        keys = ("controls", index, "id")
        require(document, report, keys, entry["id"], known.control_ids, "control")
        if entry["id"] in found:
            report.add(document, keys, _("the control {control} stands twice; keep one").format(control=entry["id"]))
        found[entry["id"]] = entry.get("article", "")
    return found


def load_overlay(document: Document, report: Report, known: Known) -> Overlay:
    """The overlay in an approved document; what it names and is not there, and what is not stricter, is reported."""
    data: Any = document.value
    require(document, report, ("policy",), data["policy"], known.policy_ids, "policy")
    params = read_params(document, report, ("params",), data.get("params", {}), known)
    policy = known.policies.get(data["policy"])
    if policy is not None:
        _check_tightens(document, report, known, policy, params)
        if not policy.of_record:
            message = _("the overlay is for {policy}, which is not the policy of record: nothing that it says is in force")
            report.note(document, ("policy",), message.format(policy=policy.id))
    relaxations = [_relaxation(document, report, known, index) for index in range(len(data.get("relaxations", ())))]
    return Overlay(data["department"], data["policy"], params, tuple(r for r in relaxations if r), digest(data))


def _check_tightens(document: Document, report: Report, known: Known, policy: Policy, params: dict[str, dict[str, Json]]) -> None:
    for check, values in params.items():
        for name, value in values.items():
            param = known.param(check, name)
            assert param is not None
            base = policy.params.get(check, {}).get(name, param.default)
            if not tightens(param, base, value):
                shown, limit = (json.dumps(v, ensure_ascii=False) for v in (value, base))
                message = _(
                    "{check} {name} is {value}, which is looser than the policy; expected {bound}, "
                    "or a relaxation with its justification, approver and end"
                ).format(check=check, name=name, value=shown, bound=tighter_said(param, limit))
                report.add(document, ("params", check, name), message)


def _relaxation(document: Document, report: Report, known: Known, index: int) -> Relaxation | None:
    whole: Any = document.value
    data, keys = whole["relaxations"][index], ("relaxations", index)
    check, control = data.get("check"), data.get("control")
    params = {}
    if check is not None and require(document, report, (*keys, "check"), check, known.check_ids, "check"):
        params = read_values(document, report, (*keys, "params"), check, data.get("params", {}), known)
    if control is not None:
        require(document, report, (*keys, "control"), control, known.control_ids, "control")
    try:
        until = date.fromisoformat(data["until"])
    except ValueError:
        if _DAY.fullmatch(data["until"]):  # else the schema has said so
            report.add(
                document, (*keys, "until"), _("{day} is no day of the calendar; expected YYYY-MM-DD").format(day=data["until"])
            )
        return None
    return Relaxation(text(data["justification"]), data["approver"].strip(), until, check, params, control)
