"""Questions to be answered by yes or no, in the reader's language."""

from __future__ import annotations

import click

from auditor.cli.base import App
from auditor.text import _

_YES = ("y", "yes", "ن", "نعم")
_NO = ("n", "no", "ل", "لا", "")
_AROUND = " \t\u200e\u200f"  # marks of direction that a keyboard or a copy may bring along


def agreed(app: App, question: str) -> bool:
    """Whether whoever sits there says yes, in either language. An empty line is no; anything else is asked again.

    Raises click.Abort where the answers end.
    """
    asked = app.terminal.inline(_("{question} (yes or no)").format(question=question))
    while True:
        said = click.prompt(asked, default="", show_default=False, prompt_suffix=" ").strip(_AROUND).casefold()
        if said in _YES or said in _NO:
            return said in _YES
        app.say(_("Answer yes or no."))
