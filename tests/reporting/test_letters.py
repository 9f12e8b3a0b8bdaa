"""A letter tells of the most pressing, and by which command all of it is seen."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from auditor.model import Catalogue, FindingState, ReportFormat, ReportKind, Resolution
from auditor.reporting.document import Table
from auditor.reporting.kinds import digest
from auditor.reporting.scene import Scene
from tests.cli.conftest import Workspace

from .made import report

NAMED = {
    "new": "--state to_mend",
    "reopened": "--state to_mend",
    "overdue": "--overdue",
    "due_soon": "--due-soon",
    "fixed": "--state closed",
    "closed": "--state closed",
}


def scene_of(catalogue: Catalogue, departments: Sequence[str] = ()) -> Scene:
    return Scene(report(catalogue, ReportKind.SUMMARY, ReportFormat.JSON, departments=tuple(departments)).snapshot)


def more(scene: Scene, *, remind: bool = False) -> dict[str, str]:
    """What stands below each part of a letter to somebody who knew of all that is closed now, where no part has any room."""
    known = {"open": frozenset(f"{s.finding.id}:0" for s in scene.snapshot.standings if s.finding.state is FindingState.CLOSED)}
    letter = digest.digest(scene, digest.picture(scene) if remind else known, since=None, remind=remind)
    assert letter is not None
    return {b.id: b.more for b in letter.blocks if isinstance(b, Table)}


@pytest.fixture(autouse=True)
def _no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "_MOST", 0)


@pytest.mark.parametrize("departments", [(), ("health",)])
def test_a_letter_names_the_list_that_holds_what_it_leaves_out(own: Catalogue, departments: tuple[str, ...]) -> None:
    """Regression: below "Closed" stood "All: auditor findings list", which lists none that is closed, and below the others too;
    and to the officer of one department it listed those of all."""
    scene, workspace = scene_of(own, departments), Workspace(own.settings.root)
    told = more(scene)
    assert {"new", "overdue", *([] if departments else ["fixed"])} <= set(told)
    for part in set(told) & set(NAMED):
        command = told[part].partition("auditor ")[2]
        assert command == " ".join(("findings list", *(["--department health"] if departments else []), NAMED[part]))
        called = workspace.call(*command.split(), "--format", "json")
        assert called.returncode == 0, called.stderr.decode()
        if part == "fixed":
            listed = {f["id"] for f in json.loads(called.stdout)}
            proven = [s for s in scene.snapshot.standings if s.finding.resolution is Resolution.FIXED]
            assert {s.finding.id for s in proven} <= listed
    annex = "auditor report annex" + (" --department health" if departments else "")
    assert (told["missed"].endswith(f"See: {annex}"), told["exceptions"].endswith(f"See: {annex}")) == (True, True)


def test_all_is_promised_only_of_a_list_of_exactly_these(own: Catalogue) -> None:
    """Regression: "All:" was said of lists that hold others too. New ones alone are no list; all that are overdue are one."""
    scene = scene_of(own, ("health",))
    assert ". See: auditor" in more(scene)["new"]
    overdue = more(scene, remind=True)["all_overdue"]
    assert overdue.endswith(". All: auditor findings list --department health --overdue")
