"""Kernel modules that a server seldom needs: whether they can be loaded, are loaded, or are kept from being loaded.

A module is blocked when modprobe.d gives it an ``install`` command that loads nothing; ``blacklist`` alone only keeps it from
being loaded by an alias. What is built into the kernel cannot be blocked. A module that needs a blocked one cannot be loaded
either. Where the running kernel has no modules folder (a container) nothing can be loaded from it. Of several ``install``
lines the first by its file's name holds; the probe does not print names, so lines that contradict each other are no answer.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

WATCHED = (
    *("cramfs", "freevxfs", "hfs", "hfsplus", "jffs2", "udf", "squashfs"),
    *("usb_storage", "uas", "firewire_core", "thunderbolt", "bluetooth", "pcspkr"),
    *("dccp", "sctp", "rds", "tipc", "atm", "can", "ax25", "netrom", "rose", "appletalk", "x25", "n_hdlc", "ieee802154_socket"),
)
_NEEDS = {"uas": "usb_storage"}  # of those watched; modprobe loads first what a module needs, and fails where that fails
# The whole command, for a shell runs it: `/bin/true && modprobe ...` loads the module.
_NOTHING = re.compile(r"(?:/usr)?/(?:s?bin)/(?:true|false)(?:\s+#.*)?\Z")

# A module's file is named in modules.dep with either kind of hyphen; the kernel itself knows underscores only.
_SCRIPT = f"""\
[ -r /proc/sys/kernel/osrelease ] || exit 1
read -r release </proc/sys/kernel/osrelease || exit 1
dir=/lib/modules/$release
names='{"|".join(WATCHED).replace("_", "[-_]")}'
if [ -e "$dir" ]; then
  echo modules=yes
  for list in modules.dep modules.builtin; do
    [ -r "$dir/$list" ] || exit 1
    sed -n -E "s#^([^:]*/)?($names)[.]ko[^:]*:?.*#$list \\\\2#p" "$dir/$list" || exit 1
  done
else
  echo modules=no
fi
if [ -e /proc/modules ]; then
  while read -r name rest; do echo "loaded $name"; done </proc/modules
fi
for folder in /etc/modprobe.d /run/modprobe.d /usr/local/lib/modprobe.d /usr/lib/modprobe.d /lib/modprobe.d; do
  [ -e "$folder" ] || continue
  {{ [ -r "$folder" ] && [ -x "$folder" ]; }} || exit 1
  for file in "$folder"/*.conf; do
    [ -e "$file" ] || continue
    [ -r "$file" ] || exit 1
    sed -n -E 's/^[[:space:]]*(install|blacklist)[[:space:]]+/\\1 /p' "$file" || exit 1
  done
done
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``modules=``, then ``modules.dep NAME``, ``modules.builtin NAME``, ``loaded NAME`` and modprobe.d's own lines."""
    lines = whole_lines("kernel_modules", output)
    if not lines or lines[0] not in ("modules=yes", "modules=no"):
        raise ParseError("kernel_modules: the first line does not say whether there are modules")
    seen: dict[str, set[str]] = {"modules.dep": set(), "modules.builtin": set(), "loaded": set(), "blacklist": set()}
    blocked: dict[str, bool] = {}
    for line in lines[1:]:
        kind, _, rest = line.partition(" ")
        words = rest.split(None, 1)
        if kind == "install" and len(words) > 1:
            name, nothing = _name(words[0]), _NOTHING.match(words[1].rstrip()) is not None
            if blocked.setdefault(name, nothing) is not nothing and name in WATCHED:
                raise ParseError(f"kernel_modules: install lines of {name} that contradict each other")
        elif kind in seen and words:
            seen[kind].add(_name(words[0]))
        elif kind != "install":
            raise ParseError(f"kernel_modules: a line that does not belong there: {line[:80]!r}")
    for name, needed in _NEEDS.items():
        there = needed in seen["loaded"] or needed in seen["modules.builtin"]
        blocked[name] = blocked.get(name, False) or (blocked.get(needed, False) and not there)
    return [
        {
            "name": name,
            "available": name in seen["modules.dep"] or name in seen["modules.builtin"],
            "builtin": name in seen["modules.builtin"],
            "loaded": name in seen["loaded"],
            "blocked": blocked.get(name, False),
            "blacklisted": name in seen["blacklist"],
        }
        for name in WATCHED
    ]


def _name(word: str) -> str:
    return word.replace("-", "_")


FACT = Fact(
    name="kernel_modules",
    title=Text(en="Kernel modules that servers seldom need", ar="وحدات النواة التي قلّما تحتاجها الخوادم"),
    shape=ListOf(record(name=STR, available=BOOL, builtin=BOOL, loaded=BOOL, blocked=BOOL, blacklisted=BOOL)),
    parse=parse,
    version=4,  # the whole install command
    example=[
        {"name": "usb_storage", "available": True, "builtin": False, "loaded": False, "blocked": True, "blacklisted": True},
    ],
    probes={"linux": HostProbe(script=_SCRIPT)},
)
