"""The command ``auditor``: options before the command, the commands by name, and errors turned into exit codes."""

from __future__ import annotations

import gettext
import os
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import cast

import click

from auditor.cli.base import App, Exit, Group, Option, exit_code, pass_app
from auditor.errors import AuditorError, ConfigurationError
from auditor.model import Language
from auditor.text import N_, _, use

_COMMANDS = {
    "audit": "auditor.cli.audit:audit",
    "check": "auditor.cli.catalogue:check",
    "completion": "auditor.cli.completion:completion",
    "control": "auditor.cli.catalogue:control",
    "fact": "auditor.cli.facts:fact",
    "findings": "auditor.cli.findings:findings",
    "hosts": "auditor.cli.hosts:hosts",
    "init": "auditor.cli.setup:init",
    "inventory": "auditor.cli.inventory:inventory",
    "lab": "auditor.cli.lab:lab",
    "ledger": "auditor.cli.ledger:ledger",
    "plan": "auditor.cli.plan:plan",
    "policy": "auditor.cli.catalogue:policy",
    "reevaluate": "auditor.cli.audit:reevaluate",
    "runs": "auditor.cli.runs:runs",
    "validate": "auditor.cli.setup:validate",
}


@click.group(
    cls=Group,
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help=N_("Audits hosts and networks against the national information-security policy, and keeps the findings."),
)
@click.option(
    "-C",
    "--workspace",
    cls=Option,
    type=click.Path(path_type=Path, file_okay=False),
    envvar="AUDITOR_WORKSPACE",
    help=N_("The workspace: the folder that holds auditor.toml. Default: the current folder or the nearest above it."),
)
@click.option(
    "--lang",
    cls=Option,
    type=click.Choice(["ar", "en"]),
    envvar="AUDITOR_LANG",
    help=N_("Language of what is shown. Default: the setting in auditor.toml."),
)
@click.version_option(version("auditor"), "--version", prog_name="auditor")
@pass_app
def cli(app: App, workspace: Path | None, lang: str | None) -> None:
    """Remember what the commands need."""
    app.root = workspace
    app.language = cast("Language | None", lang)


def main() -> None:
    """The entry point. Every way out is one of the documented exit codes."""
    speak(_language(sys.argv[1:], dict(os.environ)))
    try:
        result = cli.main(standalone_mode=False)
        code = result if isinstance(result, int) else Exit.OK
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.Abort:
        _complain(_("Interrupted."))
        code = Exit.INTERRUPTED
    except KeyboardInterrupt:
        _complain(_("Interrupted."))
        code = Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = Exit.USAGE
    except ConfigurationError as error:
        for mistake in error.mistakes:
            click.echo(mistake, err=True)
        _complain(str(error))
        code = Exit.USAGE
    except AuditorError as error:
        _complain(str(error))
        code = exit_code(error)
    except BrokenPipeError:
        # whoever read our output has gone; there is nothing left to say to them
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.OK
    except Exception as error:
        if "AUDITOR_DEBUG" in os.environ:
            raise
        _complain(
            _("Internal error ({kind}): {text}. Set AUDITOR_DEBUG=1 to see where, and report it.").format(
                kind=type(error).__name__, text=error
            )
        )
        code = Exit.INTERNAL
    sys.exit(code)


def speak(language: Language) -> None:
    """Use a language everywhere, click's own words included: those go by the process's environment."""
    use(language)
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain("auditor", str(files("auditor.text").joinpath("locale")))
    gettext.textdomain("auditor")


def _language(argv: list[str], environ: dict[str, str]) -> Language:
    """Known before click reads the options, since help and errors are in it too: --lang, AUDITOR_LANG, auditor.toml."""
    from auditor.workflow.workspace import preferred_language

    asked: str | None = environ.get("AUDITOR_LANG")
    root: str | None = environ.get("AUDITOR_WORKSPACE")
    for i, word in enumerate(argv):
        name, joined, value = word.partition("=")
        following = value if joined else (argv[i + 1] if i + 1 < len(argv) else "")
        if name == "--lang":
            asked = following
        elif name in ("-C", "--workspace"):
            root = following
    if asked in ("ar", "en"):
        return cast(Language, asked)
    return preferred_language(Path(root) if root else None)


def _complain(text: str) -> None:
    from auditor.reporting.terminal import Terminal

    Terminal(sys.stderr, bidi=os.environ.get("AUDITOR_BIDI", "auto")).say(text)
