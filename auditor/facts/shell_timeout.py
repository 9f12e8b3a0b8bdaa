"""After how many seconds of idling shells end, as the files that every login shell reads set TMOUT.

``possible`` has one entry where that can be told, and more where it hangs on what only a shell can tell, such as a condition.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from auditor.errors import ParseError
from auditor.facts._lines import SHOW_FILES, Files, files, split_unreadable, whole
from auditor.facts._shell_walk import Command, Runs, commands
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_PROFILE, _FOLDER, _SHELL = "/etc/profile", "/etc/profile.d/", ("/etc/bash.bashrc", "/etc/bashrc")
_LOCAL = f"{_FOLDER}sh.local"
_DECLARING = ("export", "readonly", "typeset", "declare")
_ASSIGNMENT = re.compile(r"\w+\+?=")
_DEFAULT = re.compile(r"\$\{TMOUT:?[-=](\d{1,9})\}\Z")
_MAX_LENGTH = 131_072
_MAX_STATES = 64

_SCRIPT = (
    SHOW_FILES
    + f"""\
listable {_FOLDER.rstrip("/")}
for file in {_PROFILE} {_FOLDER}*.sh {_LOCAL} {" ".join(_SHELL)}; do
  exists "$file" && [ -f "$file" ] || continue
  if [ ! -r "$file" ] || [ "$file" = {_PROFILE} ] || grep -q TMOUT "$file"; then show "$file"; fi
done
echo end
"""
)

_State = tuple[int | None, str, bool]
"""Seconds, the file that set them, and whether they are readonly."""


class _Walk:
    """The files in the order in which a login shell reads them, and what TMOUT may be after each command."""

    def __init__(self, found: Files) -> None:
        self.states: set[_State] = {(None, "", False)}
        self._waiting = dict(found)
        self._folder = [path for path in found if path.startswith(_FOLDER)]
        self._block: tuple[tuple[int, ...], Runs] | None = None
        self._passed: set[_State] = set()
        self._asked: set[int] = set()  # the blocks of this file that began only where TMOUT was unset
        for path in (_PROFILE, *found):
            self._read(path)

    def _read(self, path: str) -> None:
        text = "\n".join(self._waiting.pop(path, []))
        if "TMOUT" not in text and (path != _PROFILE or len(text) > _MAX_LENGTH):
            return
        if len(text) > _MAX_LENGTH:
            raise ParseError(f"shell_timeout: {path} is too long to be followed")
        self._open(None)
        outer, self._asked = self._asked, set()
        for command in commands(text, "TMOUT"):
            for other in self._included(path, command):
                self._open(None)
                self._read(other)
            if any("TMOUT" in word for word in command.words):
                if command.runs is Runs.YES or (command.block, command.runs) != self._block:
                    self._open(command)
                self._set(path, command)
        self._open(None)
        self._asked = outer

    def _open(self, command: Command | None) -> None:
        """Leaves the block before this command; ``_passed`` is what TMOUT may be where that of the command does not run."""
        self.states |= self._passed
        self._block = None if command is None else (command.block, command.runs)
        runs = Runs.YES if command is None else command.runs
        if command is not None and runs is Runs.UNSET:  # it was asked where the outermost block began
            runs = Runs.OPEN if self._asked.intersection(command.block[1:]) else runs
            self._asked.update(number for number in command.block[1:] if number)
        self._passed = {state for state in self.states if runs is Runs.OPEN or (runs is Runs.UNSET and state[0] is not None)}
        if runs is Runs.UNSET:
            self.states -= self._passed
        if len(self.states) > _MAX_STATES:
            raise ParseError("shell_timeout: too many conditions to be followed")

    def _included(self, path: str, command: Command) -> list[str]:
        """The files that /etc/profile reads here, whatever it asks before."""
        if path != _PROFILE:
            return []
        if command.words[0] == "for" and any(_FOLDER.rstrip("/") in word for word in command.words):
            waiting, self._folder = [path for path in self._folder if path in self._waiting], []
            return waiting
        named = command.words[1] if command.words[0] in (".", "source") and len(command.words) > 1 else ""
        return [named] if named in _SHELL and named in self._waiting else []

    def _set(self, path: str, command: Command) -> None:
        first, *others = (word.replace('"', "").replace("'", "") for word in command.words)
        declaring = first in _DECLARING
        words = others if declaring else [first, *others]
        flags = "".join(word for word in words if declaring and word.startswith("-"))
        told = [word for word in words if word.startswith("TMOUT=")]
        if first == "eval" or (first in ("read", "let") and any(re.match(r"TMOUT\b", word) for word in others)):
            raise ParseError(f"shell_timeout: {path}: a value that only a shell can tell: {' '.join(command.words)[:80]!r}")
        if first == "unset" and "TMOUT" in others:
            self._change(lambda _: (None, "", False))
        elif first == ":" and _DEFAULT.match(others[0]):
            self._assign(path, others[0])
        elif told and (declaring or all(_ASSIGNMENT.match(word) for word in words)):
            self._assign(path, told[-1].partition("=")[2])
        if (first == "readonly" or (declaring and first != "export" and "r" in flags)) and (told or "TMOUT" in words):
            self._change(lambda state: (state[0], state[1], True))

    def _assign(self, path: str, text: str) -> None:
        default = _DEFAULT.match(text)
        digits = default[1] if default is not None else text
        if re.fullmatch(r"\d{0,9}", digits):
            value: _State = (int(digits or "0"), path, False)
            self._change(lambda state: state if default is not None and state[0] is not None else value)
        elif not all(state[2] for state in self.states):
            raise ParseError(f"shell_timeout: {path}: a value that only a shell can tell: {text[:80]!r}")

    def _change(self, change: Callable[[_State], _State]) -> None:
        self.states = {state if state[2] else change(state) for state in self.states}


def _read_by_shells(found: Files) -> Files:
    """Without sh.local, unless /etc/profile names it, as that of the RHEL family does after the others of its folder."""
    named = any("sh.local" in line.partition("#")[0] for line in found.get(_PROFILE, []))
    return {path: told for path, told in found.items() if named or path != _LOCAL}


def parse(output: str, _args: Arguments) -> Json:
    """/etc/profile, which reads the others, and those of the others that name TMOUT, as ``path:line``."""
    lines, unreadable = split_unreadable(whole(output, "shell_timeout"))
    if unreadable:
        raise ParseError(f"shell_timeout: may not be read: {sorted(unreadable)[0]}")
    found = _read_by_shells(files(lines, "shell_timeout"))
    naming = (
        f"{path}: {line.strip()}"[:200] for path, told in found.items() for line in told if "TMOUT" in line.partition("#")[0]
    )
    possible: list[Json] = []
    for seconds, source, fixed in sorted(_Walk(found).states, key=lambda state: (state[0] is not None, state)):
        value: dict[str, Json] = {"readonly": fixed}
        possible.append(value if seconds is None else {"seconds": seconds, "source": source, **value})
    return {"possible": possible, "lines": [*naming]}


FACT = Fact(
    name="shell_timeout",
    title=Text(en="Time after which idle shells end", ar="المدة التي تنتهي بعدها جلسات الصدفة الخاملة"),
    shape=record(possible=ListOf(record(seconds=optional(INT), source=optional(STR), readonly=BOOL)), lines=ListOf(STR)),
    parse=parse,
    version=3,
    example={"possible": [{"seconds": 900, "source": "/etc/profile.d/timeout.sh", "readonly": True}], "lines": []},
    probes={"linux": HostProbe(script=_SCRIPT, max_bytes=1_048_576)},
)
