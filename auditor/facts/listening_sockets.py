"""Which TCP and UDP sockets wait for others, on which address, and for which program, as the kernel lists them."""

from __future__ import annotations

import ipaddress
import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

_PROGRAM = re.compile(r'users:\(\("([^"]{1,64})"')

_SCRIPT = """\
ss=/usr/bin/ss
[ -x "$ss" ] || ss=/usr/sbin/ss
[ -x "$ss" ] || exit 1
if [ "$ss" = /usr/bin/ss ]; then out=$(as_root /usr/bin/ss -H -lntup) || exit 1
else out=$(as_root /usr/sbin/ss -H -lntup) || exit 1
fi
# a program may call itself by a line end, and its socket would be told in two lines
printf '%s\\n' "$out" | sed -n '/^\\(tcp\\|udp\\)[[:space:]]*\\(LISTEN\\|UNCONN\\)[[:space:]]/p' || exit 1
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """The lines of ``ss -H -lntup``; connected UDP sockets are not among them. Sockets of one program on one place are one."""
    found: dict[tuple[str, str, int], Json] = {}
    for line in whole_lines("listening_sockets", output):
        fields = line.split()
        if len(fields) < 6 or fields[0] not in ("tcp", "udp"):
            raise ParseError(f"listening_sockets: a line that is no socket: {line[:80]!r}")
        address, _, port = fields[4].rpartition(":")
        # Java asks for IPv4 through a socket of IPv6, which is told as ::ffff:127.0.0.1
        address = address.strip("[]").split("%")[0].removeprefix("::ffff:")
        everywhere = address in ("*", "0.0.0.0", "::")  # noqa: S104 -- what a target listens on
        program = _PROGRAM.search(line)
        found[fields[0], address, int(port)] = {
            "protocol": fields[0],
            "address": "*" if everywhere else address,
            "port": int(port),
            "loopback": not everywhere and ipaddress.ip_address(address).is_loopback,
            "program": program[1] if program else "",
        }
    return [found[key] for key in sorted(found)]


FACT = Fact(
    name="listening_sockets",
    title=Text(en="Sockets that wait for connections, with their programs", ar="المقابس المنتظرة للاتصالات وبرامجها"),
    shape=ListOf(record(protocol=STR, address=STR, port=INT, loopback=BOOL, program=STR)),
    parse=parse,
    version=2,
    example=[{"protocol": "tcp", "address": "*", "port": 22, "loopback": False, "program": "sshd"}],
    probes={"linux": HostProbe(script=_SCRIPT, privileged=("/usr/bin/ss -H -lntup", "/usr/sbin/ss -H -lntup"))},
)
