"""PAM's configuration, followed as PAM follows it, so that Debian's common-* and RHEL's system-auth are read alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from auditor.errors import ParseError
from auditor.facts._budget import Budget
from auditor.facts._lines import SHOW_FILES, continued, files, number, split_unreadable, whole

_TYPES = ("auth", "account", "password", "session")
_MAX_DEPTH = 16
_LINE = re.compile(r"-?(?P<type>\w+)\s+(?P<control>\[[^\]]*\]|\S+)\s+(?P<module>\S+)\s*(?P<arguments>.*)\Z")
_WORD = re.compile(r"\S+")
_MAX_LINE = 8192

SHOW_PAM = (
    SHOW_FILES
    + "if [ -d /etc/pam.d ]; then\n"
    + "  [ -r /etc/pam.d ] && [ -x /etc/pam.d ] || exit 1\n"
    + "  show /etc/pam.d/* /usr/lib/pam.d/*\n"
    + "else\n"
    + "  [ -x /etc ] || exit 1\n"
    + '  [ ! -e /etc/pam.conf ] || { echo "the probe does not read /etc/pam.conf" >&2; exit 1; }\n'
    + "  echo nopam\n"
    + "fi\n"
)
"""The start of a probe that prints PAM's files, or ``nopam`` on a host without PAM."""


@dataclass(frozen=True, slots=True)
class Module:
    """One line of a stack: ``name`` is without its folder and ``.so``; arguments are in order, such as ``deny=3``.

    What a substack includes stands one ``level`` deeper, after a line of its own whose control is ``substack``.
    """

    control: str
    name: str
    arguments: tuple[str, ...]
    level: int = 0

    def argument(self, key: str) -> str | None:
        """The value of the last ``key=value``; "" for a bare ``key``; None when it is not given."""
        values = [a.partition("=")[2] for a in self.arguments if a.partition("=")[0].lower() == key]
        return values[-1] if values else None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of a file: ``kind`` is "" where it holds for all; what ``included`` names, if anything, follows it."""

    kind: str
    module: Module | None
    included: str | None


class Pam:
    """The files that a probe printed. ``present`` is false on a host without PAM."""

    def __init__(self, output: str, fact: str) -> None:
        lines, self._unreadable = split_unreadable(whole(output, fact))
        lines = [line.strip() if line.strip() == "nopam" else line for line in lines]
        self.present = "nopam" not in lines
        self._fact = fact
        self._entries: dict[str, list[_Entry]] = {}
        self.budget = Budget(f"{fact}: PAM's stacks with what they include")
        self.files = files([line for line in lines if line != "nopam"], fact)
        if self.present and not any(path.startswith(_FOLDERS) for path in (*self.files, *self._unreadable)):
            raise ParseError(f"{fact}: the probe shows no file of PAM and does not say that there is none")

    def has(self, service: str) -> bool:
        """Whether the service has a configuration of its own."""
        return any(self._holds(f"{folder}/{service}") for folder in _FOLDERS)

    def text(self, path: str) -> list[str]:
        """The lines of a file, none when it is not there. Raises ParseError when it is there and could not be read."""
        if path in self._unreadable:
            raise ParseError(f"{self._fact}: {path} may not be read by this login")
        return self.files.get(path, [])

    def settings(self, path: str) -> dict[str, str]:
        """A file of ``key = value`` or bare ``key`` lines, as pwquality.conf and faillock.conf have them."""
        found: dict[str, str] = {}
        for line in self.text(path):
            line = line.partition("#")[0].strip()
            if line:
                key, _, value = line.partition("=")
                found[key.strip().lower()] = value.strip()
        return found

    def stack(self, service: str, kind: str) -> list[Module]:
        """The modules that a service's ``kind`` passes through, includes put in place. Raises ParseError."""
        return self._read(service, kind, 0, 0)

    def _read(self, service: str, kind: str, depth: int, level: int) -> list[Module]:
        if depth > _MAX_DEPTH:
            raise ParseError(f"{self._fact}: PAM's includes are nested too deeply at {service}")
        if not self.has(service):
            raise ParseError(f"{self._fact}: PAM's configuration includes {service}, which is not there")
        path = next(f"{folder}/{service}" for folder in _FOLDERS if self._holds(f"{folder}/{service}"))
        if path not in self._entries:
            self._entries[path] = [*self._parsed(path)]
        self.budget.spend(1 + len(self._entries[path]))
        modules: list[Module] = []
        for entry in self._entries[path]:
            if entry.kind not in ("", kind):
                continue
            if entry.module is not None and entry.module.control != "include":
                modules.append(replace(entry.module, level=level) if level else entry.module)
            if entry.included is not None:
                inner = level + (entry.module is not None and entry.module.control == "substack")
                modules += self._read(entry.included, kind, depth + 1, inner)
        return modules

    def _parsed(self, path: str) -> Iterator[_Entry]:
        """The lines of a file, each read once however often it is included. Raises ParseError."""
        for text in continued(self.text(path), _without_comment):
            line = text.strip()
            if not line:
                continue
            if line.lower().startswith("@include"):
                yield _Entry("", None, line[len("@include") :].strip().rsplit("/", 1)[-1])
                continue
            match = _LINE.match(line) if len(line) <= _MAX_LINE else None
            if match is None or match["type"].lower() not in _TYPES:
                raise ParseError(f"{self._fact}: {path}: not a line of PAM: {line[:80]!r}")
            module = _module(match)
            included = match["module"].rsplit("/", 1)[-1] if module.control in ("include", "substack") else None
            yield _Entry(match["type"].lower(), module, included)

    def _holds(self, path: str) -> bool:
        return path in self.files or path in self._unreadable


def _without_comment(line: str) -> str:
    return re.split(r"(?<!\\)#", line, maxsplit=1)[0]


def _module(match: re.Match[str]) -> Module:
    arguments: list[str] = []
    text, at = match["arguments"], 0
    last = text.rfind("]")
    while word := _WORD.search(text, at):
        if word[0].startswith("[") and word.start() < last:  # [an argument with spaces]
            at = text.index("]", word.start()) + 1
            arguments.append(text[word.start() + 1 : at - 1])
        else:
            at = word.end()
            arguments.append(word[0])
    name = match["module"].rsplit("/", 1)[-1].removesuffix(".so")
    return Module(match["control"].lower(), name, tuple(arguments))


def setting(name: str, fact: str, default: int, *sources: str | None) -> int:
    """The first of ``sources`` that is given, as a number; else the default."""
    for text in sources:
        if text is not None:
            return number(text.strip(), f"{fact}: {name}")
    return default


_FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d")
