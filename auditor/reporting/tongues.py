"""Saying the same in one language or in both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from auditor.model import Language, Text, Tongue
from auditor.reporting.document import Phrase, merged
from auditor.text import using

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
