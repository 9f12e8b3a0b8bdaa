"""Evaluation: every planned check ends in a verdict, and only a clear yes passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.evaluating import Evaluator
from auditor.facts.shape import INT, STR, ListOf, record
from auditor.loading import load_workspace
from auditor.model import (
    AssetPlan,
    CheckTask,
    DepartmentPlan,
    FactUse,
    Observation,
    ObservationStatus,
    Outcome,
    Param,
    ProbeCall,
    Reach,
    Reason,
    Scope,
    Severity,
    Stricter,
    VerdictKind,
)
from tests.builders import NOW, SSHD_NO_ROOT, SSHD_ROOT, asset_plan, check, host, observation, result, task


def judge(one_check, one_result, **changes) -> Outcome:
    evaluator = Evaluator({one_check.id: one_check}, now=NOW)
    (outcome,) = evaluator.judge_asset(asset_plan(task(one_check.id, **changes)), one_result)
    return outcome


def test_pass_and_fail() -> None:
    """The comparison decides, and what was observed is shown."""
    failed = judge(check(), result(observation(SSHD_ROOT)))
    assert (failed.kind, failed.verdicts[0].observed, failed.complete) == (VerdictKind.FAIL, "yes", True)
    assert VerdictKind.PASS is judge(check(), result(observation(SSHD_NO_ROOT))).kind


def test_not_applicable() -> None:
    """Where `applies` is false on a whole observation, the check does not apply."""
    outcome = judge(check(), result(observation("installed=no\nend\n")))
    assert (outcome.kind, outcome.complete) == (VerdictKind.NOT_APPLICABLE, True)


@pytest.mark.parametrize(
    ("reach", "reason"),
    [
        (Reach.UNREACHABLE, Reason.UNREACHABLE),
        (Reach.DENIED, Reason.HOST_DENIED),
        (Reach.UNTRUSTED, Reason.UNTRUSTED),
        (Reach.TIMED_OUT, Reason.HOST_TIMED_OUT),
        (Reach.SKIPPED, Reason.SKIPPED),
    ],
)
def test_not_reached_is_unknown(reach: Reach, reason: Reason) -> None:
    """An asset that was not reached is unknown, with the reason, and the outcome is not complete."""
    outcome = judge(check(), result(reach=reach))
    assert (VerdictKind.UNKNOWN, reason, False) == (outcome.kind, outcome.verdicts[0].reason, outcome.complete)


@pytest.mark.parametrize("status", [s for s in ObservationStatus if s is not ObservationStatus.OK])
def test_only_whole_output_is_judged(status: ObservationStatus) -> None:
    """Output of a probe that failed, was denied, cut or timed out passes nothing, however good it looks."""
    outcome = judge(check(), result(observation(SSHD_NO_ROOT, status=status)))
    assert (outcome.kind, outcome.complete) == (VerdictKind.UNKNOWN, False)


def test_a_refusal_is_told_in_the_words_of_sudo() -> None:
    """Regression: where a probe complained on after sudo had refused, its last complaint stood for the reason."""
    said = "sudo: a password is required\nfind: '/var/lib/pgsql': No such file or directory\n"
    denied = replace(observation("", status=ObservationStatus.DENIED), stderr=said)
    assert judge(check(), result(denied)).verdicts[0].detail == "sshd: sudo: a password is required"
    failed = replace(observation("", status=ObservationStatus.FAILED), stderr=said)
    assert judge(check(), result(failed)).verdicts[0].detail.endswith("No such file or directory")


def test_parse_error_is_an_error() -> None:
    """What the parser cannot read is our error, not the host's pass."""
    outcome = judge(check(), result(observation("nonsense")))
    assert (outcome.kind, outcome.verdicts[0].reason) == (VerdictKind.ERROR, Reason.PARSE_ERROR)


def test_expression_error_is_an_error() -> None:
    """A missing optional field read without has() is an error."""
    outcome = judge(check(expect="sshd.logingracetime < 60"), result(observation(SSHD_NO_ROOT)))
    assert (outcome.kind, outcome.verdicts[0].reason) == (VerdictKind.ERROR, Reason.EXPRESSION_ERROR)


def test_not_visited_and_unknown_check() -> None:
    """No result, and a check that is not loaded, still end in a verdict."""
    assert VerdictKind.UNKNOWN is judge(check(), None).kind
    evaluator = Evaluator({}, now=NOW)
    (outcome,) = evaluator.judge_asset(asset_plan(), result(observation(SSHD_NO_ROOT)))
    assert VerdictKind.ERROR is outcome.kind


LIST_CHECK = check(
    for_each="sshd.port",
    where="item > 100",
    subject="string(item)",
    expect="item in params.allowed",
    observed="item",
    params=(Param("allowed", [], "ints", Stricter.SUBSET),),
)


def ports(*numbers: int) -> str:
    return (
        "installed=yes\n" + "".join(f"port {n}\n" for n in numbers) + "permitrootlogin no\n== files\n/etc/ssh/sshd_config:\nend\n"
    )


def test_each_item_is_a_subject() -> None:
    """A list check judges each item alone; what `where` leaves out is named apart."""
    outcome = judge(LIST_CHECK, result(observation(ports(22, 2222, 2223))), params={"allowed": [2222]})
    assert [(v.subject, v.kind) for v in outcome.verdicts] == [("2222", VerdictKind.PASS), ("2223", VerdictKind.FAIL)]
    assert (outcome.kind, outcome.excluded, outcome.complete) == (VerdictKind.FAIL, ("22",), True)


def test_of_a_long_list_whole_items_are_kept() -> None:
    """Regression: what was observed was the list's text, cut within an item, which no reader and no program could take apart."""
    numbers = list(range(1000, 1400))
    observed = judge(check(expect="false", observed="sshd.port"), result(observation(ports(*numbers)))).verdicts[0].observed
    assert isinstance(observed, dict)
    assert observed == {"first": numbers[:100], "more": 300}
    assert judge(check(expect="false", observed="sshd.port"), result(observation(ports(22)))).verdicts[0].observed == [22]


def test_an_empty_list_is_not_a_pass() -> None:
    """Nothing to examine does not apply; it earns no credit."""
    outcome = judge(LIST_CHECK, result(observation(ports(22))), params={"allowed": []})
    assert (
        outcome.kind,
        outcome.verdicts[0].reason,
        outcome.complete,
    ) == (VerdictKind.NOT_APPLICABLE, Reason.NOTHING_TO_EXAMINE, True)


def test_a_whole_list_of_offenders_that_is_empty_may_pass() -> None:
    """Where a check says so; the expression that fails on an item still is no pass."""
    one = replace(LIST_CHECK, empty="pass")
    outcome = judge(one, result(observation(ports(22))), params={"allowed": []})
    assert (outcome.kind, outcome.complete) == (VerdictKind.PASS, True)
    broken = replace(one, where=None, subject="string(item / 0)")
    assert VerdictKind.ERROR is judge(broken, result(observation(ports(22))), params={"allowed": []}).kind


def test_the_worst_of_two_items_of_one_name_counts() -> None:
    """Regression: an account listed twice, once good and once bad, must not pass by order."""
    one = check(for_each="sshd.port", subject="'same'", expect="item == 22")
    for listed in ((22, 23), (23, 22)):
        assert VerdictKind.FAIL is judge(one, result(observation(ports(*listed)))).kind


def test_long_subjects_stay_distinct() -> None:
    """A name as long as a hostile host likes is cut without making two things one."""
    one = check(
        for_each="sshd.port",
        subject=f"'{'x' * 300}' + string(item)",
        expect="false",
    )
    outcome = judge(one, result(observation(ports(22, 23))))
    assert len({v.subject for v in outcome.verdicts}) == 2
    assert all(len(v.subject) < 220 for v in outcome.verdicts)


def over_department(*results, expect: str = "size(item.values) == 1") -> Outcome:
    one = check(
        scope=Scope.DEPARTMENT,
        applies=None,
        for_each="sshd.map(s, [string(s.value.port[0]), s.asset.name]).group()",
        subject="item.key",
        expect=expect,
        observed="item.values",
    )
    members = [host(f"health-web-{n}") for n in (1, 2, 3)]
    plan = DepartmentPlan(
        "health",
        host("department:health"),
        tuple(asset_plan(asset=a) for a in members),
        (task(one.id),),
    )
    (outcome,) = Evaluator({one.id: one}, now=NOW).judge_department(plan, {r.asset: r for r in results})
    return outcome


def seen(n: int, port: int):
    uid = f"health-web-{n}"
    later = NOW + timedelta(seconds=n)
    return result(observation(ports(port), asset=uid, observed_at=later), asset=uid)


def test_department_scope_sees_all_assets() -> None:
    """With every asset observed, a department check passes or fails as a whole, and rests on the oldest observation."""
    outcome = over_department(seen(1, 22), seen(2, 23), seen(3, 24))
    assert (outcome.kind, outcome.complete) == (VerdictKind.PASS, True)
    assert NOW + timedelta(seconds=1) == outcome.observed_at


def test_department_scope_partly_observed_never_passes() -> None:
    """Regression: one host missing makes the department unknown (n of m), never pass."""
    outcome = over_department(seen(1, 22), seen(2, 23))
    assert (outcome.kind, outcome.complete) == (VerdictKind.UNKNOWN, False)
    assert [(v.subject, v.reason, v.detail) for v in outcome.verdicts] == [("", Reason.PARTLY_OBSERVED, "2 of 3")]


def test_department_scope_offenders_seen_still_fail() -> None:
    """Offenders that were seen fail although others were not seen; those who pass are not counted."""
    outcome = over_department(seen(1, 22), seen(2, 22))
    assert (outcome.kind, outcome.complete) == (VerdictKind.FAIL, False)
    assert [v.subject for v in outcome.verdicts] == ["", "22"]


def test_a_department_that_was_partly_observed_knows_how_much_is_missing() -> None:
    """Regression, false failure: of five clocks two were read and disagreed, and the right one failed with the wrong one."""
    outcome = over_department(seen(1, 22), seen(2, 22), expect="size(item.values) + department.missing == 3")
    assert [(v.subject, v.kind) for v in outcome.verdicts] == [("", VerdictKind.UNKNOWN)]
    all_seen = over_department(seen(1, 22), seen(2, 23), seen(3, 24), expect="department.missing == 0")
    assert all_seen.kind is VerdictKind.PASS


def test_clocks_that_were_not_read_may_be_the_majority() -> None:
    """One of two that were read may be right; one of four that three others contradict is not, whatever the fifth says."""
    loaded = load_workspace(Path(__file__).parents[2])
    assert loaded.catalogue is not None
    checks = loaded.catalogue.checks
    members = [host(f"h{n}") for n in range(5)]
    call = ProbeCall("clock")
    params: dict[str, Any] = {"max_seconds": 30}
    clocks = CheckTask("dept-clock-spread", Severity.MEDIUM, params, (("clock", call),), (), "")
    plan = DepartmentPlan("health", host("department:health"), tuple(AssetPlan(m, (call,), ()) for m in members), (clocks,))

    def failing(*offsets: int) -> list[str]:
        results = {}
        for n, offset in enumerate(offsets):
            stamp = int(NOW.timestamp()) + offset
            told = Observation(f"h{n}", call, ObservationStatus.OK, NOW, stdout=f"epoch={stamp}\nend\n", exit_status=0)
            results[f"h{n}"] = result(told, asset=f"h{n}")
        (outcome,) = Evaluator(checks, now=NOW).judge_department(plan, results)
        assert outcome.kind is not VerdictKind.PASS
        return [v.subject for v in outcome.verdicts if v.kind is VerdictKind.FAIL]

    assert failing(0, 3600) == []
    assert failing(0, 1, 2, 3600) == ["h3"]
    assert failing(0, 1, 2, 3600, 3600) == ["h3", "h4"]


def test_shapes_of_builders() -> None:
    """The probe call of a fact without arguments prints as the fact's name."""
    assert ProbeCall("sshd").key == "sshd"
    assert ProbeCall("x", (("path", "/etc"),)).key == "x(path=/etc)"
    assert FactUse("sshd", "sshd").args == ()
    assert ListOf(record(a=INT, b=STR)) == ListOf(record(a=INT, b=STR))


def scanned(*open_ports: int, closed: str) -> str:
    listed = "".join(
        f'<port protocol="tcp" portid="{n}"><state state="open"/><service name="telnet" method="probed"/></port>'
        for n in open_ports
    )
    return f'<host><status state="up"/><ports closed="{closed}">{listed}</ports></host>'


PORTS = {
    "facts": (FactUse("open_ports", "open_ports"),),
    "applies": None,
    "for_each": "open_ports",
    "subject": "string(item.port) + '/' + item.protocol",
    "expect": "(string(item.port) + '/' + item.protocol) in asset.ports",
    "observed": None,
}


@pytest.mark.parametrize(
    ("slice_", "of_80", "complete"),
    [
        (scanned(22, closed="23"), VerdictKind.UNKNOWN, True),  # silent
        (scanned(22, closed="80"), None, True),  # refused: gone
        (scanned(22, 80, closed=""), VerdictKind.FAIL, True),
    ],
)
def test_a_silent_port_with_an_open_finding_is_unknown(slice_: str, of_80: VerdictKind | None, complete: bool) -> None:
    """A port that a firewall hides tonight is not proof that it is closed; a port that never failed makes no noise by silence."""
    one = check("net-ports", **PORTS)
    plan = asset_plan(task("net-ports", facts=("open_ports",)), asset=host(ports=("22/tcp",)))
    seen = result(observation(slice_, fact="open_ports"))
    evaluator = Evaluator({"net-ports": one}, now=NOW)
    (outcome,) = evaluator.judge_asset(plan, seen, {"net-ports": ["80/tcp"]})
    kinds = {v.subject: v.kind for v in outcome.verdicts}
    assert (kinds.get("80/tcp"), kinds["22/tcp"], outcome.complete) == (of_80, VerdictKind.PASS, complete)
    (unmarked,) = evaluator.judge_asset(plan, seen)
    assert VerdictKind.UNKNOWN not in {v.kind for v in unmarked.verdicts}


@pytest.mark.parametrize("of_ipv4", [scanned(22, closed="8080"), scanned(22, 8080, closed=""), scanned(22, closed="")])
@pytest.mark.parametrize("for_each", ["open_ports_ipv6", "open_ports_ipv6.filter(p, p.port > 0)"])
def test_the_proof_of_another_list_closes_nothing(for_each: str, of_ipv4: str) -> None:
    """That IPv4 refuses a port is no proof that it is closed over IPv6, where it is silent tonight and was open before."""
    changes = {**PORTS, "for_each": for_each, "expect": "open_ports.exists(p, p.port == item.port)"}
    both = (FactUse("open_ports_ipv6", "open_ports_ipv6"), FactUse("open_ports", "open_ports"))
    one = check("net-ipv6", **{**changes, "facts": both})
    plan = asset_plan(task("net-ipv6", facts=("open_ports_ipv6", "open_ports")))
    seen = result(
        observation(scanned(22, closed=""), fact="open_ports_ipv6"),
        observation(of_ipv4, fact="open_ports"),
    )
    (outcome,) = Evaluator({"net-ipv6": one}, now=NOW).judge_asset(plan, seen, {"net-ipv6": ["8080/tcp"]})
    assert {v.subject: v.kind for v in outcome.verdicts} == {"22/tcp": VerdictKind.PASS, "8080/tcp": VerdictKind.UNKNOWN}


def test_a_service_that_says_nothing_tonight_is_not_excluded() -> None:
    """`where` leaves out what is not identified; a finding of that port must not close as not applicable."""
    changes = {**PORTS, "facts": (FactUse("network_services", "network_services"),), "for_each": "network_services"}
    one = check("net-plain", **{**changes, "where": "item.identified", "expect": "item.service != 'telnet'"})
    plan = asset_plan(task("net-plain", facts=("network_services",)))
    silent = scanned(2323, closed="").replace("probed", "table")
    (outcome,) = Evaluator({"net-plain": one}, now=NOW).judge_asset(
        plan, result(observation(silent, fact="network_services")), {"net-plain": ["2323/tcp"]}
    )
    assert outcome.excluded == ()
    assert {v.subject: v.kind for v in outcome.verdicts}["2323/tcp"] is VerdictKind.UNKNOWN


def test_what_is_not_decidable_is_unknown_and_closes_nothing() -> None:
    """A port of which nothing is certain neither passes nor fails; left out as by `where`, its finding would close."""
    one = check("net-ports", **{**PORTS, "decidable": "item.port != 80"})
    plan = asset_plan(task("net-ports", facts=("open_ports",)), asset=host(ports=("22/tcp",)))
    seen = result(observation(scanned(22, 80, closed=""), fact="open_ports"))
    (outcome,) = Evaluator({"net-ports": one}, now=NOW).judge_asset(plan, seen, {"net-ports": ["80/tcp"]})
    kinds = {v.subject: (v.kind, v.reason) for v in outcome.verdicts}
    assert kinds["80/tcp"] == (VerdictKind.UNKNOWN, Reason.UNDECIDED)
    assert kinds["22/tcp"] == (VerdictKind.PASS, Reason.NONE)
    assert (outcome.kind, outcome.excluded) == (VerdictKind.UNKNOWN, ())


@pytest.mark.parametrize(("allowed", "kind"), [("yes", VerdictKind.UNKNOWN), ("no", VerdictKind.PASS)])
def test_a_check_without_a_list_may_be_undecidable(allowed: str, kind: VerdictKind) -> None:
    """What was observed of the host as a whole may not decide it either: that is unknown, not a pass."""
    one = check("root", decidable="sshd.permitrootlogin == 'no'", expect="true", observed=None)
    seen = result(observation(SSHD_ROOT if allowed == "yes" else SSHD_NO_ROOT))
    (outcome,) = Evaluator({"root": one}, now=NOW).judge_asset(asset_plan(task("root")), seen, {"root": [""]})
    assert [(v.subject, v.kind) for v in outcome.verdicts] == [("", kind)]


def test_a_judgement_of_all_ports_together_closes_nothing() -> None:
    """A check that asks one question of the whole list cannot tell a closed port from a silent one."""
    one = check("net-all", **{**PORTS, "for_each": None, "subject": None, "expect": "!open_ports.exists(p, p.port == 80)"})
    plan = asset_plan(task("net-all", facts=("open_ports",)))
    seen = result(observation(scanned(22, closed=""), fact="open_ports"))
    (outcome,) = Evaluator({"net-all": one}, now=NOW).judge_asset(plan, seen, {"net-all": [""]})
    assert not outcome.complete


def test_checks_that_decide_alike_each_have_their_own_outcome() -> None:
    """Two checks that differ in wording alone have one definition: what one decided is not told as the other's."""
    checks = {name: check(name, sha256="the same") for name in ("first", "second", "third")}
    evaluator = Evaluator(checks, now=NOW)
    tasks = [task(name, definition="the same") for name in checks]
    for uid in ("health-web-1", "health-db-1", "health-db-2"):
        seen = result(observation(SSHD_ROOT, asset=uid), asset=uid)
        outcomes = evaluator.judge_asset(asset_plan(*tasks, asset=host(uid)), seen)
        assert [(o.asset, o.check) for o in outcomes] == [(uid, name) for name in checks]


def test_deciding_once_never_mixes_hosts_or_definitions() -> None:
    """Equal facts are decided once; another definition, another fact or a check that looks at the asset is decided anew."""
    plain, by_name = check("plain"), check("by-name", expect="asset.name == 'web-1'", observed=None)
    evaluator = Evaluator({c.id: c for c in (plain, by_name)}, now=NOW)

    def judged(uid: str, output: str, definition: str = "d1") -> tuple[Outcome, ...]:
        tasks = (task("plain", definition=definition), task("by-name", definition=definition))
        later = NOW + timedelta(seconds=len(uid))
        seen = result(observation(output, asset=uid, observed_at=later), asset=uid)
        return evaluator.judge_asset(asset_plan(*tasks, asset=host(uid)), seen)

    first, second, third = (
        judged("health-web-1", SSHD_ROOT),
        judged("health-db-1", SSHD_ROOT),
        judged("health-db-1", SSHD_NO_ROOT),
    )
    assert [o.kind for o in first] == [VerdictKind.FAIL, VerdictKind.PASS]
    assert [o.kind for o in second] == [VerdictKind.FAIL, VerdictKind.FAIL]
    assert [o.kind for o in third] == [VerdictKind.PASS, VerdictKind.FAIL]
    assert (second[0].asset, second[0].observed_at) == ("health-db-1", NOW + timedelta(seconds=len("health-db-1")))
    assert judged("health-db-1", SSHD_ROOT, "d2")[0].definition == "d2"
