"""From results to findings through a real ledger: what closes, and what only seems to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from auditor.evaluating import Evaluator
from auditor.ledger import Ledger
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    AssetResult,
    CheckTask,
    DepartmentPlan,
    FactUse,
    FindingState,
    Plan,
    ProbeCall,
    Scope,
    Severity,
)
from auditor.workflow.judging import Judge
from tests.builders import NOW, catalogue, check, host, observation, result

DAY = timedelta(days=1)
SHARED = check(
    "shared-keys",
    scope=Scope.DEPARTMENT,
    facts=(FactUse("clock", "clock"),),
    applies=None,
    for_each="clock.map(row, [string(row.value.epoch), row.asset.uid]).group()",
    subject="item.key",
    expect="item.values.size() == 1",
    observed="item.values",
)
PORTS = check(
    "ports",
    facts=(FactUse("open_ports", "open_ports"),),
    applies=None,
    for_each="open_ports",
    subject="string(item.port)",
    expect="item.port == 22",
    observed=None,
)


def task(name: str, fact: str) -> CheckTask:
    return CheckTask(name, Severity.HIGH, {}, ((fact, ProbeCall(fact)),), ("A.8.2",), "d1")


def department(*uids: str, deaf: tuple[str, ...] = ()) -> DepartmentPlan:
    """Hosts whose clocks are compared, but for those of ``deaf``, which are only seen from the network."""
    whole = Asset("department:health", AssetKind.DEPARTMENT, "health", "health", "")
    clock, ports = ProbeCall("clock"), ProbeCall("open_ports")
    assets = tuple(
        AssetPlan(host(uid), (ports,) if uid in deaf else (clock, ports), (task("ports", "open_ports"),)) for uid in uids
    )
    return DepartmentPlan("health", whole, assets, (task("shared-keys", "clock"),))


def night(ledger: Ledger, number: int, plan: DepartmentPlan, *results: AssetResult) -> None:
    """One audit, judged and recorded."""
    now = NOW + number * DAY
    whole = Plan("national", "1", True, now, (plan,), sha256=f"n{number}")
    run = ledger.begin_run(whole, (), actor="test", now=now)
    evaluator = Evaluator({c.id: c for c in (SHARED, PORTS)}, now=now)
    judge = Judge(ledger, run.id, whole, catalogue(), evaluator, actor="test", clock=lambda: now + timedelta(minutes=5))
    dated = [
        replace(r, observations=tuple(replace(o, observed_at=now + timedelta(minutes=1)) for o in r.observations))
        for r in results
    ]
    for one in dated:
        ledger.record_result(run.id, one)
        judge.asset(next(a for a in plan.assets if a.asset.uid == one.asset), one)
    judge.department(plan, {one.asset: one for one in dated})
    ledger.finish_run(run.id, {}, actor="test", now=now + timedelta(minutes=9))


def seen(uid: str, epoch: int = 7, slice_: str = '<host><status state="up"/><ports closed="80"/></host>') -> AssetResult:
    facts = (("clock", f"epoch={epoch}\nend\n"), ("open_ports", slice_))
    return result(*(observation(text, fact=fact, asset=uid) for fact, text in facts), asset=uid)


OPENED = '<host><status state="up"/><ports closed=""><port protocol="tcp" portid="80"><state state="open"/></port></ports></host>'


def states(ledger: Ledger) -> dict[str, FindingState]:
    return {f.subject: f.state for f in ledger.findings()}


@pytest.mark.parametrize("after", [department("web"), department("web", "db", deaf=("db",))])
def test_a_host_that_left_takes_no_finding_of_the_department_with_it(ledger: Ledger, after: DepartmentPlan) -> None:
    """Two hosts share a key; one is dropped from the inventory, or no longer logged in to: nobody has changed the key."""
    night(ledger, 0, department("web", "db"), seen("web"), seen("db"))
    night(ledger, 1, after, *(seen(a.asset.uid) for a in after.assets))
    night(ledger, 2, after, *(seen(a.asset.uid) for a in after.assets))
    assert states(ledger) == {"7": FindingState.OPEN}


def test_a_key_that_was_changed_closes_the_finding(ledger: Ledger) -> None:
    """Both hosts are asked again and no longer share it."""
    night(ledger, 0, department("web", "db"), seen("web"), seen("db"))
    night(ledger, 1, department("web", "db", "mail"), seen("web"), seen("db", 8), seen("mail", 9))
    assert states(ledger) == {"7": FindingState.CLOSED}


@pytest.mark.parametrize("wrong", [365, -365])
def test_a_night_with_a_wrong_clock_decides_nothing_afterwards(ledger: Ledger, wrong: int) -> None:
    """Regression: what such a night saw stood until its instant came, for a year. The ledger is whole all the same."""
    shut, opened = seen("web"), seen("web", slice_=OPENED)
    fleet = department("web")
    for number, told in ((0, opened), (wrong, shut), (2, opened)):
        night(ledger, number, fleet, told)
    assert states(ledger) == {"80": FindingState.REOPENED}
    for number in (3, 4, wrong + 1, 6):  # nothing is left to happen to it, and its findings are left unread
        night(ledger, number, fleet, opened)
    night(ledger, 7, fleet, shut)
    assert states(ledger) == {"80": FindingState.CLOSED}
    assert ledger.verify().problem == ""


def test_a_plan_of_before_is_read_where_a_host_may_have_left(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of a nation are large, and most findings fail again: once it was read for each finding of each department."""
    read: list[str] = []
    planned = ledger.planned

    def counted(name: str, at: datetime) -> DepartmentPlan | None:
        read.append(name)
        return planned(name, at)

    monkeypatch.setattr(ledger, "planned", counted)
    night(ledger, 0, department("web", "db"), seen("web"), seen("db"))
    night(ledger, 1, department("web", "db"), seen("web"), seen("db"))
    assert not read
    night(ledger, 2, department("web"), seen("web"))
    assert read == ["health"]


def test_the_plan_of_an_instant_is_that_of_its_run(ledger: Ledger) -> None:
    """Each department's own part; before the first run there is none."""
    night(ledger, 0, department("web", "db"), seen("web"), seen("db"))
    night(ledger, 1, department("web"), seen("web"))
    for number, wanted in ((0, department("web", "db")), (1, department("web"))):
        assert ledger.planned("health", NOW + number * DAY + timedelta(minutes=1)) == wanted
    assert ledger.planned("finance", NOW + timedelta(minutes=1)) is None
    assert ledger.planned("health", NOW - timedelta(minutes=1)) is None
    assert ledger.planned("health", NOW + timedelta(hours=1)) is None


def test_a_port_closes_when_it_refuses_and_not_while_it_is_silent(ledger: Ledger) -> None:
    """Open on the first night, hidden by a firewall on the second, refusing on the third."""
    opened = (
        '<host><status state="up"/><ports closed=""><port protocol="tcp" portid="80"><state state="open"/></port></ports></host>'
    )
    told = []
    for number, slice_ in enumerate(
        (opened, opened.replace("open", "filtered"), '<host><status state="up"/><ports closed="80"/></host>')
    ):
        night(ledger, number, department("web"), seen("web", slice_=slice_))
        told.append(states(ledger)["80"])
    assert told == [FindingState.OPEN, FindingState.OPEN, FindingState.CLOSED]
