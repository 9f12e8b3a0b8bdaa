"""Planning: what runs where, under which parameters, and for how long a relaxation holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from auditor.errors import UsageError
from auditor.facts import by_name
from auditor.model import (
    AssetKind,
    Connection,
    Department,
    Inventory,
    Maintenance,
    Nightly,
    Overlay,
    Param,
    Relaxation,
    Scope,
    Stricter,
    Text,
)
from auditor.model.codec import from_json, to_json
from auditor.model.plan import Plan
from auditor.planning import Narrowing, make_plan
from auditor.planning import plan as planning
from tests.builders import NOW, TEXT, catalogue, check, control, host, policy

TRIES = check(
    "ssh-max-auth-tries",
    expect="sshd.maxauthtries <= params.max",
    params=(Param("max", 4, "int", Stricter.LOWER),),
)


def params_of(plan: Plan) -> dict:
    return plan.departments[0].assets[0].checks[0].params


def test_each_probe_is_planned_once() -> None:
    """Two checks on one fact make one probe."""
    plan = make_plan(catalogue(checks=(check(), TRIES)), now=NOW)
    asset = plan.departments[0].assets[0]
    assert (len(asset.probes), len(asset.checks)) == (1, 2)


def test_params_are_layered() -> None:
    """Default, then policy, then the department's overlay."""
    base = catalogue(checks=(TRIES,))
    assert params_of(make_plan(base, now=NOW)) == {"max": 4}
    stricter = replace(base, policies={"national": policy(params={"ssh-max-auth-tries": {"max": 3}})})
    assert params_of(make_plan(stricter, now=NOW)) == {"max": 3}
    overlaid = replace(stricter, overlays={"health": Overlay("health", "national", {"ssh-max-auth-tries": {"max": 2}})})
    assert params_of(make_plan(overlaid, now=NOW)) == {"max": 2}


def test_a_relaxation_holds_through_its_last_day_in_the_departments_zone() -> None:
    """Regression of waivers whose dates shifted with the time zone: the day ends at the department's midnight."""
    relaxation = Relaxation(TEXT, "committee", date(2026, 11, 22), "ssh-max-auth-tries", {"max": 6})
    base = catalogue(checks=(TRIES,), overlays=(Overlay("health", "national", relaxations=(relaxation,)),))
    riyadh = Inventory((Department("health", TEXT, (host(),), timezone="Asia/Riyadh"),))
    base = replace(base, inventory=riyadh)
    last_minute = datetime(2026, 11, 22, 20, 59, tzinfo=UTC)  # 23:59 in Riyadh
    assert params_of(make_plan(base, now=last_minute)) == {"max": 6}
    assert params_of(make_plan(base, now=datetime(2026, 11, 22, 21, 0, tzinfo=UTC))) == {"max": 4}


def test_an_excluded_control_takes_its_checks_along() -> None:
    """A relaxed control is not in force; a check that no other control uses is not planned."""
    relaxation = Relaxation(TEXT, "committee", date(2027, 1, 1), control="A.8.2")
    base = catalogue(overlays=(Overlay("health", "national", relaxations=(relaxation,)),))
    department = make_plan(base, now=NOW).departments[0]
    assert (department.controls, department.assets[0].checks) == ((), ())


def test_a_parser_that_answers_otherwise_changes_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only a newer parser sees as mended must not close as fixed."""
    before = make_plan(catalogue(), now=NOW).departments[0].assets[0].checks[0].definition
    known = by_name("sshd")
    assert known is not None
    monkeypatch.setattr(planning, "by_name", lambda name: replace(known, version=known.version + 1))
    assert make_plan(catalogue(), now=NOW).departments[0].assets[0].checks[0].definition != before


def test_a_changed_parameter_changes_the_definition() -> None:
    """The lifecycle tells a change of policy from a change of the host by it."""
    base = catalogue(checks=(TRIES,))
    looser = replace(base, policies={"national": policy(params={"ssh-max-auth-tries": {"max": 9}})})
    definitions = [make_plan(c, now=NOW).departments[0].assets[0].checks[0].definition for c in (base, looser, base)]
    assert definitions[0] == definitions[2] != definitions[1]


def test_hosts_without_ssh_get_no_host_checks_and_unknown_platforms_stay() -> None:
    """`none` hosts are seen from the network alone; a platform without probes stays in the denominator."""
    assets = (host("health-a", connection=Connection("none")), host("health-b", platform="windows"))
    first, second = make_plan(catalogue(assets=assets), now=NOW).departments[0].assets
    assert (len(first.checks), len(second.checks)) == (0, 1)


def test_narrowing() -> None:
    """A run narrowed to hosts plans those alone, drops department checks and says so; unknown names are refused."""
    over_all = check("dept-one", scope=Scope.DEPARTMENT, applies=None, expect="sshd.all(s, s.value.installed)")
    base = catalogue(checks=(check(), over_all), assets=(host("health-a"), host("health-b")))
    whole = make_plan(base, now=NOW)
    assert (len(whole.departments[0].assets), len(whole.departments[0].checks), whole.narrowed) == (2, 1, False)
    one = make_plan(base, now=NOW, narrowing=Narrowing(hosts=("health-b",)))
    assert (len(one.departments[0].assets), len(one.departments[0].checks), one.narrowed) == (1, 0, True)
    with pytest.raises(UsageError, match="did you mean 'health-a'"):
        make_plan(base, now=NOW, narrowing=Narrowing(hosts=("health-aa",)))


def test_networks_get_no_host_checks() -> None:
    """An asset is planned for the facts of its own kind only."""
    network = host("health-net", kind=AssetKind.NETWORK, address="127.0.0.0/24")
    assert make_plan(catalogue(assets=(network,)), now=NOW).departments[0].assets[0].checks == ()


def test_a_plan_travels_as_json() -> None:
    """A plan is plain values: to JSON and back it is the same."""
    plan = make_plan(catalogue(checks=(check(), TRIES), controls=(control("A.8.2", "ssh-root-login"),)), now=NOW)
    assert plan == from_json(Plan, to_json(plan))


def test_set_aside_departments_are_named() -> None:
    """A department whose files are wrong is in the plan as set aside, unless others were asked for."""
    base = catalogue()
    base = replace(base, inventory=replace(base.inventory, set_aside=(("finance", ("finance.yaml:1:1: wrong",)),)))
    assert make_plan(base, now=NOW).set_aside[0].department == "finance"
    assert make_plan(base, now=NOW, narrowing=Narrowing(departments=("health",))).set_aside == ()


def test_the_wording_of_mistakes_does_not_make_another_plan() -> None:
    """A run begun while mistakes were told in Arabic is resumed by somebody who reads them in English."""
    base = catalogue()
    aside = [
        replace(base, inventory=replace(base.inventory, set_aside=((name, (said,)),)))
        for name, said in (("finance", "finance.yaml:1:1: wrong"), ("finance", "finance.yaml:1:1: خطأ"), ("trade", "x"))
    ]
    arabic, english, other = (make_plan(one, now=NOW).sha256 for one in aside)
    assert arabic == english != other


def test_what_is_left_alone_stays_in_the_plan_with_its_reason():
    """By a time of maintenance, for hosts named or tagged or for all; by a tag of the settings; never before or after."""
    calm = Text("New disks.", "أقراص جديدة.")
    hosts = (host("h1"), host("h2", tags=("laptop",)), host("h3"))

    def skipped(*times: Maintenance, **skip: Text) -> dict[str, str]:
        made = catalogue(assets=hosts)
        departments = tuple(replace(d, maintenance=times) for d in made.inventory.departments)
        settings = replace(made.settings, nightly=Nightly(skip=skip))
        plan = make_plan(replace(made, inventory=Inventory(departments), settings=settings), now=NOW)
        return {a.asset.uid: a.skipped for d in plan.departments for a in d.assets if a.skipped}

    hour = timedelta(hours=1)
    during = Maintenance(NOW - hour, NOW + hour, calm)
    assert skipped(during)["h1"] == "Under maintenance until 2026-11-22 02:30: أقراص جديدة / New disks."
    assert set(skipped(during)) == {"h1", "h2", "h3"}
    assert set(skipped(replace(during, hosts=("h3",)))) == {"h3"}
    assert set(skipped(replace(during, tags=("laptop",)))) == {"h2"}
    assert skipped(replace(during, ends=NOW)) == skipped(replace(during, starts=NOW + hour, ends=NOW + 2 * hour)) == {}
    assert skipped(laptop=calm) == {"h2": "Left out by the tag laptop: أقراص جديدة / New disks."}
