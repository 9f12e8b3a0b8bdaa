"""What rsyslog listens on, how it sends, and the mode of the files it makes, from its configuration in either syntax.

``encrypted`` of a target is true when it is sent by TCP through the gtls or ossl driver in mode 1, for in mode 0 it sends in the
clear; or by RELP with TLS. A listener that is bound to the host itself takes nothing from the network, and is not told,
nor is a target on the host itself: there nothing leaves it.
``file_mode`` holds every bit that some new file comes to have: the mode that its action asks for, less the mask that rsyslog's
own files or its unit set. RHEL's names no mode, and its unit has ``UMask=0066``: its files are 0600, not 0644. As rsyslog 8.2302
was seen to do, ``$FileCreateMode`` holds for the old syntax's rules after it and for no ``action(…)``, whose default omfile's
module sets; ``global(umask=…)`` comes before any ``$Umask``; and where nothing includes rsyslog.d, nothing in it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._budget import Budget
from auditor.facts._lines import SHOW_FILES, files, split_unreadable, whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

_LISTENERS = {"imudp": "udp", "imtcp": "tcp", "imrelp": "relp", "imptcp": "tcp"}
_LEGACY_LISTENERS = {
    "$udpserverrun": "udp",
    "$inputtcpserverrun": "tcp",
    "$inputptcpserverrun": "tcp",
    "$inputrelpserverrun": "relp",
}
_LOOPBACK = re.compile(r"127\.|::1$|localhost$")
# alone, behind a filter such as RHEL's manual has it (`*.* action(…)`), or within a condition or a set of rules
_OBJECT = re.compile(r"(?i)\b(input|action|module|include|global)\s*\(")
_INSIDE = re.compile(r"((?:\"[^\"]*\"|[^\")])*+)\)")
_MOST_SOUGHT = 500_000  # characters
_INCLUDED = "/etc/rsyslog.d/*.conf"
_UNIT = "rsyslog.service"
_FOLDERS = tuple(f"{top}/systemd/system" for top in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"))  # the first one holds
# Comments, after what only looks like the start of one: strings, old directives (`$IncludeConfig /etc/rsyslog.d/*.conf`), and the
# actions of old rules, to which rsyslog counts the rest of the line.
_TOKEN = re.compile(
    r"""(?mx)
    (?P<kept> "(?:\\.|[^"\\\n])*" | (?<![^\s(,=])'(?:\\.|[^'\\\n])*'
      | ^[ \t]*\$(?:(?!\s\#).)* | (?:^|(?<=\s))(?:-?[/?|]|@|:|\^)(?![*\s])(?:(?!\s\#).)+ )
    | (?<![^\s(){};,"])/\*[\s\S]*?(?P<end>\*/|\Z)
    | (?:^|(?<=\s))\#.*"""
)
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'")
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_ITSELF = re.compile(r"(?i)(\([a-z0-9,]*\))?\[?(127\.[0-9.]+|::1|localhost6?(\.localdomain6?)?)\]?(:\w*)?\Z")
_SEVERAL = re.compile(r"(?i)(\btarget\s*=\s*)\[\s*(\"[^\"]*\")[^\]]{0,4096}\]")  # all of a pool are sent to alike
_PAIR = re.compile(r"(?<![A-Za-z0-9_.])([A-Za-z0-9_.]+)\s*=\s*\"([^\"]*)\"")

# a line that begins with # may yet end a comment of several lines
_SCRIPT = (
    SHOW_FILES.replace("grep -H ", "grep -H -e '\\*/' -e ")
    + """\
masks() {
  for file do
    exists "$file" || continue
    printf '%s:\\n' "$file"
    grep -H '^[[:space:]]*UMask[[:space:]]*=' "$file"; [ $? -le 1 ] || exit 1
  done
}
if [ ! -x /usr/sbin/rsyslogd ]; then printf 'installed=no\\nend\\n'; exit 0; fi
echo installed=yes
[ -r /etc/rsyslog.conf ] || exit 1
listable /etc/rsyslog.d
show /etc/rsyslog.conf /etc/rsyslog.d/*.conf
"""
    + "".join(f"masks {folder}/{_UNIT} {folder}/{_UNIT}.d/*.conf\n" for folder in _FOLDERS)
    + """\
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or the files as ``path:line``."""
    lines = whole(output, "rsyslog")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "listens": [], "targets": [], "file_mode": ""}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("rsyslog: the first line says neither installed=yes nor installed=no")
    told, unreadable = split_unreadable(lines[1:])
    if unreadable:
        raise ParseError(f"rsyslog: may not be read: {sorted(unreadable)[0]}")
    found = files(told, "rsyslog")
    units = {path: found.pop(path) for path in [*found] if not path.startswith("/etc/rsyslog")}
    if not found:
        raise ParseError("rsyslog: no configuration was shown")
    first = found.pop("/etc/rsyslog.conf", [])
    reader = _Reader(_unit_mask(units), _statements([line for path in sorted(found) for line in found[path]]))
    reader.read(_statements(first))
    return {
        "installed": True,
        "listens": [*sorted(reader.listens)],
        "targets": [_target(pairs, reader.driver) for pairs in reader.sent if not _ITSELF.match(pairs.get("target", ""))],
        "file_mode": f"{reader.file_mode():04o}",
    }


class _Reader:
    """Statements in order, for those of the old syntax hold for what comes after them; the driver of ``global`` holds for all."""

    def __init__(self, mask: str, included: list[list[str]]) -> None:
        self.listens: dict[str, None] = {}
        self.sent: list[dict[str, str]] = []
        self.driver = ""
        self._modes: list[str] = []
        self._mode = self._module_mode = "0644"
        self._mask, self._global_mask = mask, ""
        self._folder: list[list[str]] | None = included
        self._budget = Budget("rsyslog: the statements with what is included")
        self._old = {"$actionsendstreamdriver": "", "$actionsendstreamdrivermode": "0", "$udpserveraddress": ""}

    def file_mode(self) -> int:
        """All bits of all files; where no action names one, those of the old syntax's default."""
        wanted = 0
        for mode in self._modes or [self._mode]:
            wanted |= int(mode, 8)
        return wanted & ~int(self._global_mask or self._mask, 8)

    def read(self, statements: list[list[str]]) -> None:
        self._budget.spend()
        for words in statements:
            self._budget.line(*words)
            first = words[0].lower()
            if first.startswith("$"):
                self._directive(first, words[1:])
                continue
            rest = ""
            for before, kind, inside in _objects(_SEVERAL.sub(r"\1\2", " ".join(words))):
                rest += f"{before} "
                if kind:
                    self._object(kind.lower(), {key.lower(): value for key, value in _PAIR.findall(inside)})
            for word in _STRING.sub(" ", rest).split():
                self._action(word)

    def _action(self, word: str) -> None:
        """An action of the old syntax, which may stand alone on its line in a condition's braces."""
        if re.match(r"@@?[^@]", word):
            self._send(word.lstrip("@").split(";")[0].removeprefix("(o)"), "tcp" if word.startswith("@@") else "udp")
        elif word.lower().startswith(":omrelp:"):
            self._send(word[len(":omrelp:") :].split(";")[0], "relp")
        elif re.match(r"-?(/(?!dev/)|\?)[^\s*]", word):
            self._modes.append(self._mode)

    def _directive(self, name: str, values: list[str]) -> None:
        value = values[0] if values else ""
        if name in _LEGACY_LISTENERS:
            if name != "$udpserverrun" or not _LOOPBACK.match(self._old["$udpserveraddress"]):
                self.listens[_LEGACY_LISTENERS[name]] = None
        elif name in self._old:
            self._old[name] = value
        elif name == "$defaultnetstreamdriver":
            self.driver = value
        elif name == "$filecreatemode" and value:
            self._mode = value
        elif name == "$umask" and value:
            self._mask = value
        elif name == "$includeconfig":
            self._include(" ".join(values))

    def _object(self, kind: str, pairs: dict[str, str]) -> None:
        named = pairs.get("type", "").lower()
        if kind == "include":
            self._include(pairs.get("file", _INCLUDED))
        elif kind == "input" and named in _LISTENERS and not _LOOPBACK.match(pairs.get("address", "")):
            self.listens[_LISTENERS[named]] = None
        elif kind == "action" and named in ("omfwd", "omrelp"):
            self.sent.append(pairs)
        elif kind == "action" and named == "omfile" and not pairs.get("file", "").startswith("/dev/"):
            self._modes.append(pairs.get("filecreatemode", self._module_mode))
        elif kind == "module" and pairs.get("load", "").lower() == "builtin:omfile":
            self._module_mode = pairs.get("filecreatemode", self._module_mode)
        elif kind == "global":
            self.driver = pairs.get("defaultnetstreamdriver", self.driver)
            self._global_mask = pairs.get("umask", self._global_mask)

    def _include(self, path: str) -> None:
        """What is included is read where it is included, and holds for what comes after."""
        if path != _INCLUDED:
            raise ParseError(f"rsyslog: includes {path[:60]!r}, which the probe does not read")
        if self._folder is None:
            raise ParseError("rsyslog: includes rsyslog.d within itself")
        statements, self._folder = self._folder, None
        self.read(statements)
        self._folder = statements

    def _send(self, host: str, protocol: str) -> None:
        old = {"streamdriver": self._old["$actionsendstreamdriver"], "streamdrivermode": self._old["$actionsendstreamdrivermode"]}
        kind = "omrelp" if protocol == "relp" else "omfwd"
        self.sent.append({"type": kind, "target": host, "protocol": protocol, **old})


def _unit_mask(units: dict[str, list[str]]) -> str:
    """The mask of systemd.exec(5): of the unit and of each drop-in the first folder's, drop-ins after the unit by their names."""
    held: dict[str, list[str]] = {}
    for folder in reversed(_FOLDERS):
        for path, lines in units.items():
            if path.startswith(f"{folder}/{_UNIT}"):
                held["" if path == f"{folder}/{_UNIT}" else PurePosixPath(path).name] = lines
    told = [line.partition("=")[2].strip() for _, lines in sorted(held.items()) for line in lines if line.strip()]
    return told[-1] if told and told[-1] else "0022"


def _objects(text: str) -> Iterator[tuple[str, str, str]]:
    """Each object of a statement: what stands before it, its kind, and what is in its brackets; at the end the rest alone."""
    at = 0
    # one that does not close is none; nor does another, behind it, of which as many quotes are open
    hopeless: set[int] = set()
    counted = quotes = 0
    for found in _OBJECT.finditer(text):
        if found.start() < at:
            continue
        quotes += text.count('"', counted, found.end())
        counted = found.end()
        inside = _INSIDE.match(text, found.end()) if quotes % 2 not in hopeless else None
        if inside is None:
            hopeless.add(quotes % 2)
            continue
        yield text[at : found.start()], found[1], inside[1]
        at = inside.end()
    yield text[at:], "", ""


def _statements(lines: list[str]) -> list[list[str]]:
    """Lines without comments, those of a parenthesis joined."""
    joined, depth, found = "", 0, []
    for line in lines:
        # where what is quoted does not close, each of them is sought to the end of the line
        if (line.count('\\"') + line.count("\\'")) * len(line) > _MOST_SOUGHT:
            raise ParseError(f"rsyslog: too long a line for its many escaped quotes: {line[:80]!r}")
    for bare in _TOKEN.sub(_without_comment, "\n".join(line.replace("\r", "") for line in lines)).split("\n"):
        outside = _QUOTED.sub("", bare)
        depth += outside.count("(") - outside.count(")")
        joined += f" {bare}"
        if depth <= 0:
            depth = 0
            if words := joined.split():
                found.append(words)
            joined = ""
    if joined:  # what comes behind it would be told by nobody
        raise ParseError(f"rsyslog: a bracket that is never closed: {joined.strip()[:80]!r}")
    return found


def _without_comment(token: re.Match[str]) -> str:
    if token["end"] == "":
        raise ParseError("rsyslog: a comment that is never closed")
    return token["kept"] or " "


def _target(pairs: dict[str, str], driver: str) -> Json:
    relp = pairs["type"].lower() == "omrelp"
    protocol = "relp" if relp else pairs.get("protocol", "udp").lower()
    used = (pairs.get("streamdriver") or pairs.get("streamdriver.name") or driver).lower()
    mode = pairs.get("streamdrivermode") or pairs.get("streamdriver.mode")
    encrypted = (
        pairs.get("tls", "off").lower() == "on" if relp else protocol == "tcp" and used in ("gtls", "ossl") and mode == "1"
    )
    return {"host": pairs.get("target", ""), "protocol": protocol, "encrypted": encrypted}


FACT = Fact(
    name="rsyslog",
    title=Text(en="What rsyslog receives, sends and writes", ar="ما يستقبله rsyslog وما يرسله وما يكتبه"),
    shape=record(
        installed=BOOL,
        listens=ListOf(STR),
        targets=ListOf(record(host=STR, protocol=STR, encrypted=BOOL)),
        file_mode=STR,
    ),
    parse=parse,
    version=4,
    example={
        "installed": True,
        "listens": [],
        "targets": [{"host": "logs.health.example", "protocol": "tcp", "encrypted": True}],
        "file_mode": "0640",
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
