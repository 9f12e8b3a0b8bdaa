"""The Match blocks of an SSH server's configuration files, read as sshd reads them."""

from __future__ import annotations

import fnmatch
import re
import shlex
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._lines import Files

APPENDED = ("allowusers", "allowgroups", "denyusers", "denygroups", "acceptenv")
"""Of these sshd takes every line; those of a block take the place of those outside it."""

OLD_NAMES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
}
MAIN = "/etc/ssh/sshd_config"
_READ = ("/etc/ssh/sshd_config.d",)
_NO_MATCH_INSIDE = ("/etc/crypto-policies/",)  # lists of algorithms, which sshd refuses inside Match
_MAX_DEPTH = 16  # sshd's own limit of nested Include

Block = tuple[tuple[str, ...], dict[str, list[str]]]


def blocks(dumped: Files) -> list[Block]:
    """The conditions of each block with what stands inside it, by name; a block that sets nothing is left out."""
    walk = _Walk(dumped)
    walk.read(MAIN, (), 0)
    return walk.found


class _Walk:
    """Goes as sshd does: Include in place, and a Match in an included file ends with that file."""

    def __init__(self, dumped: Files) -> None:
        self._dumped = dumped
        self.found: list[Block] = []

    def read(self, path: str, criteria: tuple[str, ...], depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ParseError(f"sshd: Include is nested too deeply at {path}")
        outer = criteria
        own: dict[str, list[str]] | None = None
        for text in self._dumped.get(path, []):
            words = _words(text, path)
            if not words:
                continue
            keyword = words[0].lower()
            if keyword == "match":
                criteria, own = (*outer, " ".join(words[1:])), None
            elif keyword == "include":
                for pattern in words[1:]:
                    for name in self._included(pattern):
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
        if str(wanted.parent) not in _READ:
            raise ParseError(f"sshd: the configuration includes {pattern}, which the probe does not read")
        return sorted(
            name
            for name in self._dumped
            if PurePosixPath(name).parent == wanted.parent and fnmatch.fnmatchcase(PurePosixPath(name).name, wanted.name)
        )


def _words(text: str, path: str) -> list[str]:
    text = re.sub(r"^(\s*\w+)\s*=\s*", r"\1 ", text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.escape = ""
    try:
        return list(lexer)
    except ValueError as error:
        raise ParseError(f"sshd: {path}: {text[:80]!r}: {error}") from error
