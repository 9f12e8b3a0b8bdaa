"""What the SSH client does towards a host that no line of its files names, as the client itself states it (``ssh -G``).

Asked as the auditor's login, whose own file, if it has one, comes before /etc/ssh/ssh_config. ``host_keys`` tells besides how
StrictHostKeyChecking stands in the system's files, block by block up to the first that holds for every host.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from auditor.errors import ParseError
from auditor.facts._lines import Files, files
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, optional, record
from auditor.model import Json, Text

_LISTS = ("ciphers", "macs", "kexalgorithms")
_WORDS = (
    *("stricthostkeychecking", "hashknownhosts", "forwardagent", "forwardx11", "forwardx11trusted", "permitlocalcommand"),
    *("checkhostip", "verifyhostkeydns", "gssapidelegatecredentials", "hostbasedauthentication"),
)

_SCRIPT = (
    THERE
    + """\
if [ ! -x /usr/bin/ssh ]; then printf 'installed=no\\nend\\n'; exit 0; fi
settings=$(/usr/bin/ssh -G host.invalid) || exit 1
printf 'installed=yes\\n%s\\n== files\\n' "$settings"
for file in /etc/ssh/ssh_config /etc/ssh/ssh_config.d/*; do
  exists "$file" && [ -f "$file" ] || continue
  [ -r "$file" ] || exit 1
  grep -HiE '^[[:space:]]*"?(host|match|include|stricthostkeychecking)["[:space:]=]' "$file"
  [ $? -le 1 ] || exit 1
done
echo end
"""
)
_MAIN = "/etc/ssh/ssh_config"
_MAX_DEPTH = 16


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``installed=yes``, the lines of ``ssh -G``, then ``== files`` and some of its files' lines."""
    lines = whole_lines("ssh_client", output)
    if lines == ["installed=no"]:
        return {"installed": False, "settings": {}, "ciphers": [], "macs": [], "kexalgorithms": []}
    if not lines or lines[0] != "installed=yes":
        raise ParseError("ssh_client: the first line says neither installed=yes nor installed=no")
    at = lines.index("== files") if "== files" in lines else len(lines)
    told: dict[str, str] = {}
    for line in lines[1:at]:
        key, _, value = line.partition(" ")
        told.setdefault(key.lower(), value.strip())
    if any(name not in told for name in ("stricthostkeychecking", *_LISTS)):
        raise ParseError("ssh_client: the output of ssh -G is not whole")
    lists: dict[str, Json] = {name: [*told[name].split(",")] for name in _LISTS}
    settings: dict[str, Json] = {name: told[name].lower() for name in _WORDS if name in told}
    answer: dict[str, Json] = {"installed": True, "settings": settings, **lists}
    if at < len(lines):
        answer["host_keys"] = [
            {"hosts": hosts, "value": said} for hosts, said in _host_keys(files(lines[at + 1 :], "ssh_client"))
        ]
    return answer


def _host_keys(found: Files) -> Iterator[tuple[str, str]]:
    """What the files say of StrictHostKeyChecking and for whom, in ssh's order: of a host the first that meets it holds."""
    for hosts, said in _told(found, _MAIN, "", 0):
        yield hosts or "*", said
        if hosts.lower() in ("", "*", "match all"):
            return


def _told(found: Files, path: str, hosts: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _MAX_DEPTH:
        raise ParseError(f"ssh_client: Include is nested too deeply at {path}")
    for line in found.get(path, []):
        keyword, _, rest = line.replace("=", " ", 1).replace('"', " ").strip().partition(" ")
        words = rest.replace("\t", " ").split()
        name = keyword.partition("\t")[0].lower()
        words = [*keyword.split("\t")[1:], *words]
        if name == "host":
            hosts = " ".join(words)
        elif name == "match":
            hosts = f"Match {' '.join(words)}"
        elif name == "stricthostkeychecking" and words:
            yield hosts, words[0].lower()
        elif name == "include":
            for pattern in words:
                wanted = pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"
                for other in sorted(fnmatch.filter(found, wanted)):
                    yield from _told(found, other, hosts, depth + 1)


FACT = Fact(
    name="ssh_client",
    title=Text(en="Settings of the SSH client", ar="إعدادات عميل SSH"),
    shape=record(
        installed=BOOL,
        settings=MapOf(STR),
        **{name: ListOf(STR) for name in _LISTS},
        host_keys=optional(ListOf(record(hosts=STR, value=STR))),
    ),
    parse=parse,
    version=2,
    example={
        "installed": True,
        "settings": {"stricthostkeychecking": "ask"},
        "ciphers": ["aes256-gcm@openssh.com"],
        "macs": ["hmac-sha2-512-etm@openssh.com"],
        "kexalgorithms": ["curve25519-sha256"],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
