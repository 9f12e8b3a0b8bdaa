"""Which name servers the host asks, with the switches of systemd-resolved where it stands between."""

from __future__ import annotations

import ipaddress

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

# The stub of systemd-resolved stands for what resolved itself was told; that it writes beside the stub. Servers that stand beside
# the stub are asked when it does not answer. Where nsswitch.conf names `resolve`, resolved is asked whatever resolv.conf says.
_SCRIPT = (
    THERE
    + """\
if exists /etc/resolv.conf; then
  echo resolv=yes
  [ -r /etc/resolv.conf ] || exit 1
  by_resolved=
  if grep -q '^nameserver[[:space:]]*127[.]0[.]0[.]5[34]' /etc/resolv.conf; then by_resolved=yes; fi
  if [ -r /etc/nsswitch.conf ] && grep -qE '^[[:space:]]*hosts:([^#]*[[:space:]])?resolve([[:space:]]|$)' /etc/nsswitch.conf; then
    by_resolved=yes
  fi
  stub=
  set -- /etc/resolv.conf
  if [ "$by_resolved" ] && [ -e /run/systemd/resolve/resolv.conf ]; then
    [ -r /run/systemd/resolve/resolv.conf ] || exit 1
    set -- /run/systemd/resolve/resolv.conf "$@"
    stub=yes
    echo stub=yes
  fi
  cat "$@" | awk -v stub=$stub '
    { sub(/\\r$/, "") }
    $1 == "nameserver" && NF > 1 {
      sub(/[#;].*/, "", $2)
      if ($2 != "" && !(stub && $2 ~ /^127[.]0[.]0[.]5[34]$/) && !seen[$2]++) print "server=" $2
    }
    $1 == "options" && NF > 1 { sub(/^[ \\t]*options[ \\t]+/, ""); print "options=" $0 }
  ' || exit 1
else
  echo resolv=no
fi
if exists /etc/nsswitch.conf; then
  [ -r /etc/nsswitch.conf ] || exit 1
  sed -n -E 's/^[[:space:]]*hosts:[[:space:]]*(.*)/hosts=\\1/p' /etc/nsswitch.conf || exit 1
fi
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``resolv=yes|no``, ``stub=yes``, ``server=ADDRESS`` each, ``options=`` and ``hosts=``."""
    servers: list[Json] = []
    options: list[Json] = []
    sources: list[Json] = ["files", "dns"]  # nsswitch.conf(5), where the file does not say
    stub = False
    lines = whole_lines("resolver", output)
    if not lines or lines[0] not in ("resolv=yes", "resolv=no"):
        raise ParseError("resolver: the first line does not say whether there is a resolv.conf")
    for line in lines[1:]:
        key, equals, text = line.partition("=")
        if key == "server" and equals:
            address = text.split("%")[0]
            ipaddress.ip_address(address)
            servers.append(address)
        elif key == "options" and equals:
            options += text.split()
        elif key == "hosts" and equals:
            sources = [word for word in text.split("#")[0].split() if not word.startswith("[")]
        elif line == "stub=yes":
            stub = True
        else:
            raise ParseError(f"resolver: a line that does not belong there: {line[:80]!r}")
    return {"servers": servers, "stub": stub, "options": options, "sources": sources}


FACT = Fact(
    name="resolver",
    title=Text(en="Name servers that the host asks", ar="خوادم الأسماء التي يسألها المضيف"),
    shape=record(servers=ListOf(STR), stub=BOOL, options=ListOf(STR), sources=ListOf(STR)),
    parse=parse,
    example={"servers": ["10.20.0.53"], "stub": False, "options": ["edns0"], "sources": ["files", "dns"]},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
