"""What ``apt-config dump`` prints, read as apt and its tools read it; shared by the facts on apt's settings."""

from __future__ import annotations

import re

from auditor.errors import ParseError

_LINE = re.compile(r'(\S+) "(.*)";\Z')
_YES = frozenset({"yes", "true", "with", "on", "enable"})
_NO = frozenset({"no", "false", "without", "off", "disable"})
Settings = dict[str, list[str]]


def settings(lines: list[str], fact: str) -> Settings:
    """Values by key in small letters, as apt compares them; a key that ends in ``::`` is a list, and is given without the end."""
    found: Settings = {}
    for line in lines:
        match = _LINE.match(line)
        if not match:
            raise ParseError(f"{fact}: a line that apt-config does not print: {line[:80]!r}")
        key = match[1].lower()
        if key.endswith("::"):
            found.setdefault(key[:-2], []).append(match[2])
        elif match[2]:  # the head of a list has an empty value of its own
            found[key] = [match[2]]
    return found


def truth(text: str, *, default: bool) -> bool:
    """As apt's StringToBool: 0 or 1, as C writes numbers, or one of its words to the letter; anything else is the default."""
    word = text.lower()
    if number := re.fullmatch(r"\s*\+?(?:0x)?0*([01])", word):
        return number[1] == "1"
    return True if word in _YES else False if word in _NO else default


def on(found: Settings, key: str, *, default: bool) -> bool:
    """Whether the setting of that name is on."""
    return truth(found.get(key, [""])[0], default=default)
