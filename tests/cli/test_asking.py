"""Questions by yes and no, in the language of whoever is asked."""

from __future__ import annotations

from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from auditor.cli.asking import agreed
from auditor.cli.base import App
from auditor.text import use


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Put the question, and answer it by these lines."""

    def put(typed: str, lang: str = "en", bidi: str = "terminal", question: str = "Do it?") -> Result:
        monkeypatch.setenv("AUDITOR_BIDI", bidi)
        use("ar" if lang == "ar" else "en")
        command = click.Command("ask", callback=lambda: click.echo(f"={agreed(App(), question)}"))
        try:
            return CliRunner().invoke(command, input=typed)
        finally:
            use("en")

    return put


@pytest.mark.parametrize(
    ("typed", "answer"),
    [(yes, True) for yes in ("y", "YES", "نعم", " ن ", "\u200fنعم")] + [(no, False) for no in ("n", "No", "لا", "ل", "")],
)
@pytest.mark.parametrize("lang", ["en", "ar"])
def test_it_is_answered_in_either_language(ask: Callable[..., Result], typed: str, answer: bool, lang: str) -> None:
    """Regression: click's own question took English letters alone, also from those who read Arabic."""
    assert f"={answer}" in ask(f"{typed}\n", lang).output


def test_what_is_neither_is_asked_again(ask: Callable[..., Result]) -> None:
    """With how to answer, until there is an answer; the end of the input is none."""
    done = ask("perhaps\nنعم\n")
    assert done.output.splitlines()[0].startswith("Do it? (yes or no)")
    assert (done.output.count("Do it?"), "Answer yes or no." in done.output, "=True" in done.output) == (2, True, True)
    assert ask("perhaps\n").exit_code == 1


def test_the_question_is_ordered_as_other_lines(ask: Callable[..., Result]) -> None:
    """Regression: in Arabic, the question reached a terminal that orders nothing in the order of its letters."""
    question = "هل توافق"
    assert ask("y\n", "ar", "terminal", question).output.startswith(f"\u2068{question}")
    assert question not in ask("y\n", "ar", "reorder", question).output
