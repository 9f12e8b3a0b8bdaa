"""What is in force for one department at one instant: the policy with its overlay and the relaxations still running."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from auditor.model import Catalogue, Department, Json, Policy, Relaxation
from auditor.model.codec import digest


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """One department's policy at one instant.

    ``controls`` are the ids in force, in the framework's order. ``checks`` maps each check that speaks for one of them to those
    controls. ``params`` maps check id to its parameters, resolved. ``sha256`` changes when any of it does.
    """

    controls: tuple[str, ...]
    checks: dict[str, tuple[str, ...]]
    params: dict[str, dict[str, Json]]
    relaxations: tuple[Relaxation, ...]
    sha256: str


def effective_policy(catalogue: Catalogue, policy: Policy, department: Department, now: datetime) -> EffectivePolicy:
    """Resolve the policy for a department. A relaxation holds through its end date in the department's own time zone."""
    overlay = catalogue.overlays.get(department.id)
    if overlay is not None and overlay.policy != policy.id:
        overlay = None
    today = now.astimezone(ZoneInfo(department.timezone)).date()
    relaxations = tuple(r for r in overlay.relaxations if today <= r.until) if overlay else ()
    without_controls = {r.control for r in relaxations if r.control}
    without_checks = {r.check for r in relaxations if r.check and not r.params} | set(policy.excluded_checks)

    controls: list[str] = []
    checks: dict[str, list[str]] = {}
    for control in catalogue.framework.controls:
        if control.id not in policy.controls or control.id in without_controls:
            continue
        controls.append(control.id)
        for mapping in control.checks:
            if mapping.check in catalogue.checks and mapping.check not in without_checks:
                checks.setdefault(mapping.check, []).append(control.id)
    params = {check: _params(catalogue, policy, department, relaxations, check) for check in checks}
    resolved = {check: tuple(speaks_for) for check, speaks_for in checks.items()}
    sha256 = digest([policy.sha256, controls, resolved, params])
    return EffectivePolicy(tuple(controls), resolved, params, relaxations, sha256)


def _params(
    catalogue: Catalogue, policy: Policy, department: Department, relaxations: tuple[Relaxation, ...], check: str
) -> dict[str, Json]:
    overlay = catalogue.overlays.get(department.id)
    values = {param.name: param.default for param in catalogue.checks[check].params}
    values |= policy.params.get(check, {})
    if overlay is not None and overlay.policy == policy.id:
        values |= overlay.params.get(check, {})
    for relaxation in relaxations:
        if relaxation.check == check:
            values |= relaxation.params
    return values
