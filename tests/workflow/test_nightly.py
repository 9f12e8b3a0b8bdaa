"""The night: a window that closes, what is left coming first, hosts that were down tried again, a kill survived."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from auditor.collecting import CLOSED, CUT, collect_plan
from auditor.collecting.interface import not_reached, utcnow
from auditor.collecting.script import host_calls
from auditor.errors import LedgerError, UsageError
from auditor.ledger import Ledger
from auditor.ledger.schema import VERSION
from auditor.model import (
    AssetPlan,
    AssetResult,
    Catalogue,
    DepartmentPlan,
    FactUse,
    Maintenance,
    Observation,
    ObservationStatus,
    ProbeCall,
    Reach,
    Run,
    RunStatus,
    Severity,
    Text,
)
from auditor.planning import Narrowing, make_plan
from auditor.text import using
from auditor.text.labels import label
from auditor.workflow.audit import audit
from auditor.workflow.nightly import nightly, write_metrics
from auditor.workflow.queries import FindingFilter, list_findings, list_runs, reading
from auditor.workflow.reevaluate import reevaluate
from auditor.workflow.status import status
from tests.builders import NOW, catalogue, check

from .fleet import Fleet, Quiet, missed, nation, run_of


def test_at_the_end_of_the_window_no_host_is_begun_and_none_is_forgotten(
    fleet: Fleet, tmp_path: Path, passed: list[float]
) -> None:
    """What was not come to is unknown with that reason, stays in the denominator, and comes first the next night."""
    found = nation(tmp_path, window=4.0)

    def slow(_uid: str) -> None:
        passed[0] += 1.5

    fleet.on_visit = slow
    run = run_of(found)
    left = missed(run)
    assert run.status is RunStatus.FINISHED
    assert left == {"health-2": CUT, "health-3": CLOSED, "health-4": CLOSED, "health-5": CLOSED}
    assert (run.summary["complete"], run.summary["coverage"]["planned"]) == (False, 6)  # type: ignore[index,call-overload]
    with reading(found) as ledger:
        reasons = {v.reason.value for o in ledger.verdicts(run.id) if o.asset in left for v in o.verdicts}
    assert reasons == {"skipped"}
    assert not list_findings(found, FindingFilter())
    fleet.visits.clear()
    fleet.on_visit = lambda _uid: None
    second = run_of(nation(tmp_path))
    assert fleet.visits[: len(left)] == list(left)
    assert missed(second) == {}


def test_what_is_under_way_when_the_window_is_over_is_cut(fleet: Fleet, tmp_path: Path, passed: list[float]) -> None:
    """After the grace; the run ends all the same."""
    found = nation(tmp_path, hosts=2, window=2.0, grace=1.0)

    def slow(_uid: str) -> None:
        passed[0] += 3.0

    fleet.on_visit = slow
    assert missed(run_of(found)) == {"health-0": CUT, "health-1": CLOSED}


def test_a_host_whose_maintenance_has_begun_is_not_begun(fleet: Fleet, tmp_path: Path) -> None:
    """Regression, visits during maintenance: it was asked about at the start of the night alone. It is told why, in both
    languages, and counts as planned."""
    found = nation(tmp_path, hosts=3)
    now = [datetime.now(UTC)]
    begins, reason = now[0] + timedelta(hours=1), Text("New disks.", "أقراص جديدة.")
    times = (Maintenance(begins, begins + timedelta(hours=2), reason, hosts=("health-1",)),)
    departments = tuple(replace(d, maintenance=times) for d in found.inventory.departments)
    found = replace(found, inventory=replace(found.inventory, departments=departments))

    def later(_uid: str) -> None:
        now[0] = begins

    fleet.on_visit = later
    run = nightly(found, actor="cron", watcher=Quiet(), clock=lambda: now[0]).runs[-1]
    assert sorted(fleet.visits) == ["health-0", "health-2"]
    assert missed(run) == {"health-1": f"Under maintenance until {times[0].ends:%Y-%m-%d %H:%M}: أقراص جديدة / New disks."}
    assert run.summary["coverage"]["planned"] == 3  # type: ignore[index,call-overload]
    with reading(found) as ledger:
        assert {v.reason.value for o in ledger.verdicts(run.id) if o.asset == "health-1" for v in o.verdicts} == {"skipped"}


def test_hosts_that_were_down_are_tried_again_in_the_same_window(fleet: Fleet, tmp_path: Path) -> None:
    """Up to so many times; those that answered are not visited twice; the last answer counts."""
    fleet.down = {"health-1": 1, "health-3": 2, "health-5": 9}
    run = run_of(nation(tmp_path, retries=2))
    assert missed(run) == {"health-5": "no answer"}
    assert {uid: fleet.visits.count(uid) for uid in ("health-0", "health-1", "health-3", "health-5")} == {
        "health-0": 1,
        "health-1": 2,
        "health-3": 3,
        "health-5": 3,
    }


def test_a_host_without_a_usable_shell_is_not_down(fleet: Fleet, tmp_path: Path) -> None:
    """It let the auditor in: it is visited once, counted apart, nothing on it is judged, and the audit is incomplete.

    Regression: it was called unreachable, and tried again as often as a host that is switched off.
    """
    fleet.shellless = {"health-1"}
    fleet.down = {"health-3": 9}
    found = nation(tmp_path, retries=2)
    run = run_of(found)
    assert (fleet.visits.count("health-1"), fleet.visits.count("health-3")) == (1, 3)
    assert {k: v for k, v in run.summary["hosts"].items() if v} == {  # type: ignore[union-attr]
        "planned": 6,
        "reached": 4,
        "unreachable": 1,
        "no_shell": 1,
    }
    assert (run.summary["complete"], run.summary["coverage"]["judged"]) == (False, 4)  # type: ignore[index,call-overload]
    with reading(found) as ledger:
        reasons = {o.asset: v.reason.value for o in ledger.verdicts(run.id) for v in o.verdicts if o.kind.value == "unknown"}
    assert reasons == {"health-1": "no_shell", "health-3": "unreachable"}
    for language, words in (("en", "logged in, but no usable shell"), ("ar", "لا تتوفر فيه صدفة أوامر صالحة")):
        with using(language):
            assert words in label(Reach.NO_SHELL)


def test_nobody_is_tried_again_after_the_window(fleet: Fleet, tmp_path: Path) -> None:
    """However many tries are left."""
    fleet.down = {"health-1": 9}
    run_of(nation(tmp_path, window=5.0, retries=5, retry_after=6.0))
    assert fleet.visits.count("health-1") == 1


def test_the_next_start_finishes_what_was_left_and_says_so(fleet: Fleet, tmp_path: Path) -> None:
    """Interrupted in the middle: nothing is visited twice, and no other audit follows on the same night."""
    found, stop = nation(tmp_path), threading.Event()
    fleet.on_visit = lambda uid: stop.set() if uid == "health-3" else None
    first = nightly(found, actor="cron", watcher=Quiet(), cancelled=stop)
    assert [r.status for r in first.runs] == [RunStatus.INTERRUPTED]
    assert "unfinished" in status(found).why_not
    fleet.visits.clear()
    fleet.on_visit = lambda _uid: None
    watcher = Quiet()
    second = nightly(found, actor="cron", watcher=watcher)
    assert (second.resumed, watcher.done) == (True, 3)
    assert fleet.visits == ["health-3", "health-4", "health-5"]
    assert [r.id for r in list_runs(found)] == [1]
    assert missed(second.runs[-1]) == {}


def test_a_run_of_an_earlier_night_is_finished_before_tonights(fleet: Fleet, tmp_path: Path) -> None:
    """Both are reported."""
    found, stop = nation(tmp_path, window=2 * 86400.0), threading.Event()
    fleet.on_visit = lambda uid: stop.set() if uid == "health-3" else None
    long_ago = utcnow() - timedelta(days=1)
    nightly(found, actor="cron", watcher=Quiet(), cancelled=stop, clock=lambda: long_ago)
    fleet.on_visit = lambda _uid: None
    done = nightly(found, actor="cron", watcher=Quiet())
    assert [(r.id, r.status) for r in done.runs] == [(1, RunStatus.FINISHED), (2, RunStatus.FINISHED)]


def test_changed_files_end_the_unfinished_run_and_tonight_goes_on(fleet: Fleet, tmp_path: Path) -> None:
    """And why is said."""
    stop = threading.Event()
    fleet.on_visit = lambda uid: stop.set() if uid == "health-3" else None
    nightly(nation(tmp_path), actor="cron", watcher=Quiet(), cancelled=stop)
    fleet.on_visit = lambda _uid: None
    done = nightly(nation(tmp_path, hosts=7), actor="cron", watcher=Quiet())
    assert (done.resumed, "cannot be resumed" in done.not_resumed) == (False, True)
    assert [r.status for r in list_runs(nation(tmp_path))] == [RunStatus.FINISHED, RunStatus.ABANDONED]


def test_a_night_that_is_cancelled_before_its_own_audit_says_so(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: asked to stop before a run had begun, or where yesterday's could not be resumed, the night failed over the run
    that was not there; asked just after yesterday's was finished, it ended as a night that was well."""
    stop = threading.Event()
    stop.set()
    found = nation(tmp_path, window=2 * 86400.0)
    done = nightly(found, actor="cron", watcher=Quiet(), cancelled=stop)
    assert (done.runs, done.cut_short) == ((), True)
    stop.clear()
    fleet.on_visit = lambda uid: stop.set() if uid == "health-3" else None
    long_ago = utcnow() - timedelta(days=1)
    done = nightly(found, actor="cron", watcher=Quiet(), cancelled=stop, clock=lambda: long_ago)
    assert ([r.status for r in done.runs], done.cut_short) == ([RunStatus.INTERRUPTED], True)
    done = nightly(nation(tmp_path, hosts=7), actor="cron", watcher=Quiet(), cancelled=stop)
    assert (done.runs, done.cut_short, "cannot be resumed" in done.not_resumed) == ((), True, True)

    def then_stopped(*args: object, **more: object) -> Run:
        run = audit(*args, **more)  # type: ignore[arg-type]
        stop.set()
        return run

    stop.clear()
    fleet.on_visit = lambda _uid: None
    monkeypatch.setattr("auditor.workflow.nightly.audit", then_stopped)
    done = nightly(found, actor="cron", watcher=Quiet(), cancelled=stop)
    assert ([(r.id, r.status) for r in done.runs], done.cut_short) == ([(1, RunStatus.FINISHED)], True)
    stop.clear()
    assert not nightly(found, actor="cron", watcher=Quiet(), cancelled=stop).cut_short


def test_a_clock_that_cannot_be_right_is_told(fleet: Fleet, tmp_path: Path) -> None:
    """Regression: a run that begins in the future was called well, and so were runs before what the ledger holds; a run that was
    killed under such a clock and finished later took the place of that night's audit."""
    found, now = nation(tmp_path), utcnow()
    watcher, ahead = Quiet(), now + timedelta(days=365)
    nightly(found, actor="cron", watcher=watcher, clock=lambda: ahead)
    assert not hasattr(watcher, "newest")
    assert (status(found).why_not, status(found, now=ahead).well) == (("to_come",), True)
    nightly(found, actor="cron", watcher=watcher, clock=lambda: now)
    assert watcher.newest == ahead
    told = status(found)
    assert (told.well, told.newest) == (True, ahead)
    stop = threading.Event()
    fleet.on_visit = lambda uid: stop.set() if uid == "health-3" else None
    nightly(found, actor="cron", watcher=watcher, cancelled=stop, clock=lambda: ahead)
    fleet.on_visit = lambda _uid: None
    assert [r.id for r in nightly(found, actor="cron", watcher=watcher).runs] == [3, 4]


def test_status_tells_whether_last_night_was_well(fleet: Fleet, tmp_path: Path) -> None:
    """None, a good one, an old one, an incomplete one."""
    found = nation(tmp_path)
    assert status(found).why_not == ("no_run",)
    run_of(found)
    assert status(found).well
    assert status(found, now=utcnow() + timedelta(days=2)).why_not == ("old",)
    fleet.down = {"health-1": 1}
    run_of(found)
    assert status(found).why_not == ("incomplete",)


def test_status_is_of_the_newest_night_be_it_of_departments(fleet: Fleet, tmp_path: Path) -> None:
    """Regression: with a schedule of departments alone one audit of everything, made once, stood for last night for ever."""
    found = nation(tmp_path)
    long_ago = utcnow() - timedelta(days=9)
    run_of(found, clock=lambda: long_ago)
    assert status(found).why_not == ("old",)
    night = run_of(found, narrowing=Narrowing(departments=("health",)))
    audit(found, actor="sara", watcher=Quiet(), narrowing=Narrowing(hosts=("health-2",)))
    told = status(found)
    assert (told.run and told.run.id, told.well) == (night.id, True)


def test_a_rescan_is_no_night(fleet: Fleet, tmp_path: Path) -> None:
    """Regression: where nothing else had been audited, a rescan of one host stood for last night."""
    found = nation(tmp_path)
    audit(found, actor="sara", watcher=Quiet(), narrowing=Narrowing(hosts=("health-2",)))
    assert (status(found).run, status(found).why_not) == (None, ("no_run",))


def test_a_night_and_its_status_read_no_old_summary(fleet: Fleet, tmp_path: Path) -> None:
    """Regression, nights that grow with their number: every summary ever written was read, to look at the newest one."""
    found = nation(tmp_path)
    for _n in range(3):
        run_of(found)
    other = sqlite3.connect(found.settings.ledger)
    other.execute("UPDATE runs SET summary = '{' WHERE id < 3")
    other.commit()
    other.close()
    assert status(found).well
    assert run_of(found).id == 4


def test_metrics_are_written_whole(fleet: Fleet, tmp_path: Path) -> None:
    """In the text format of Prometheus, each gauge explained once, names of departments escaped."""
    path = tmp_path / "metrics" / "auditor.prom"
    fleet.down = {"health-1": 1}
    run = run_of(nation(tmp_path, metrics=path))
    lines = path.read_text().splitlines()
    assert 'auditor_hosts{department="health",reach="unreachable"} 1.0' in lines
    assert 'auditor_hosts{department="health",reach="reached"} 5.0' in lines
    assert "auditor_run_complete 0.0" in lines
    named = [line.split()[2] for line in lines if line.startswith("# HELP")]
    assert len(named) == len(set(named))
    assert [p.name for p in path.parent.iterdir()] == ["auditor.prom"]
    write_metrics(nation(tmp_path), run, path, now=NOW)


def test_no_findings_are_a_figure_too(fleet: Fleet, tmp_path: Path) -> None:
    """Regression, alarms that never ended: what came to 0 was left out, and whoever gathers figures kept the last one."""
    path = tmp_path / "auditor.prom"
    assert run_of(nation(tmp_path, metrics=path)).summary["complete"]
    lines = path.read_text().splitlines()
    assert 'auditor_findings_overdue{department="health"} 0.0' in lines
    for severity in Severity:
        assert f'auditor_findings_open{{department="health",severity="{severity.value}"}} 0.0' in lines


def test_figures_that_cannot_be_left_cost_nothing_else(fleet: Fleet, tmp_path: Path) -> None:
    """Regression, letters lost: where the file of the figures could not be written, the night broke off after its run."""
    (tmp_path / "file").write_text("")
    done = nightly(nation(tmp_path, metrics=tmp_path / "file" / "x.prom"), actor="cron", watcher=Quiet())
    assert done.runs[-1].status is RunStatus.FINISHED
    assert str(tmp_path / "file" / "x.prom") in done.not_measured
    assert run_of(nation(tmp_path, metrics=tmp_path / "x.prom")).id == 2


def test_a_night_brings_an_older_ledger_up_to_date(fleet: Fleet, tmp_path: Path) -> None:
    """Regression, nights that never ran: after an upgrade the night began by reading, and what reads refuses an older schema."""
    found = nation(tmp_path)
    run_of(found)
    older = sqlite3.connect(found.settings.ledger)
    older.executescript(
        f"DROP INDEX journal_by_asset; PRAGMA user_version = {VERSION - 1};"
        "DELETE FROM _sqlite_migrations WHERE name = '0007_openings_beside'"
    )
    older.close()
    with pytest.raises(LedgerError, match="older schema"):
        status(found)
    assert run_of(found).status is RunStatus.FINISHED
    assert status(found).well


def test_a_visit_that_failed_again_takes_nothing_away(fleet: Fleet, tmp_path: Path) -> None:
    """Lost proof: a host that was seen in part and then not at all keeps what was seen, and the first reason."""
    found = nation(tmp_path, hosts=1, retries=1)
    whole = fleet.collect

    def partly(plan: AssetPlan) -> AssetResult:
        result = whole(plan)
        if len(fleet.visits) == 1:
            return replace(result, reach=Reach.TIMED_OUT, detail="seen in part")
        return not_reached(plan, host_calls(plan.probes, plan.asset.platform), Reach.UNREACHABLE, utcnow(), "gone")

    fleet.collect = partly  # type: ignore[method-assign]
    run = run_of(found)
    assert (len(fleet.visits), missed(run)) == (2, {"health-0": "seen in part"})
    with reading(found) as ledger:
        assert {o.kind.value for o in ledger.verdicts(run.id)} == {"pass"}


def test_a_rescan_that_was_interrupted_is_not_the_nights_audit(fleet: Fleet, tmp_path: Path) -> None:
    """It is finished, and the night follows; nor does it hide how the night went."""
    found, stop = nation(tmp_path), threading.Event()
    stop.set()
    narrowed = Narrowing(hosts=("health-2",))
    audit(found, actor="sara", watcher=Quiet(), narrowing=narrowed, cancelled=stop)
    done = nightly(found, actor="cron", watcher=Quiet())
    assert [(r.narrowed, r.status) for r in done.runs] == [(True, RunStatus.FINISHED), (False, RunStatus.FINISHED)]
    fleet.down = {"health-1": 1}
    run_of(found)
    audit(found, actor="sara", watcher=Quiet(), narrowing=narrowed)
    assert status(found).why_not == ("incomplete",)


def test_a_visit_that_came_through_late_keeps_what_the_network_had_shown(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost proof: SSH answers at last while the window cuts the second scan; what the first one saw still counts."""
    ports = check(
        "ports", facts=(FactUse("open_ports", "open_ports"),), applies=None, expect="size(open_ports) == 1", observed=None
    )
    made = nation(tmp_path, hosts=1, retries=1)
    found = replace(catalogue(checks=(check(), ports)), inventory=made.inventory, settings=made.settings)
    scans: list[str] = []

    def scan(department: DepartmentPlan, _settings: object, *, on_result: Callable[[Observation], None], **_more: object) -> None:
        scans.append(department.department)
        port = '<port protocol="tcp" portid="22"><state state="open"/><service name="ssh" method="probed"/></port>'
        text = f'<host><status state="up"/><ports closed="">{port}</ports></host>'
        if len(scans) == 1:
            on_result(Observation("health-0", ProbeCall("open_ports"), ObservationStatus.OK, utcnow(), text, "", 0))

    monkeypatch.setattr("auditor.workflow.audit.collect_plan", partial(collect_plan, scan=scan))
    fleet.down = {"health-0": 1}
    run = run_of(found)
    assert (len(scans), missed(run)) == (2, {})
    with reading(found) as ledger:
        assert {(o.check, o.kind.value) for o in ledger.verdicts(run.id)} == {("ssh-root-login", "pass"), ("ports", "pass")}


def test_a_reevaluation_that_was_killed_is_not_resumed_as_an_audit(fleet: Fleet, tmp_path: Path) -> None:
    """It visits no host. The night begins its own run; and a reevaluation does not wait for one that nothing can finish."""
    found = nation(tmp_path)
    run_of(found)
    plan = replace(make_plan(found, now=NOW), narrowed=True, scope={"reevaluation": True})

    def killed() -> int:
        with Ledger.open(found.settings.ledger) as ledger, ledger.lock(actor="sara", now=NOW):
            return ledger.begin_run(plan, (), actor="sara", now=utcnow()).id

    assert killed() == 2
    with pytest.raises(UsageError, match="visits no host"):
        audit(found, actor="sara", watcher=Quiet(), resume=True)
    done = nightly(found, actor="cron", watcher=Quiet())
    assert ([r.narrowed for r in done.runs], "visits no host" in done.not_resumed) == ([False], True)
    killed()
    reevaluate(found, actor="sara", apply=True)
    finished, abandoned = RunStatus.FINISHED, RunStatus.ABANDONED
    assert [r.status for r in list_runs(found)] == [finished, abandoned, finished, abandoned, finished]


def test_a_run_is_not_resumed_once_another_policy_is_of_record(fleet: Fleet, tmp_path: Path) -> None:
    """It would go on moving findings by a policy that the committee has put aside, and no other audit follow that night."""
    found, stop = nation(tmp_path), threading.Event()
    fleet.on_visit = lambda uid: stop.set() if uid == "health-3" else None
    nightly(found, actor="cron", watcher=Quiet(), cancelled=stop)
    fleet.on_visit = lambda _uid: None
    old = found.policies["national"]
    policies = {"national": replace(old, of_record=False), "other": replace(old, id="other")}
    switched = replace(found, policies=policies, settings=replace(found.settings, policy_of_record="other"))
    done = nightly(switched, actor="cron", watcher=Quiet())
    assert "cannot be resumed" in done.not_resumed
    assert [r.policy for r in done.runs] == ["other"]


def under_maintenance(found: Catalogue, *times: Maintenance) -> Catalogue:
    departments = tuple(replace(d, maintenance=times) for d in found.inventory.departments)
    return replace(found, inventory=replace(found.inventory, departments=departments))


def test_what_was_under_maintenance_is_visited_when_it_is_over(fleet: Fleet, tmp_path: Path) -> None:
    """Regression, a night's gap for an hour's maintenance: one that covered the beginning of the night, or a host's turn, cost
    the host the whole night. One that lasts beyond the window is not waited for, and neither is a tag."""
    reason, now = Text("New disks.", "أقراص جديدة."), datetime.now(UTC)
    hour = timedelta(hours=1)
    soon = Maintenance(now - hour, now + timedelta(seconds=1.0), reason, hosts=("health-1",))
    longer = Maintenance(soon.ends, soon.ends + timedelta(seconds=0.5), reason, hosts=("health-1",))
    late = Maintenance(now - hour, now + 2 * hour, reason, hosts=("health-2",))
    asked = under_maintenance(nation(tmp_path, hosts=3), soon, longer, late)
    visited: dict[str, datetime] = {}
    fleet.on_visit = lambda uid: visited.setdefault(uid, datetime.now(UTC)) and None
    run = run_of(asked)
    assert fleet.visits == ["health-0", "health-1"]
    assert visited["health-1"] >= longer.ends
    assert set(missed(run)) == {"health-2"}
    with reading(asked) as ledger:
        assert {v.kind.value for o in ledger.verdicts(run.id) if o.asset == "health-1" for v in o.verdicts} == {"pass"}


def test_a_host_that_is_down_after_its_maintenance_is_told_so(fleet: Fleet, tmp_path: Path) -> None:
    """It is visited once for that, and then like any other that is down."""
    reason, now = Text("New disks.", "أقراص جديدة."), datetime.now(UTC)
    soon = Maintenance(now - timedelta(hours=1), now + timedelta(seconds=0.5), reason, hosts=("health-1",))
    fleet.down = {"health-1": 9}
    run = run_of(under_maintenance(nation(tmp_path, hosts=2, retries=1), soon))
    assert fleet.visits == ["health-0", "health-1", "health-1"]
    assert missed(run) == {"health-1": "no answer"}


def test_a_resumed_run_visits_what_is_no_longer_under_maintenance(fleet: Fleet, tmp_path: Path) -> None:
    """Regression: what was skipped when the run first began stayed so, although it was resumed after the maintenance."""
    reason, now = Text("New disks.", "أقراص جديدة."), datetime.now(UTC)
    during = Maintenance(now - timedelta(hours=1), now + timedelta(hours=1), reason, hosts=("health-1",))
    found = under_maintenance(nation(tmp_path, hosts=4), during)
    stop = threading.Event()
    fleet.on_visit = lambda uid: stop.set() if uid == "health-2" else None
    first = audit(found, actor="cron", watcher=Quiet(), cancelled=stop, clock=lambda: now)
    assert first.status is RunStatus.INTERRUPTED
    with reading(found) as ledger:
        assert "health-1" in ledger.done_assets(first.id)
    fleet.on_visit = lambda _uid: None
    still = audit(found, actor="cron", watcher=Quiet(), cancelled=stop, resume=True, clock=lambda: now)
    assert still.status is RunStatus.INTERRUPTED
    fleet.visits.clear()
    again = audit(found, actor="cron", watcher=Quiet(), resume=True, clock=lambda: now + timedelta(hours=2))
    assert (again.id, again.status, missed(again)) == (first.id, RunStatus.FINISHED, {})
    assert "health-1" in fleet.visits
