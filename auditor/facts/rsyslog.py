"""What rsyslog listens on, how it sends, and the mode of the files it makes, from its configuration in either syntax.

``encrypted`` of a target is true when its action names the gtls or ossl driver and does not leave authentication to chance.
``file_mode`` is what a new file comes to have: the mode that rsyslog asks for, less the mask that rsyslog's own files or its unit
set. RHEL's names no mode, and its unit has ``UMask=0066``: its files are 0600, not 0644.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._lines import SHOW_FILES, files, split_unreadable, whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

_LISTENERS = {"imudp": "udp", "imtcp": "tcp", "imrelp": "relp", "imptcp": "tcp"}
_LEGACY_LISTENERS = {"$udpserverrun": "udp", "$inputtcpserverrun": "tcp", "$inputrelpserverrun": "relp"}
_UNIT = "rsyslog.service"
_FOLDERS = tuple(f"{top}/systemd/system" for top in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"))  # the first one holds
_PAIR = re.compile(r"([A-Za-z0-9_.]+)\s*=\s*\"([^\"]*)\"")

_SCRIPT = (
    SHOW_FILES
    + """\
masks() {
  for file do
    [ -e "$file" ] || continue
    printf '%s:\\n' "$file"
    grep -H '^[[:space:]]*UMask[[:space:]]*=' "$file"; [ $? -le 1 ] || exit 1
  done
}
if [ ! -x /usr/sbin/rsyslogd ]; then printf 'installed=no\\nend\\n'; exit 0; fi
echo installed=yes
[ -r /etc/rsyslog.conf ] || exit 1
if [ -d /etc/rsyslog.d ]; then [ -r /etc/rsyslog.d ] && [ -x /etc/rsyslog.d ] || exit 1; fi
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
    text = "\n".join(line for path in sorted(found, key=lambda p: (p != "/etc/rsyslog.conf", p)) for line in found[path])
    statements = _statements(text)
    listens: dict[str, None] = {}
    targets: list[Json] = []
    driver = next((w[1] for w in statements if w[0].lower() == "$defaultnetstreamdriver" and len(w) > 1), "")
    mode, mask = "0644", _unit_mask(units)
    for words in statements:
        first = words[0].lower()
        if first in _LEGACY_LISTENERS:
            listens[_LEGACY_LISTENERS[first]] = None
        elif first == "$filecreatemode" and len(words) > 1:
            mode = words[1]
        elif first == "$umask" and len(words) > 1:
            mask = words[1]
        elif first.startswith(("input(", "action(", "module(", "include(", "global(")):
            pairs = {key.lower(): value for key, value in _PAIR.findall(" ".join(words))}
            if first.startswith("include(") and pairs.get("file", "/etc/rsyslog.d/*.conf") != "/etc/rsyslog.d/*.conf":
                raise ParseError(f"rsyslog: includes {pairs['file'][:60]!r}, which the probe does not read")
            kind = pairs.get("type", "").lower()
            if first.startswith("input(") and kind in _LISTENERS:
                listens[_LISTENERS[kind]] = None
            elif first.startswith("action(") and kind in ("omfwd", "omrelp"):
                targets.append(_target(pairs, kind, driver))
            elif first.startswith("module(") and pairs.get("load", "").lower() == "builtin:omfile" and "filecreatemode" in pairs:
                mode = pairs["filecreatemode"]
            elif first.startswith("global(") and "umask" in pairs:
                mask = pairs["umask"]
        elif first == "$includeconfig" and words[1:] != ["/etc/rsyslog.d/*.conf"]:
            raise ParseError(f"rsyslog: includes {' '.join(words[1:])[:60]!r}, which the probe does not read")
        else:
            targets += [_legacy(word, driver) for word in words[1:] if re.match(r"@@?[^@]", word)]
    return {
        "installed": True,
        "listens": [*sorted(listens)],
        "targets": targets,
        "file_mode": f"{int(mode, 8) & ~int(mask, 8):04o}",
    }


def _unit_mask(units: dict[str, list[str]]) -> str:
    """The mask of systemd.exec(5): of the unit and of each drop-in the first folder's, drop-ins after the unit by their names."""
    held: dict[str, list[str]] = {}
    for folder in reversed(_FOLDERS):
        for path, lines in units.items():
            if path.startswith(f"{folder}/{_UNIT}"):
                held["" if path == f"{folder}/{_UNIT}" else PurePosixPath(path).name] = lines
    told = [line.partition("=")[2].strip() for _, lines in sorted(held.items()) for line in lines if line.strip()]
    return told[-1] if told and told[-1] else "0022"


def _statements(text: str) -> list[list[str]]:
    """Lines, those of a parenthesis joined."""
    joined, depth, found = "", 0, []
    for line in text.split("\n"):
        bare = re.sub(r"(^|\s)#.*$", "", line.replace("\r", ""))
        depth += bare.count("(") - bare.count(")")
        joined += f" {bare}"
        if depth <= 0:
            depth = 0
            if words := joined.split():
                found.append(words)
            joined = ""
    return found


def _target(pairs: dict[str, str], kind: str, driver: str) -> Json:
    used = pairs.get("streamdriver", driver).lower()
    mode = pairs.get("streamdrivermode", "0")
    encrypted = (used in ("gtls", "ossl") and mode == "1") if kind == "omfwd" else pairs.get("tls", "off").lower() == "on"
    return {
        "host": pairs.get("target", ""),
        "protocol": pairs.get("protocol", "udp" if kind == "omfwd" else "relp").lower(),
        "encrypted": encrypted,
    }


def _legacy(word: str, driver: str) -> Json:
    host = word.lstrip("@").split(";")[0]
    return {
        "host": host.removeprefix("(o)"),
        "protocol": "tcp" if word.startswith("@@") else "udp",
        "encrypted": bool(driver) and word.startswith("@@"),
    }


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
    version=2,
    example={
        "installed": True,
        "listens": [],
        "targets": [{"host": "logs.health.example", "protocol": "tcp", "encrypted": True}],
        "file_mode": "0640",
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
