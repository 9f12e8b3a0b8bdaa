"""Saying the same in one language or in both, and Arabic with Latin names in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from markupsafe import Markup, escape

from auditor.model import Language, Text, Tongue
from auditor.reporting.document import Phrase, merged
from auditor.text import using
from auditor.text.bidi import passages

T = TypeVar("T")


def languages(tongue: Tongue) -> tuple[Language, ...]:
    """The languages of a report, the first to be read first."""
    return {Tongue.AR: ("ar",), Tongue.EN: ("en",), Tongue.BOTH: ("ar", "en")}[tongue]  # type: ignore[return-value]  # they are


def told(tongue: Tongue, make: Callable[[], T]) -> T:
    """What ``make`` says in the report's language; in both, a value of the same shape whose texts hold both."""
    said = []
    for language in languages(tongue):
        with using(language):
            said.append(make())
    return said[0] if len(said) == 1 else merged(*said)


def flat(phrase: Phrase, mark: str = " / ") -> str:
    """A phrase where there is room for one string only."""
    return phrase if isinstance(phrase, str) else f"{phrase.ar}{mark}{phrase.en}"


def pick(phrase: Phrase, language: Language) -> str:
    """A phrase in one language."""
    return phrase.to(language) if isinstance(phrase, Text) else phrase


def set_apart(text: str) -> Markup:
    """An Arabic text as HTML, each Latin passage from left to right: else a path's first slash is seen at its end."""
    pieces = (f'<bdi dir="ltr">{escape(piece)}</bdi>' if latin else escape(piece) for piece, latin in passages(text))
    return Markup("".join(pieces))
