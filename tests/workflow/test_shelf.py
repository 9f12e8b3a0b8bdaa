"""What reports hold of findings: all of them packed, and unpacked as they were."""

from __future__ import annotations

import gc
from collections import Counter
from dataclasses import replace

import pytest

from auditor.ledger import Ledger
from auditor.lifecycle import is_due_soon, is_overdue
from auditor.model import SPARED, Catalogue, Finding, FindingState, ReportKind, ReportOptions, Severity, Shelf, Tongue
from auditor.reporting.scene import Scene
from auditor.workflow.snapshots import archive
from auditor.workflow.standings import Shelved, shelve
from tests.reporting.seed import NOW, seed

OPTIONS = ReportOptions(kind=ReportKind.SUMMARY, tongue=Tongue.EN)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return seed(tmp_path_factory.mktemp("seeded") / "workspace")


@pytest.fixture(scope="module")
def findings(seeded: Catalogue) -> tuple[Finding, ...]:
    with Ledger.open(seeded.settings.ledger, create=False, readonly=True) as ledger:
        assert tuple(ledger.each_finding()) == ledger.findings()
        return ledger.findings()


def test_a_shelf_gives_back_what_was_put_on_it(findings: tuple[Finding, ...]) -> None:
    """Every field of every finding, in the same order, each time it is gone through; and how many each department has."""
    shelf = shelve(findings)
    assert [tuple(shelf), tuple(shelf), len(shelf)] == [findings, findings, len(findings)]
    assert Counter(f.department for f in findings) == shelf.counts
    assert {f.department for f in findings} == shelf.names
    assert [len(Shelf()), list(Shelf[Finding]())] == [0, []]


def test_departments_are_taken_from_a_shelf_in_the_ledgers_order(findings: tuple[Finding, ...]) -> None:
    """The worst come first across departments; one that has none has none."""
    shelf = shelve(findings)
    for names in ({"health"}, {"finance", "health"}, {"nowhere"}, set[str]()):
        assert [f for f in findings if f.department in names] == list(shelf.of(names))
    values = (3, 2.5, True, None, "نعم", ["a", {"b": [1]}], {"c": {"d": "e"}})
    odd = [replace(findings[0], id=str(n), observed=value) for n, value in enumerate(values)]
    assert list(shelve(odd)) == odd


def test_a_shelf_can_be_in_the_order_of_its_names() -> None:
    """Packets of one name stay in the order in which they came."""
    shelf = Shelf([("b", [1]), ("a", [2, 3]), ("b", [4])], ("a", "b"))
    assert [list(shelf), list(shelf.of({"b"})), shelf.counts] == [[2, 3, 1, 4], [1, 4], {"a": 2, "b": 2}]


def test_what_is_in_scope_is_judged_at_the_reports_instant(findings: tuple[Finding, ...]) -> None:
    """Overdue and due soon as of then; a department out of scope is not there, also when it is asked for."""
    held = Shelved(shelve(findings), ("health",), NOW, 14)
    own = [f for f in findings if f.department == "health"]
    assert [(f, is_overdue(f, NOW), is_due_soon(f, NOW, 14)) for f in own] == [(s.finding, s.overdue, s.due_soon) for s in held]
    assert list(held) == list(held.of("health"))
    assert list(held.of("finance")) == []


def test_no_finding_is_held_between_reports(seeded: Catalogue) -> None:
    """A nation's bundle held 120,000 findings in two processes until its last file, most of its memory."""
    gc.collect()
    before = sum(isinstance(o, Finding) for o in gc.get_objects())
    with archive(seeded, OPTIONS, now=NOW) as held:
        snapshots = [held.snapshot(replace(OPTIONS, departments=(name,))) for name in held.departments]
        gc.collect()
        assert before == sum(isinstance(o, Finding) for o in gc.get_objects())
        assert any(list(snapshot.standings) for snapshot in snapshots)


def test_tallies_count_what_is_open(seeded: Catalogue, findings: tuple[Finding, ...]) -> None:
    """What reports of many departments show is the count of the very findings: none is left out, none counts that is closed."""
    with archive(seeded, OPTIONS, now=NOW) as held:
        scene = Scene(held.snapshot(OPTIONS))
    assert {f.state for f in findings} >= {FindingState.CLOSED, FindingState.EXCEPTED, FindingState.OPEN}
    for name in scene.snapshot.departments:
        own = [f for f in findings if f.department == name and f.state is not FindingState.CLOSED]
        still = [f for f in own if f.state not in SPARED]
        tally = scene.tallies[name]
        assert (len(still), len(own) - len(still)) == (tally.open, tally.spared)
        assert sum(is_overdue(f, NOW) for f in still) == tally.overdue
        assert Counter(f.severity for f in still) == tally.severities
        assert Counter(c for f in still for c in f.controls) == tally.controls
        assert Counter(f.check for f in still) == tally.checks
        assert still == [s.finding for s in scene.open_of(name)]
    assert set(Severity) >= {s for t in scene.tallies.values() for s in t.severities}
