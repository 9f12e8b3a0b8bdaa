"""The plan: which probes run where and which checks judge them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from auditor.errors import UsageError
from auditor.facts import Fact, by_name
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    Catalogue,
    Check,
    CheckTask,
    Department,
    DepartmentPlan,
    FactUse,
    Json,
    Plan,
    Policy,
    ProbeCall,
    Scalar,
    Scope,
    SetAside,
    Text,
)
from auditor.model.codec import digest, to_json
from auditor.model.packing import pack
from auditor.planning.effective import EffectivePolicy, effective_policy
from auditor.text import N_, _

_UNKNOWN = {
    "policy": N_("there is no policy {name!r}{hint}"),
    "department": N_("there is no department {name!r}{hint}"),
    "host": N_("there is no host {name!r}{hint}"),
    "check": N_("there is no check {name!r}{hint}"),
}


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a run is narrowed to; empty tuples mean everything. Hosts are given by uid or by name."""

    departments: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.departments or self.hosts or self.checks)


def make_plan(catalogue: Catalogue, *, now: datetime, policy_id: str | None = None, narrowing: Narrowing | None = None) -> Plan:
    """Resolve policy × inventory × checks × now. Raises UsageError when a name asked for is not there."""
    narrowing = narrowing or Narrowing()
    policy = _policy(catalogue, policy_id)
    _refuse_unknown(catalogue, narrowing)
    departments = tuple(
        _department_plan(catalogue, policy, department, now, narrowing)
        for department in catalogue.inventory.departments
        if _wanted(department, narrowing)
    )
    set_aside = tuple(
        SetAside(name, mistakes)
        for name, mistakes in catalogue.inventory.set_aside
        if not narrowing.departments or name in narrowing.departments
    )
    addresses = tuple(
        address
        for department in catalogue.inventory.departments
        for asset in department.assets
        if asset.kind is AssetKind.HOST
        for address in (asset.address, asset.ipv6)
        if address
    )
    scope: dict[str, Json] = {name: value for name, value in to_json(narrowing).items() if value}
    # Not their mistakes, which read otherwise in another language: a run is resumed in whichever its next reader speaks.
    aside = [department.department for department in set_aside]
    return Plan(
        policy=policy.id,
        policy_version=policy.version,
        of_record=policy.of_record,
        now=now,
        departments=departments,
        narrowed=bool(narrowing),
        set_aside=set_aside,
        addresses=addresses,
        sha256=digest([policy.id, policy.version, [pack(d) for d in departments], aside, addresses, scope]),
        scope=scope,
    )


def _policy(catalogue: Catalogue, policy_id: str | None) -> Policy:
    wanted = policy_id or catalogue.settings.policy_of_record
    if wanted not in catalogue.policies:
        raise UsageError(_unknown("policy", wanted, catalogue.policies))
    return catalogue.policies[wanted]


def _wanted(department: Department, narrowing: Narrowing) -> bool:
    if narrowing.departments and department.id not in narrowing.departments:
        return False
    return not narrowing.hosts or any(_is_named(a, narrowing.hosts) for a in department.assets)


def _is_named(asset: Asset, names: tuple[str, ...]) -> bool:
    return asset.uid in names or asset.name in names


def _refuse_unknown(catalogue: Catalogue, narrowing: Narrowing) -> None:
    departments = {d.id for d in catalogue.inventory.departments} | {name for name, _ in catalogue.inventory.set_aside}
    assets = [a for d in catalogue.inventory.departments for a in d.assets]
    if narrowing.departments:
        assets = [a for a in assets if a.department in narrowing.departments]
    hosts = {name for a in assets for name in (a.uid, a.name)}
    known = (("department", departments), ("host", hosts), ("check", set(catalogue.checks)))
    for (kind, names), asked in zip(known, (narrowing.departments, narrowing.hosts, narrowing.checks), strict=True):
        for name in asked:
            if name not in names:
                raise UsageError(_unknown(kind, name, names) + (_aside(catalogue) if kind == "host" else ""))


def run_by_policy(catalogue: Catalogue, policy_id: str | None = None) -> frozenset[str]:
    """The checks that a policy, that of record if none is given, runs somewhere."""
    policy = _policy(catalogue, policy_id)
    named = {m.check for c in catalogue.framework.controls if c.id in policy.controls for m in c.checks}
    return frozenset(named).intersection(catalogue.checks) - frozenset(policy.excluded_checks)


def refuse_idle(catalogue: Catalogue, checks: Iterable[str], policy_id: str | None = None) -> None:
    """Raise UsageError for a check asked for that the policy never runs: nothing would be looked at, and nothing would fail."""
    policy = _policy(catalogue, policy_id)
    run = run_by_policy(catalogue, policy_id)
    for name in checks:
        if name in policy.excluded_checks:
            raise UsageError(
                _("{policy} excludes the check {check}, so that it is never run").format(policy=policy.id, check=name)
            )
        if name in catalogue.checks and name not in run:
            message = _("no control of {policy} names the check {check}, so that it is never run; map it in a control first")
            raise UsageError(message.format(policy=policy.id, check=name))


def _aside(catalogue: Catalogue) -> str:
    """Where a host may be that is not found: its department's files are not used while they are wrong."""
    names = ", ".join(name for name, _mistakes in catalogue.inventory.set_aside)
    if not names:
        return ""
    return _(" (set aside because their files are wrong: {departments}; see `auditor validate`)").format(departments=names)


def _unknown(kind: str, name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    hint = _("; did you mean {word!r}?").format(word=near[0]) if near else ""
    return _(_UNKNOWN[kind]).format(name=name, hint=hint)


def _department_plan(
    catalogue: Catalogue, policy: Policy, department: Department, now: datetime, narrowing: Narrowing
) -> DepartmentPlan:
    policy_now = effective_policy(catalogue, policy, department, now)
    wanted = [c for c in policy_now.checks if not narrowing.checks or c in narrowing.checks]
    checks = [catalogue.checks[c] for c in sorted(wanted)]
    # a check over the whole department cannot be judged from some of its hosts
    over_all = [c for c in checks if c.scope is Scope.DEPARTMENT] if not narrowing.hosts else []
    per_asset = [c for c in checks if c.scope is Scope.ASSET]

    share = _Shared(per_asset, over_all, policy_now)
    assets = tuple(
        replace(share.plan(asset), skipped=why_left_alone(catalogue, department, asset, now))
        for asset in department.assets
        if not narrowing.hosts or _is_named(asset, narrowing.hosts)
    )
    collected = {probe for plan in assets for probe in plan.probes}
    tasks = [share.tasks[check.id] for check in over_all]
    return DepartmentPlan(
        department=department.id,
        asset=Asset(f"department:{department.id}", AssetKind.DEPARTMENT, department.id, department.id, ""),
        assets=assets,
        checks=tuple(t for t in tasks if all(call in collected for _, call in t.facts)),
        policy_sha256=policy_now.sha256,
        controls=policy_now.controls,
    )


def why_left_alone(catalogue: Catalogue, department: Department, asset: Asset, now: datetime) -> str:
    """Why an asset is left alone at an instant, as the record keeps it; "" when it is not."""
    for time in department.maintenance:
        if time.covers(asset, now):
            return f"Under maintenance until {time.ends:%Y-%m-%d %H:%M}: {_both(time.reason)}."
    for tag, reason in catalogue.settings.nightly.skip.items():
        if tag in asset.tags:
            return f"Left out by the tag {tag}: {_both(reason)}."
    return ""


def maintenance_over(department: Department, asset: Asset, now: datetime) -> datetime | None:
    """When the maintenance that an asset is under is over, with those that begin before it ends; None where there is none."""
    at = now
    while ends := max((t.ends for t in department.maintenance if t.covers(asset, at)), default=None):
        at = ends
    return at if at > now else None


def _both(reason: Text) -> str:
    """A person's reason, in both languages: the record does not depend on who reads it."""
    return f"{reason.ar.strip().rstrip('.')} / {reason.en.strip().rstrip('.')}"


class _Shared:
    """What a department's assets are planned with: most of them by the very same tasks and probes, which are made once."""

    def __init__(self, per_asset: list[Check], over_all: list[Check], policy: EffectivePolicy) -> None:
        self.tasks = {check.id: _task(check, policy) for check in (*per_asset, *over_all)}
        self._per_asset, self._over_all = per_asset, over_all
        self._known: dict[tuple[AssetKind, bool, bool], tuple[tuple[ProbeCall, ...], tuple[CheckTask, ...]]] = {}

    def plan(self, asset: Asset) -> AssetPlan:
        key = (asset.kind, asset.ipv6 != "", asset.connection.method != "none")  # all that ``_readable`` asks
        if key not in self._known:
            self._known[key] = self._made(asset)
        return AssetPlan(asset, *self._known[key])

    def _made(self, asset: Asset) -> tuple[tuple[ProbeCall, ...], tuple[CheckTask, ...]]:
        chosen = (check for check in self._per_asset if all(_readable(use, asset) for use in check.facts))
        tasks = tuple(self.tasks[check.id] for check in chosen)
        calls = {call for task in tasks for _, call in task.facts}
        for check in self._over_all:
            for use, (_variable, call) in zip(check.facts, self.tasks[check.id].facts, strict=True):
                if _readable(use, asset):
                    calls.add(call)
        return tuple(sorted(calls)), tasks


def _readable(use: FactUse, asset: Asset) -> bool:
    """Whether a fact of this kind is to be had of such an asset at all.

    That the asset's platform has a probe is not asked: a host of a platform we cannot read yet stays in the plan, and its
    checks end as unknown, so that it lowers coverage instead of vanishing from it.
    """
    fact = _fact(use)
    if fact.asset_kind is not asset.kind:
        return False
    if fact.network is not None:
        return fact.network.second_address is False or asset.ipv6 != ""
    return asset.connection.method != "none"


def _task(check: Check, policy: EffectivePolicy) -> CheckTask:
    params = policy.params[check.id]
    facts = tuple((use.variable, ProbeCall(use.fact, _arguments(use, params))) for use in check.facts)
    return CheckTask(
        check=check.id,
        severity=check.severity,
        params=params,
        facts=facts,
        controls=policy.checks[check.id],
        definition=digest([check.sha256, params, [_fact(use).version for use in check.facts]]),
    )


def _arguments(use: FactUse, params: dict[str, Json]) -> tuple[tuple[str, Scalar], ...]:
    resolved: list[tuple[str, Scalar]] = []
    for name, value in use.args:
        if isinstance(value, str) and value.startswith("params."):
            param = params[value.removeprefix("params.")]
            if isinstance(param, list | dict) or param is None:
                raise UsageError(
                    _("the argument {name} of the fact {fact} takes a single value, not a list").format(name=name, fact=use.fact)
                )
            value = param
        resolved.append((name, value))
    return tuple(resolved)


def _fact(use: FactUse) -> Fact:
    fact = by_name(use.fact)
    if fact is None:
        raise UsageError(_("there is no fact {name!r}").format(name=use.fact))
    return fact
