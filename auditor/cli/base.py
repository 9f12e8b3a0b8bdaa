"""What every command shares: the workspace, the language, output formats, exit codes and localised help."""

from __future__ import annotations

import difflib
import functools
import importlib
import os
import pwd
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from auditor.errors import AuditorError, LedgerError, LockedError, UsageError
from auditor.model import Language
from auditor.reporting.tabular import Table, as_csv, as_json
from auditor.text import N_, _, current

_TONGUE = re.compile(r"(ar|en)(?:[_.@-].*)?\Z", re.IGNORECASE)
_ARABIC_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")

F = TypeVar("F", bound=Callable[..., Any])


class Exit(IntEnum):
    """Exit codes, so that cron can tell them apart."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    INTERNAL = 4
    INTERRUPTED = 130


@dataclass
class App:
    """What the options before the command chose. Files are read when a command asks for them, not before."""

    root: Path | None = None
    language: Language | None = None
    _terminal: Any = field(default=None)

    def say(self, text: str = "", style: str = "", indent: int = 0) -> None:
        """A paragraph on standard output."""
        self.terminal.say(text, style, indent)

    def emit(self, table: Table, output: str, value: Any = None) -> None:
        """A table in the format chosen; JSON is ``value``, or the rows."""
        if output == "json":
            sys.stdout.write(as_json(table.rows if value is None else value))
        elif output == "csv":
            sys.stdout.buffer.write(as_csv(table).encode())
        elif table.rows:
            self.terminal.table(table)
        else:
            self.say(_("Nothing to show."))

    def warn_set_aside(self, departments: Iterable[str]) -> None:
        """Name on standard error the departments that what is shown leaves out, so that nobody takes it for the whole."""
        for department in departments:
            self.warn(_("Set aside, because its files are wrong: {department}").format(department=department))

    def warn(self, text: str) -> None:
        """A paragraph on standard error, beside what a program or a file takes from standard output."""
        from auditor.reporting.terminal import Terminal

        Terminal(sys.stderr, bidi=self.bidi).say(text, "yellow")

    @property
    def terminal(self) -> Any:
        """The terminal, made at first use: rich takes a moment to import."""
        if self._terminal is None:
            from auditor.reporting.terminal import Terminal

            self._terminal = Terminal(bidi=self.bidi)
        return self._terminal

    @property
    def bidi(self) -> str:
        """Whether the terminal orders Arabic itself: the environment's word, else a guess from the terminal's kind."""
        return os.environ.get("AUDITOR_BIDI", "auto")

    @property
    def actor(self) -> str:
        """Who acts: whoever called sudo, by the number that sudo itself sets, else the user of the operating system."""
        uid = os.environ.get("SUDO_UID", "")
        try:
            return pwd.getpwuid(int(uid) if uid.isascii() and uid.isdecimal() else os.getuid()).pw_name
        except (KeyError, OverflowError):
            return f"uid-{uid or os.getuid()}"


def nobody_reads() -> None:
    """Whoever read our output has gone: what is still to be written goes nowhere, so that only the exit code speaks."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_code(error: AuditorError) -> Exit:
    """The exit code that an error stands for."""
    if isinstance(error, UsageError | LockedError):
        return Exit.USAGE
    if isinstance(error, LedgerError):
        return Exit.INTERNAL
    return Exit.INCOMPLETE


class _Localised:
    """Help in the reader's language: texts are marked with N_ where they are written and translated where they are shown."""

    help: str | None

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, and --lang, which people write after the command as often as before it."""
        own: list[click.Parameter] = super().get_params(ctx)  # type: ignore[misc]  # see get_help
        return own if ctx.parent is None else [*own, _language_anywhere()]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """click keeps the option as it was first made, in the language of that moment."""
        found: click.Option | None = super().get_help_option(ctx)  # type: ignore[misc]  # see get_help
        if found is not None:
            found.help = _("Show this message and exit.")
        return found

    def get_help(self, ctx: click.Context) -> str:
        """The help page, its lines ordered for a terminal that does not order Arabic itself."""
        page = str(super().get_help(ctx))  # type: ignore[misc]  # click's, beside which this class is always mixed in
        if current() != "ar":
            return page
        from auditor.reporting.terminal import Terminal

        return Terminal(bidi=os.environ.get("AUDITOR_BIDI", "auto")).page(page)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        if self.help:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(_(self.help))


class Command(_Localised, click.Command):
    """A command with localised help."""


class Group(_Localised, click.Group):
    """A group whose subcommands may be imported only when they are called: a short command must not pay for all others.

    ``lazy`` maps a name to where its command is (``module:attribute``) and to what the list of commands says of it.
    """

    command_class = Command

    def __init__(self, *args: Any, lazy: dict[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: D102
        return sorted({*super().list_commands(ctx), *self._lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: D102
        if cmd_name in self._lazy:
            module, name = self._lazy[cmd_name][0].split(":")
            return cast(click.Command, getattr(importlib.import_module(module), name))
        return super().get_command(ctx, cmd_name)

    def resolve_command(  # noqa: D102
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            # click's own hint knows only commands that are imported already
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            told = _("No such command {name!r}.").format(name=name)
            raise click.UsageError(told + (" " + _("Did you mean {near}?").format(near=near[0]) if near else ""), ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: D102
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # click would exit with 1, which here would tell of findings
            nobody_reads()
            return Exit.OK

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, each with its whole sentence."""
        rows = []
        for name in self.list_commands(ctx):
            told = self._lazy[name][1] if name in self._lazy else (self.commands[name].help or "")
            rows.append((name, _(told)))
        if rows:
            with formatter.section(_("Commands")):
                formatter.write_dl(rows)


Group.group_class = Group


class Option(click.Option):
    """An option with localised help."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:  # noqa: D102
        original, self.help = self.help, _(self.help) if self.help else None
        try:
            return super().get_help_record(ctx)
        finally:
            self.help = original


class Day(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.3 only
    """A day of the calendar: click's own type tells people a format as programs write it."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Midnight of the day."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.strptime(str(value).translate(_ARABIC_DIGITS), "%Y-%m-%d")
        except ValueError:
            message = _("{value!r} is no day of the calendar; write it as YYYY-MM-DD, such as 2026-12-31")
            self.fail(message.format(value=value), param, ctx)


def tongue(text: str | None) -> Language | None:
    """The language that a word or the name of a locale means, such as ar_SA.UTF-8; None where it is none of ours."""
    found = _TONGUE.match(text or "")
    return cast("Language", found[1].lower()) if found else None


class Tongue(click.Choice):  # type: ignore[type-arg]  # as Day
    """A language. What the environment says is not blamed on an option that nobody gave."""

    def __init__(self) -> None:
        super().__init__(["ar", "en"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Language:
        """The language, however it is written."""
        known = tongue(str(value))
        source = ctx.get_parameter_source(str(param.name)) if ctx and param else None
        if known is None and param and source is click.core.ParameterSource.ENVIRONMENT:
            message = _("the environment variable {name} is {value!r}; expected ar or en")
            raise click.UsageError(message.format(name=param.envvar, value=value), ctx)
        return known or cast("Language", super().convert(value, param, ctx))


@functools.cache
def _language_anywhere() -> Option:
    """Taken and left alone: ``main`` has read it before click does, since click's own words depend on it."""
    return Option(["--lang"], type=Tongue(), expose_value=False, hidden=True)


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """``click.option`` with localised help."""
    return click.option(*names, cls=Option, **attributes)


def output_option(function: F) -> F:
    """``--format table|json|csv``."""
    return option(
        "--format",
        "output",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        help=N_("Table for people, JSON for programs, CSV for spreadsheets."),
    )(function)


def telling_option(function: F) -> F:
    """``--format table|json``, of what is told in sentences: there are no columns that could be CSV."""
    return option(
        "--format",
        "output",
        type=click.Choice(["table", "json"]),
        default="table",
        help=N_("Lines for people, JSON for programs."),
    )(function)


def narrowing_options(function: F) -> F:
    """``--department``, ``--host`` and ``--check``, each of them repeatable."""
    for name, text in (
        ("check", N_("Only this check. May be repeated.")),
        ("host", N_("Only this host, by uid or name. May be repeated.")),
        ("department", N_("Only this department. May be repeated.")),
    ):
        function = option(f"--{name}", f"{name}s", multiple=True, metavar=name.upper(), help=text)(function)
    return function


pass_app = click.make_pass_decorator(App, ensure=True)
