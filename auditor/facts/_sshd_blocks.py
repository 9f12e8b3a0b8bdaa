"""The Match blocks of an SSH server's configuration files, read as sshd reads them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._budget import Budget, Folders
from auditor.facts._lines import Files

APPENDED = ("allowusers", "allowgroups", "denyusers", "denygroups", "acceptenv")
"""Of these sshd takes every line; those of a block take the place of those outside it."""

OLD_NAMES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
}
MAIN = "/etc/ssh/sshd_config"
_READ = "/etc/ssh/sshd_config.d"
_NO_MATCH_INSIDE = ("/etc/crypto-policies/",)  # lists of algorithms, which sshd refuses inside Match
_MAX_DEPTH = 16  # sshd's own limit of nested Include

_TOKEN = re.compile(r"""[ \t\r\n]+|(?P<comment>#)|(?P<word>(?:[^ \t\r\n#"']|"[^"]*"|'[^']*')++)""")
_QUOTED = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)

Block = tuple[tuple[str, ...], dict[str, list[str]]]


def blocks(dumped: Files, budget: Budget) -> list[Block]:
    """The conditions of each block with what stands inside it, by name; a block that sets nothing is left out."""
    walk = _Walk(dumped, budget)
    walk.read(MAIN, (), 0)
    return walk.found


class _Walk:
    """Goes as sshd does: Include in place, and a Match in an included file ends with that file."""

    def __init__(self, dumped: Files, budget: Budget) -> None:
        self._dumped = dumped
        self._budget = budget
        self._folders = Folders("sshd", dumped, budget)
        self._known: dict[str, list[list[str]]] = {}
        self._patterns: dict[str, list[str]] = {}
        self.found: list[Block] = []

    def read(self, path: str, criteria: tuple[str, ...], depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ParseError(f"sshd: Include is nested too deeply at {path}")
        outer = criteria
        own: dict[str, list[str]] | None = None
        if path not in self._known:
            self._known[path] = [words for text in self._dumped.get(path, []) if (words := _words(text, path))]
        self._budget.spend()
        for words in self._known[path]:
            self._budget.line(*words)
            keyword = words[0].lower()
            if keyword == "match":
                criteria, own = (*outer, " ".join(words[1:])), None
                self._budget.line(*criteria)
            elif keyword == "include":
                for pattern in words[1:]:
                    if pattern not in self._patterns:
                        self._patterns[pattern] = self._included(pattern)
                    for name in self._patterns[pattern]:
                        self.read(name, criteria, depth + 1)
            elif criteria:
                if own is None:
                    own = {}
                    self.found.append((criteria, own))
                name = OLD_NAMES.get(keyword, keyword)
                if name in APPENDED:
                    own.setdefault(name, []).extend(words[1:])
                else:
                    own.setdefault(name, words[1:])  # sshd keeps the first

    def _included(self, pattern: str) -> list[str]:
        wanted = PurePosixPath(pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}")
        if str(wanted).startswith(_NO_MATCH_INSIDE):
            return []
        if str(wanted.parent) != _READ:
            raise ParseError(f"sshd: the configuration includes {pattern[:80]}, which the probe does not read")
        return self._folders.matching(str(wanted))


def _words(text: str, path: str) -> list[str]:
    """The words of a line without its comment and its quotes; shlex would take the square of a word's length."""
    text = re.sub(r"^(\s*\w+)\s*=\s*", r"\1 ", text)
    words: list[str] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ParseError(f"sshd: {path}: {text[:80]!r}: a quote that does not close")
        if match["comment"]:
            break
        if match["word"] is not None:
            words.append(_QUOTED.sub(r"\2", match["word"]))
        at = match.end()
    return words
