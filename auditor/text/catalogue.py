"""The interface's texts in the language of the current context: English sentences are the message ids.

The language is a context variable, so that two reports in two languages can be written side by side. A new thread starts in
English; give it a copy of the context. The Arabic catalogue is read once, at its first use.
"""

from __future__ import annotations

import functools
import gettext as _gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.resources import files

from auditor.model import Language

DOMAIN = "auditor"

_language: ContextVar[Language] = ContextVar("language", default="en")


def use(language: Language) -> None:
    """Speak ``language`` from here on in this context."""
    _language.set(language)


@contextmanager
def using(language: Language) -> Iterator[None]:
    """Speak ``language`` inside the block, and what was spoken before after it."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def current() -> Language:
    """The language spoken in this context."""
    return _language.get()


def _(message: str) -> str:
    """The message in the current language; fill its ``{placeholders}`` afterwards with ``str.format``."""
    return _catalogue(current()).gettext(message) if message else ""  # gettext answers "" with the catalogue's header


def ngettext(singular: str, plural: str, n: int) -> str:
    """The form of the message that agrees with ``n``: two forms in English, six in Arabic."""
    return _catalogue(current()).ngettext(singular, plural, n)


def pgettext(context: str, message: str) -> str:
    """The message as it is said in ``context``, for English words that Arabic renders by several."""
    return _catalogue(current()).pgettext(context, message)


def N_(message: str) -> str:  # noqa: N802 — gettext's own name for it
    """Mark a message for the catalogue where it is written; give it to ``_`` where it is shown."""
    return message


def NP_(context: str, message: str) -> tuple[str, str]:  # noqa: N802
    """Mark a message with its context; give both to ``pgettext`` where it is shown."""
    return context, message


@functools.cache
def _catalogue(language: Language) -> _gettext.NullTranslations:
    if language == "en":
        return _gettext.NullTranslations()
    with files("auditor.text").joinpath("locale", language, "LC_MESSAGES", f"{DOMAIN}.mo").open("rb") as file:
        return _gettext.GNUTranslations(file)
