"""What Python's reader of TOML says of what it cannot read, in the reader's language: its own words are English."""

from __future__ import annotations

import re

from auditor.text import N_, _

PROBLEMS = (
    N_("Invalid statement"),
    N_("Invalid value"),
    N_("Invalid initial character for a key part"),
    N_("Invalid date or datetime"),
    N_("Invalid hex value"),
    N_("Expected newline or end of document after a statement"),
    N_("Expected '=' after a key in a key/value pair"),
    N_("Expected ']' at the end of a table declaration"),
    N_("Expected ']]' at the end of an array declaration"),
    N_("Cannot overwrite a value"),
    N_("Unclosed array"),
    N_("Unclosed inline table"),
    N_("Unterminated string"),
    N_("Unescaped '\\' in a string"),
    N_("Escaped character is not a Unicode scalar value"),
)
"""Its whole sentences, as it says them; what is not here is told in its words."""

NAMING = (
    (re.compile(r"Cannot declare (?P<key>.+) twice"), N_("Cannot declare {key} twice")),
    (re.compile(r"Cannot mutate immutable namespace (?P<key>.+)"), N_("Cannot mutate immutable namespace {key}")),
    (re.compile(r"Cannot redefine namespace (?P<key>.+)"), N_("Cannot redefine namespace {key}")),
    (re.compile(r"Duplicate inline table key (?P<key>.+)"), N_("Duplicate inline table key {key}")),
    (re.compile(r"Found invalid character (?P<character>.+)"), N_("Found invalid character {character}")),
    (re.compile(r"Illegal character (?P<character>.+)"), N_("Illegal character {character}")),
    (re.compile(r"Expected (?P<text>'[^']*'|\"[^\"]*\")"), N_("Expected {text}")),
)
"""Those that name what they found."""


def told(problem: str) -> str:
    """The same, in the reader's language."""
    for pattern, sentence in NAMING if problem not in PROBLEMS else ():
        if found := pattern.fullmatch(problem):
            return _(sentence).format(**{name: _key(text) for name, text in found.groupdict().items()})
    return _(problem)


def _key(text: str) -> str:
    """A key is said as a tuple of its parts: ``('ledger', 'path')``."""
    parts = re.findall(r"'([^']*)'", text) if text.startswith("(") else []
    return ".".join(parts) or text
