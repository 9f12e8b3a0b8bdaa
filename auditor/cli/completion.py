"""``auditor completion``: the line that makes a shell complete commands and options."""

from __future__ import annotations

import sys

import click
from click.shell_completion import get_completion_class

from auditor.cli.base import Command
from auditor.errors import UsageError
from auditor.text import N_, _


@click.command(cls=Command, help=N_("Print the completion script for a shell; source it from the shell's start-up file."))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script."""
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(_("there is no completion for {shell}").format(shell=shell))
    sys.stdout.write(kind(context.find_root().command, {}, "auditor", "_AUDITOR_COMPLETE").source())
