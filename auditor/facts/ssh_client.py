"""What the SSH client does towards a host that no line of its files names, as the client itself states it (``ssh -G``).

Asked as the auditor's login, whose own file, if it has one, comes before /etc/ssh/ssh_config.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, record
from auditor.model import Json, Text

_LISTS = ("ciphers", "macs", "kexalgorithms")
_WORDS = (
    *("stricthostkeychecking", "hashknownhosts", "forwardagent", "forwardx11", "forwardx11trusted", "permitlocalcommand"),
    *("checkhostip", "verifyhostkeydns", "gssapidelegatecredentials", "hostbasedauthentication"),
)

_SCRIPT = """\
if [ ! -x /usr/bin/ssh ]; then printf 'installed=no\\nend\\n'; exit 0; fi
settings=$(/usr/bin/ssh -G host.invalid) || exit 1
printf 'installed=yes\\n%s\\nend\\n' "$settings"
"""


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``installed=yes`` and the lines of ``ssh -G``."""
    lines = whole_lines("ssh_client", output)
    if lines == ["installed=no"]:
        return {"installed": False, "settings": {}, "ciphers": [], "macs": [], "kexalgorithms": []}
    if not lines or lines[0] != "installed=yes":
        raise ParseError("ssh_client: the first line says neither installed=yes nor installed=no")
    told: dict[str, str] = {}
    for line in lines[1:]:
        key, _, value = line.partition(" ")
        told.setdefault(key.lower(), value.strip())
    if any(name not in told for name in ("stricthostkeychecking", *_LISTS)):
        raise ParseError("ssh_client: the output of ssh -G is not whole")
    lists: dict[str, Json] = {name: [*told[name].split(",")] for name in _LISTS}
    settings: dict[str, Json] = {name: told[name].lower() for name in _WORDS if name in told}
    return {"installed": True, "settings": settings, **lists}


FACT = Fact(
    name="ssh_client",
    title=Text(en="Settings of the SSH client", ar="إعدادات عميل SSH"),
    shape=record(installed=BOOL, settings=MapOf(STR), **{name: ListOf(STR) for name in _LISTS}),
    parse=parse,
    example={
        "installed": True,
        "settings": {"stricthostkeychecking": "ask"},
        "ciphers": ["aes256-gcm@openssh.com"],
        "macs": ["hmac-sha2-512-etm@openssh.com"],
        "kexalgorithms": ["curve25519-sha256"],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
