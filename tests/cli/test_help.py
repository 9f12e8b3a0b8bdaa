"""Every command explains itself in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from auditor.cli.main import cli, speak
from auditor.text import use
from auditor.text.bidi import has_rtl

ENGLISH = re.compile(r"\b(?:the|this|that|what|not|and|only|with|from|show|list|default|required)\b", re.IGNORECASE)


def commands(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command of the program, with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


ALL = dict(commands())


def shown(path: tuple[str, ...], language: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The help page of a command, asked of the command itself."""
    monkeypatch.setenv("AUDITOR_BIDI", "terminal")
    speak("ar" if language == "ar" else "en")
    try:
        context = click.Context(cli, info_name="auditor", **cli.context_settings)  # type: ignore[arg-type]
        for i, name in enumerate(path):
            context = click.Context(ALL[path[: i + 1]], info_name=name, parent=context)
        return ALL[path].get_help(context)
    finally:
        use("en")


def test_the_commands_of_the_issue_are_there():
    """What people were promised can be called."""
    promised = {
        ("audit",), ("reevaluate",), ("runs", "list"), ("runs", "show"), ("findings", "list"), ("findings", "show"),
        ("hosts", "list"), ("hosts", "trust"), ("hosts", "test"), ("fact", "list"), ("fact", "show"), ("check", "list"),
        ("check", "show"), ("check", "test"), ("control", "list"), ("control", "show"), ("policy", "show"), ("plan",),
        ("ledger", "verify"), ("init",), ("validate",), ("inventory", "import"), ("inventory", "template"), ("completion",),
        ("lab", "up"), ("lab", "down"), ("lab", "status"),
    }  # fmt: skip
    assert promised <= set(ALL)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_arabic_help_is_arabic(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    """The command, each option and each subcommand is told in Arabic letters, without an English sentence left over."""
    page = shown(path, "ar", monkeypatch)
    head, *sections = re.split(r"\n(?=\S.*:\n)", page)
    assert has_rtl(head)
    assert "\u2068" not in page
    for section in sections:
        title, *lines = section.rstrip().split("\n")
        assert has_rtl(title)
        for entry in re.split(r"\n(?=  \S)", "\n".join(lines)):
            assert has_rtl(entry), entry
    told = re.sub(r"`[^`]*`|\[[^\]]*\]|\{[^}]*\}|--[a-z-]+|known_hosts", "", page)
    for line in told.split("\n")[1:]:
        words = line.split(None, 1)
        assert not ENGLISH.search(words[1] if line.startswith("  ") and len(words) > 1 and not has_rtl(words[0]) else line), line


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_english_help_is_english(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    """No Arabic letter in it; the command and each option say something."""
    page = shown(path, "en", monkeypatch)
    assert not has_rtl(page)
    assert page.startswith(f"Usage: {' '.join(['auditor', *path])}")
    for parameter in ALL[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help
            assert max(parameter.opts, key=len) in page


def test_help_texts_are_said_once(monkeypatch: pytest.MonkeyPatch):
    """What the list of commands says of a command is what the command says of itself: the two are written apart."""
    for path, command in ALL.items():
        if path:
            overview = " ".join(shown(path[:-1], "en", monkeypatch).split())
            assert command.help is not None
            assert " ".join(command.help.split()) in overview
