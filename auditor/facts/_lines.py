"""Reading probes' output line by line, with proof that it is whole; shared by the facts that print several files."""

from __future__ import annotations

import re
from collections.abc import Callable

from auditor.errors import ParseError
from auditor.facts._there import THERE

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}\Z")

SHOW_FILES = (
    THERE + "show() {\n"
    '  for file do\n    exists "$file" && [ -f "$file" ] || continue\n'
    '    if [ ! -r "$file" ]; then printf \'unreadable %s\\n\' "$file"; continue; fi\n'
    "    printf '%s:\\n' \"$file\"\n"
    "    grep -H '^[[:space:]]*[^#[:space:]]' \"$file\"; [ $? -le 1 ] || exit 1\n  done\n}\n"
)
"""A shell function that prints files as ``path:`` and ``path:line``, without comments and blank lines.

It names those that may not be read, and fails on any other trouble. THERE comes with it.
"""

Files = dict[str, list[str]]


def whole(output: str, fact: str) -> list[str]:
    """The lines before the closing ``end``, indented as they were. Raises ParseError when it is missing.

    ``end`` is the last line of a probe whose wholeness nothing else proves.
    """
    lines = [line.rstrip("\r") for line in output.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise ParseError(f"{fact}: the probe printed nothing")
    if lines.pop().strip() != "end":
        raise ParseError(f"{fact}: the output is cut: its last line is not `end`")
    return lines


def files(lines: list[str], fact: str) -> Files:
    """What ``show`` or ``grep -H ^`` printed, by path, in the order printed. Raises ParseError on any other line."""
    found: Files = {}
    for line in lines:
        path, colon, text = line.partition(":")
        if not colon or not path.startswith("/"):
            raise ParseError(f"{fact}: not a line of a file: {line[:80]!r}")
        found.setdefault(path, []).append(text)
    return found


def without_blank_head(lines: list[str]) -> list[str]:
    """The lines from the first that is not blank on."""
    return lines[next((at for at, line in enumerate(lines) if line), len(lines)) :]


def split_unreadable(lines: list[str]) -> tuple[list[str], frozenset[str]]:
    """The lines of files, and apart the paths that ``show`` could not read."""
    unreadable = frozenset(line.partition(" ")[2] for line in lines if line.startswith("unreadable /"))
    return [line for line in lines if not line.startswith("unreadable /")], unreadable


def number(text: str, where: str) -> int:
    """A whole number in decimal. Raises ParseError on anything else, such as digits of another script."""
    if not _NUMBER.match(text):
        raise ParseError(f"{where}: {text[:40]!r} is not a whole number")
    return int(text)


def continued(lines: list[str], without_comment: Callable[[str], str] | None = None) -> list[str]:
    """Lines with those that end in a backslash joined to the next.

    ``without_comment`` is for programs in whose comments a backslash is nothing: the line after such a comment counts.
    """
    joined: list[str] = []
    pending = ""
    for line in map(without_comment, lines) if without_comment else lines:
        if line.endswith("\\"):
            pending += line[:-1] + " "
        else:
            joined.append(pending + line)
            pending = ""
    return [*joined, pending] if pending else joined
