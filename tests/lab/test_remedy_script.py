"""Which lines of a remedy somebody on Debian follows, and that no remedy's commands are forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.loading import load_workspace
from tests.lab.remedies.script import filled, for_debian
from tests.lab.remedies.table import TRIALS
from tests.lab.remedies.untried import UNTRIED

ROOT = Path(__file__).parents[2]


def test_every_remedy_is_tried_or_has_a_reason() -> None:
    """A new check's commands are followed on a real system, or it is said why they cannot be."""
    catalogue = load_workspace(ROOT).catalogue
    assert catalogue is not None
    with_commands = {check.id for check in catalogue.checks.values() if check.remediation_shell}
    assert with_commands == TRIALS.keys() | UNTRIED.keys()
    assert not TRIALS.keys() & UNTRIED.keys()


def test_lines_of_other_families_are_left_out() -> None:
    """A comment on its own line rules what follows, one behind a command that command; other comments rule nothing."""
    shell = (
        "one\n# Debian, Ubuntu\ntwo # as root\n# RHEL family\nthree\n# all\nfour # RHEL family\nfive # Debian, Ubuntu\n"
        "six # httpd on the RHEL family\n# Ubuntu\nseven\n# Debian\nsed 's#a#b#' eight\n# a remark\nnine"
    )
    kept = [line.split(" #")[0].split()[-1] for line in for_debian(shell).splitlines()]
    assert kept == ["one", "two", "five", "six", "eight", "nine"]


def test_blanks_are_filled_in_as_words() -> None:
    """A blank within a word or a variable is none; one that is not there is a mistake, as is a line to be left out."""
    assert filled("echo NAME NAMES $NAME x-NAME", {"NAME": r"a\1"}) == "echo a\\1 NAMES $NAME x-a\\1\n"
    assert filled("a\nb # c", {}, ("# c",)) == "a\n"
    with pytest.raises(ValueError, match="GROUP"):
        filled("echo NAME", {"GROUP": "x"})
    with pytest.raises(ValueError, match="apt-get"):
        filled("echo", {}, ("apt-get",))
