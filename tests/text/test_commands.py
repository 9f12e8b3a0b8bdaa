"""Commands that texts name work when they are pasted, and nothing else in a text is touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auditor.text.commands import name_workspace, pasteable


@pytest.fixture(autouse=True)
def _named() -> Iterator[None]:
    name_workspace("my demo", ["findings", "hosts", "nightly", "audit", "init"])
    yield
    name_workspace("", [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("All: auditor findings list. One: auditor findings show F-1", "All: {} findings list. One: {} findings show F-1"),
        ("`auditor audit` makes it", "`{} audit` makes it"),
        ("\u2068auditor hosts trust h\u2069", "\u2068{} hosts trust h\u2069"),
        ("auditor -C elsewhere findings list", "auditor -C elsewhere findings list"),
        ("/usr/bin/auditor nightly", "/usr/bin/auditor nightly"),
        ("# auditor nightly: /srv/audit", "# auditor nightly: /srv/audit"),
        ("with auditor init, or", "with auditor init 'my demo', or"),
        ("out with: auditor init DIR", "out with: auditor init 'my demo'"),
        ("auditor init elsewhere", "auditor init elsewhere"),
        ("Usage: auditor init [OPTIONS] DIR", "Usage: auditor init [OPTIONS] DIR"),
        ("the auditor audits; auditor-nightly.timer", "the auditor audits; auditor-nightly.timer"),
    ],
)
def test_a_command_names_the_workspace(text: str, told: str) -> None:
    """As the shell must be given it; what is no command of ours, or names its workspace already, stays."""
    assert pasteable(text) == told.format(*["auditor -C 'my demo'"] * 2)


def test_where_no_workspace_was_named_nothing_changes() -> None:
    """In a workspace, commands are short."""
    name_workspace("", ["findings"])
    assert pasteable("auditor findings list") == "auditor findings list"
    assert pasteable("with auditor init, or") == "with auditor init DIR, or"
