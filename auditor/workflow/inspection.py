"""Looking before leaping: the plan, one host's script, the privilege it needs, one host's connection, one fact's value."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from auditor.collecting import build_script, collect_asset, sudoers_for
from auditor.errors import UsageError
from auditor.evaluating import Missing, read_result
from auditor.facts import by_name
from auditor.model import AssetKind, AssetPlan, AssetResult, Catalogue, Json, Observation, Plan, ProbeCall, Reach
from auditor.planning import Narrowing, make_plan, refuse_idle
from auditor.text import _
from auditor.workflow.arguments import arguments_of


@dataclass(frozen=True, slots=True)
class FactReading:
    """What one fact showed on one host: its value, or why there is none."""

    asset: str
    reach: Reach
    detail: str
    observation: Observation | None
    value: Json
    missing: str


def plan_now(
    catalogue: Catalogue, departments: tuple[str, ...] = (), hosts: tuple[str, ...] = (), checks: tuple[str, ...] = ()
) -> Plan:
    """The plan as `auditor audit` would make it at this moment."""
    refuse_idle(catalogue, checks)
    return make_plan(catalogue, now=datetime.now(UTC), narrowing=Narrowing(departments, hosts, checks))


def asset_plan(catalogue: Catalogue, host: str) -> AssetPlan:
    """The plan of one host, named by uid or by name. A name that two departments use is refused."""
    found = [a for d in plan_now(catalogue, hosts=(host,)).departments for a in d.assets]
    if len(found) > 1:
        uids = ", ".join(a.asset.uid for a in found)
        raise UsageError(_("{name!r} names several assets; give one of the uids {uids}").format(name=host, uids=uids))
    return found[0]


def script_of(catalogue: Catalogue, host: str) -> str:
    """The shell script that would be sent to the host. Its marker is random and another one at every call."""
    plan = asset_plan(catalogue, host)
    marker = secrets.token_hex(16)
    return build_script(plan.probes, plan.asset.platform, marker, sudo=plan.asset.connection.sudo)


def sudoers_of(plan: Plan) -> str:
    """The sudoers lines for every login user of the plan that is not root."""
    probes: dict[tuple[str, str], dict[ProbeCall, None]] = {}
    for asset in _by_sudo(plan):
        user = asset.asset.connection.user
        if user and user != "root":
            probes.setdefault((user, asset.asset.platform), {}).update(dict.fromkeys(asset.probes))
    return "\n".join(filter(None, (sudoers_for(tuple(calls), user, platform) for (user, platform), calls in probes.items())))


def without_login(plan: Plan) -> tuple[str, ...]:
    """The hosts for which no sudoers lines can be printed, since the inventory does not say who logs in there."""
    unnamed = (a for a in _by_sudo(plan) if not a.asset.connection.user)
    return tuple(a.asset.uid for a in unnamed if sudoers_for(a.probes, "somebody", a.asset.platform))


def _by_sudo(plan: Plan) -> Iterator[AssetPlan]:
    """Those on which sudo may be tried."""
    for department in plan.departments:
        yield from (a for a in department.assets if a.asset.kind is AssetKind.HOST and a.asset.connection.sudo)


def test_connection(catalogue: Catalogue, host: str) -> AssetResult:
    """Log in to one host and run nothing but the empty script. Raises UsageError for a network."""
    plan = asset_plan(catalogue, host)
    if plan.asset.kind is AssetKind.NETWORK:
        raise UsageError(_("{name} is a network, which cannot be logged in to; name a host").format(name=plan.asset.uid))
    return collect_asset(AssetPlan(plan.asset, (), ()), catalogue.settings)


def read_fact(catalogue: Catalogue, name: str, host: str, args: dict[str, str]) -> FactReading:
    """Read one fact from one host, now."""
    fact = by_name(name)
    if fact is None:
        raise UsageError(_("there is no fact {name!r}; `auditor fact list` shows them").format(name=name))
    call = ProbeCall(name, arguments_of(fact, args))
    plan = asset_plan(catalogue, host)
    result = collect_asset(AssetPlan(plan.asset, (call,), ()), catalogue.settings)
    reading = read_result(result, (call,))[call]
    observation = next((o for o in result.observations if o.probe == call), None)
    if isinstance(reading, Missing):
        return FactReading(plan.asset.uid, result.reach, result.detail, observation, None, f"{reading.reason}: {reading.detail}")
    return FactReading(plan.asset.uid, result.reach, result.detail, observation, reading.value, "")
