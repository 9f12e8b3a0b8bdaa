"""How long rotated logs are kept: each file that logrotate is told of, with its period, how many are kept, for how many days."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._budget import Budget, Folders
from auditor.facts._lines import SHOW_FILES, files, number, split_unreadable, whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_MAIN = "/etc/logrotate.conf"
_FOLDER = "/etc/logrotate.d"
_PERIODS = {"hourly": 0, "daily": 1, "weekly": 7, "monthly": 30, "yearly": 365}
_SCRIPT_WORDS = {"postrotate", "prerotate", "firstaction", "lastaction", "preremove"}
_EQUALS = re.compile(r"([a-z]+) ?= ?(.*)")  # `rotate=4` is `rotate 4`; what begins with a slash or a quote is a path
_IGNORED = (".dpkg-", ".rpmsave", ".rpmorig", ".rpmnew", ".swp", "~", ".bak", ".disabled", ".ucf-")

_SCRIPT = (
    SHOW_FILES
    + """\
if [ ! -x /usr/sbin/logrotate ]; then printf 'installed=no\\nend\\n'; exit 0; fi
echo installed=yes
[ -r /etc/logrotate.conf ] || exit 1
listable /etc/logrotate.d
show /etc/logrotate.conf /etc/logrotate.d/*
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or the files as ``path:line``."""
    lines = whole(output, "log_rotation")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "entries": []}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("log_rotation: the first line says neither installed=yes nor installed=no")
    told, unreadable = split_unreadable(lines[1:])
    if unreadable:
        raise ParseError(f"log_rotation: may not be read: {sorted(unreadable)[0]}")
    found = files(told, "log_rotation")
    if _MAIN not in found:
        raise ParseError(f"log_rotation: {_MAIN} is missing")
    reader = _Reader(found)
    reader.read(_MAIN)
    return {"installed": True, "entries": reader.entries}


class _Reader:
    """Walks the files as logrotate does: what stands outside a block holds from there on, what stands inside for the block."""

    def __init__(self, found: dict[str, list[str]]) -> None:
        self._found = found
        self._budget = Budget("log_rotation: the files with what is included")
        self._folders = Folders("log_rotation", found, self._budget)
        self._outside: dict[str, int] = {}
        self.entries: list[Json] = []

    def read(self, path: str) -> None:
        inside: dict[str, int] | None = None
        names: list[str] = []
        script = False
        self._budget.spend()
        for line in self._found[path]:
            self._budget.line(line)
            words = line.split("#")[0].split() if not line.strip().startswith('"') else line.split()
            if not words:
                continue
            if not script and (match := _EQUALS.fullmatch(" ".join(words))):
                words = [match[1], *match[2].split()]
            if script:
                script = words[0] != "endscript"
            elif words[0] in _SCRIPT_WORDS:
                script = True
            elif inside is None and words[0] == "include":
                self._include(words[1:], path)
            elif inside is None and (words[0].startswith(("/", '"', "'")) or words == ["{"]):
                opened = words[-1].endswith("{")
                names += [w.strip("\"'") for w in (word.rstrip("{") for word in words) if w]
                inside = dict(self._outside) if opened else None
            elif words[0].startswith("}"):
                if inside is None:
                    raise ParseError(f"log_rotation: {path}: a block ends that did not begin")
                self.entries += [_entry(path, name, inside) for name in names]
                inside, names = None, []
            else:
                _set(self._outside if inside is None else inside, words)
        if inside is not None or script:
            raise ParseError(f"log_rotation: {path}: a block does not end")

    def _include(self, words: list[str], path: str) -> None:
        if words != [_FOLDER] or path != _MAIN:
            raise ParseError(f"log_rotation: {path} includes {' '.join(words)[:60]!r}, which the probe does not read")
        for name in self._folders.inside(_FOLDER):
            if not any(end in name for end in _IGNORED):
                before = dict(self._outside)
                self.read(name)
                self._outside = before


def _set(settings: dict[str, int], words: list[str]) -> None:
    word = words[0]
    if word in _PERIODS:
        settings |= {"period": _PERIODS[word], "size": 0}  # of a period and a size the last one holds
    elif word in ("rotate", "maxage") and len(words) > 1:
        settings[word] = number(words[1], f"log_rotation: {word}")
    elif word in ("size", "maxsize"):
        settings[word] = int(words != ["maxsize", "0"])
    elif word in ("compress", "nocompress"):
        settings["compress"] = int(word == "compress")


def _entry(path: str, name: str, settings: dict[str, int]) -> Json:
    """Days kept: so many files of so many days each, and no older than maxage; where a size ends a file too, nobody can say."""
    by_size = bool(settings.get("size") or settings.get("maxsize"))
    entry: dict[str, Json] = {
        "source": path,
        "path": name,
        "rotate": settings.get("rotate", 0),
        "by_size": by_size,
        "compress": bool(settings.get("compress")),
    }
    rotate = settings.get("rotate", 0)
    age = settings.get("maxage")
    if rotate == -1:
        entry["days"] = age if age is not None else 36500
    elif not by_size and "period" in settings:
        days = rotate * max(1, settings["period"]) if settings["period"] else rotate // 24
        entry["days"] = min(days, age) if age is not None else days
    return entry


FACT = Fact(
    name="log_rotation",
    title=Text(en="How long rotated logs are kept", ar="مدة الاحتفاظ بالسجلات المدوّرة"),
    shape=record(
        installed=BOOL,
        entries=ListOf(record(source=STR, path=STR, rotate=INT, by_size=BOOL, compress=BOOL, days=optional(INT))),
    ),
    parse=parse,
    version=3,
    example={
        "installed": True,
        "entries": [
            {
                "source": "/etc/logrotate.d/rsyslog",
                "path": "/var/log/syslog",
                "rotate": 52,
                "by_size": False,
                "compress": True,
                "days": 364,
            }
        ],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
