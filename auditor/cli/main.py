"""The command ``auditor``: options before the command, the commands by name, and errors turned into exit codes."""

from __future__ import annotations

import gc
import gettext
import os
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from click.core import ParameterSource

from auditor import __version__
from auditor.cli.base import App, Exit, Group, Option, Tongue, exit_code, nobody_reads, pass_app, tongue
from auditor.errors import AuditorError, ConfigurationError, DeniedMoveError
from auditor.model import Language
from auditor.text import N_, _, use
from auditor.text.commands import name_workspace

if TYPE_CHECKING:
    from auditor.reporting.terminal import Terminal

_COMMANDS = {
    "attest": ("auditor.cli.attest:attest", N_("The attestations: what departments answer where no machine can decide.")),
    "audit": ("auditor.cli.audit:audit", N_("Audit the departments' hosts and networks, and move the findings.")),
    "campaign": ("auditor.cli.campaigns:campaign", N_("The campaigns: the committee's audits of departments over a period.")),
    "check": ("auditor.cli.checks:check", N_("The checks: what can be tested, and how.")),
    "circular": ("auditor.cli.campaigns:circular", N_("The circulars: numbered recommendations to departments.")),
    "completion": (
        "auditor.cli.completion:completion",
        N_("Print the completion script for a shell; source it from the shell's start-up file."),
    ),
    "control": ("auditor.cli.catalogue:control", N_("The controls: what the policy requires.")),
    "digest": ("auditor.cli.nightly:digest", N_("The morning's letters: show who would be told what, or send what waits.")),
    "doctor": (
        "auditor.cli.nightly:doctor",
        N_("Look whether all that an audit needs is there, and say how to mend what is not."),
    ),
    "nightly": (
        "auditor.cli.nightly:nightly",
        N_("The night's audit, unattended: finishes what was left, within a window; for cron."),
    ),
    "schedule": ("auditor.cli.nightly:schedule", N_("The schedule: the nightly audit in cron, or as a systemd timer.")),
    "status": ("auditor.cli.nightly:status", N_("Whether last night was well, in five lines.")),
    "exceptions": (
        "auditor.cli.exceptions:exceptions",
        N_("The exceptions: failures that may stand for a while, and false positives."),
    ),
    "fact": ("auditor.cli.facts:fact", N_("The facts: what can be read from hosts and networks.")),
    "findings": ("auditor.cli.work:findings", N_("The findings: what is wrong, where and since when.")),
    "hosts": ("auditor.cli.hosts:hosts", N_("The hosts: which are listed, which are trusted, which can be reached.")),
    "init": ("auditor.cli.setup:init", N_("Lay out a new workspace, with the stock policies and checks in it.")),
    "inventory": ("auditor.cli.inventory:inventory", N_("The inventories: bring in a list that you already have.")),
    "lab": ("auditor.cli.lab:lab", N_("The lab: real hosts in namespaces of this machine, to try the auditor on.")),
    "ledger": ("auditor.cli.ledger:ledger", N_("The ledger: the record of runs, findings and events.")),
    "plan": ("auditor.cli.plan:plan", N_("Show what would run where, without touching a host.")),
    "policy": ("auditor.cli.catalogue:policy", N_("The policy: what is in force, with which thresholds and deadlines.")),
    "reevaluate": (
        "auditor.cli.audit:reevaluate",
        N_("Judge stored observations by the policy as it is now, without touching a host."),
    ),
    "report": ("auditor.cli.report:report", N_("The reports: for ministers, for the committee, for officers.")),
    "retire": (
        "auditor.cli.work:retire",
        N_("Close the findings of an asset out of service, an unlisted address, or a check out of the policy."),
    ),
    "runs": ("auditor.cli.runs:runs", N_("The runs: what was audited, and how it went.")),
    "verify": (
        "auditor.cli.work:verify",
        N_("Rescan just what proves findings, now, and say which are closed, or why not."),
    ),
    "score": ("auditor.cli.scores:score", N_("The index of the newest audit, and every term that makes it.")),
    "soa": ("auditor.cli.scores:soa", N_("A department's statement of applicability.")),
    "validate": (
        "auditor.cli.setup:validate",
        N_("Check every file of the workspace and name each mistake with file, line and column."),
    ),
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
    metavar="DIR",
    envvar="AUDITOR_WORKSPACE",
    help=N_("The workspace: the folder that holds auditor.toml. Default: the current folder or the nearest above it."),
)
@click.option(
    "--lang",
    cls=Option,
    type=Tongue(),
    envvar="AUDITOR_LANG",
    help=N_("Language of what is shown. Default: the setting in auditor.toml."),
)
@click.version_option(__version__, "--version", prog_name="auditor", cls=Option, help=N_("Show the version and exit."))
@pass_app
@click.pass_context
def cli(context: click.Context, app: App, workspace: Path | None, lang: str | None) -> None:
    """Remember what the commands need."""
    app.root = workspace
    written = context.get_parameter_source("workspace") is ParameterSource.COMMANDLINE  # a variable holds for the next call too
    name_workspace(str(workspace) if written else "", _COMMANDS)
    app.language = cast("Language | None", lang)


def main() -> None:
    """The entry point. Every way out is one of the documented exit codes."""
    language, bidi = _preferences(sys.argv[1:], dict(os.environ))
    speak(language)
    os.environ["AUDITOR_BIDI"] = bidi
    app = App()
    try:
        result = cli.main(prog_name="auditor", standalone_mode=False, obj=app)
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
        _misused(error)
        code = Exit.USAGE
    except ConfigurationError as error:
        for mistake in error.mistakes:
            _terminal().point(mistake)
        _complain(str(error))
        code = Exit.USAGE
    except AuditorError as error:
        _complain(str(error))
        if isinstance(error, DeniedMoveError):
            _name_sudo(app)
        code = exit_code(error)
    except BrokenPipeError:
        nobody_reads()
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
    gc.freeze()  # else Python looks through everything for circles before it ends: a fifth of a second
    sys.exit(code)


def speak(language: Language) -> None:
    """Use a language everywhere, click's own words included: those go by the process's environment."""
    use(language)
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain("auditor", str(files("auditor.text").joinpath("locale")))
    gettext.textdomain("auditor")


def _preferences(argv: list[str], environ: dict[str, str]) -> tuple[Language, str]:
    """The language and who orders Arabic, known before click reads the options, since help and errors are in it too.

    The language by --lang, AUDITOR_LANG or auditor.toml, and Arabic, the first language here, when none of them tells; the order
    by AUDITOR_BIDI or auditor.toml.
    """
    asked: str | None = environ.get("AUDITOR_LANG")
    root: str | None = environ.get("AUDITOR_WORKSPACE")
    for i, word in enumerate(argv):
        name, joined, value = word.partition("=")
        following = value if joined else (argv[i + 1] if i + 1 < len(argv) else "")
        if name == "--lang":
            asked = following
        elif name in ("-C", "--workspace"):
            root = following
    settings = _configured(Path(root) if root else Path.cwd())
    language = tongue(asked) or settings.get("language")
    bidi = environ.get("AUDITOR_BIDI") or settings.get("bidi")
    return (
        language if language in ("ar", "en") else "ar",
        str(bidi) if bidi in ("auto", "terminal", "reorder") else "auto",
    )


def _configured(folder: Path) -> dict[str, object]:
    """What the nearest auditor.toml says of the auditor itself, read without the loader: even --help must be quick to come.

    Nothing when there is none to read; what is wrong in the file is told when a command loads it.
    """
    for root in (folder, *folder.absolute().parents):
        try:
            told = tomllib.loads((root / "auditor.toml").read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            break
        section = told.get("auditor")
        return section if isinstance(section, dict) else {}
    return {}


def _misused(error: click.ClickException) -> None:
    """What click says of a wrong command line, by way of the terminal, which may have to order Arabic."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        _complain(context.get_usage())
        _complain(_("Try '{command} {option}' for help.").format(command=context.command_path, option="--help"))
        _complain("")
    _complain(_("Error: {message}").format(message=error.format_message()))


def _name_sudo(app: App) -> None:
    """Say how people act, to the account that is best not named as one of them."""
    from auditor.loading import account_of, load_settings
    from auditor.workflow.belonging import needs_sudo
    from auditor.workflow.workspace import workspace_root

    root = workspace_root(app.root)
    settings = load_settings(root)
    if needs_sudo(settings, app.actor):
        told = _(
            "The account that the ledger belongs to is best not named there; whoever is named acts through sudo, as with: "
            "sudo -u {account} auditor -C {root} findings list"
        )
        _complain(told.format(account=account_of(settings), root=root.resolve()))


def _complain(text: str) -> None:
    _terminal().say(text)


def _terminal() -> Terminal:
    from auditor.reporting.terminal import Terminal

    return Terminal(sys.stderr, bidi=os.environ.get("AUDITOR_BIDI", "auto"))
