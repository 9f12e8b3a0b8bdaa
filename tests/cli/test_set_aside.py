"""A department whose file is wrong: nothing is concluded from what the file does not say any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditor.ledger import Ledger
from auditor.model import Event, EventKind
from auditor.model.codec import to_json
from auditor.workflow.queries import list_runs, reading
from auditor.workflow.workspace import open_workspace

from .conftest import Workspace
from .test_work import INTERIOR, OFFICER, PLANNING, UNTIL, do, done, failing, found, high

__all__ = ["failing", "high"]

TAGGED = ("exceptions", "propose", "--department", "example", "--check", "guarded-file", "--tag", "lab", "--reason", "r")


def seq(workspace: Workspace) -> int:
    with reading(open_workspace(workspace.root)) as ledger:
        return ledger.head()[0]


def write(workspace: Workspace, *, wrong: bool) -> None:
    """The inventory with its host tagged, and with a typo or without."""
    path = workspace.root / "inventories" / "example.yaml"
    text = path.read_text().removesuffix("bogus: 1\n")
    if "tags:" not in text:
        text = text.replace("    connection: local\n", "    connection: local\n    tags: [lab]\n")
    path.write_text(text + "bogus: 1\n" * wrong)


@pytest.fixture
def excepted(failing: Workspace) -> Workspace:
    """With an exception by tag that both ministries approved."""
    write(failing, wrong=False)
    done(failing, OFFICER, *TAGGED, "--control", "c", "--until", UNTIL)
    for user in (INTERIOR, PLANNING):
        done(failing, user, "exceptions", "approve", "E-1")
    return failing


def test_a_typo_in_an_inventory_ends_no_exception_by_tag(excepted: Workspace, high: str) -> None:
    """Regression: a department that was set aside has no assets, these then carried no tags, and ``findings list`` itself wrote
    into the journal that their findings had come back."""
    assert [f["id"] for f in found(excepted, "--state", "excepted")] == [high]
    before = seq(excepted)
    write(excepted, wrong=True)
    for command in (("findings", "list"), ("score",), ("exceptions", "list"), ("report", "findings")):
        assert do(excepted, OFFICER, *command, "--format", "json").returncode in (0, 3)
    assert [f["id"] for f in found(excepted, "--state", "excepted")] == [high]
    assert high in done(excepted, OFFICER, "exceptions", "show", "E-1").split("Findings covered")[1]
    write(excepted, wrong=False)
    assert [f["id"] for f in found(excepted, "--state", "excepted")] == [high]
    assert seq(excepted) == before


def test_what_a_tag_covers_is_not_told_while_the_file_is_wrong(failing: Workspace) -> None:
    """Regression: whoever asked was told that no asset carries the tag, which nobody knew."""
    write(failing, wrong=True)
    called = do(failing, OFFICER, *TAGGED, "--control", "c", "--until", UNTIL)
    told = (called.stdout + called.stderr).decode()
    assert (called.returncode, "Set aside" in told, "carries the tag" in told, "covers" in told) == (0, True, False, False)


@pytest.mark.parametrize("wide", [False, True], ids=["host", "department"])
def test_nothing_is_verified_in_a_department_that_is_set_aside(failing: Workspace, high: str, wide: bool) -> None:
    """Regression, two false answers: that no inventory lists the host any more, and to retire it, which is refused as well. For a
    finding over the whole department a run was begun that visited nothing."""
    catalogue = open_workspace(failing.root)
    if wide:
        with Ledger.open(catalogue.settings.ledger) as ledger:
            other = replace(ledger.finding(high), id="F-W1DE", asset="department:example")
            ledger.apply([Event(EventKind.FINDING_OPENED, other.last_seen, "test", other.id, to_json(other))])
    write(failing, wrong=True)
    refused = do(failing, OFFICER, "verify", "F-W1DE" if wide else high)
    told = " ".join(refused.stderr.decode().split())
    assert (refused.returncode, "the files of example are wrong" in told, "retire it" in told) == (2, True, False), told
    assert len(list_runs(catalogue)) == 1
