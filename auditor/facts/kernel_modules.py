"""Kernel modules that a server seldom needs: whether they can be loaded, are loaded, or are kept from being loaded.

A module is blocked when modprobe.d gives it an ``install`` command that loads nothing; ``blacklist`` alone only keeps it from
being loaded by an alias. What is built into the kernel cannot be blocked. A module that needs a blocked one cannot be loaded
either. Where the running kernel has no modules folder (a container) nothing can be loaded from it.

As modprobe has it: of several ``install`` lines that name or match a module the first by its file's name holds, and ``source`` is
its file; a file hides those of its name in the folders after its own, also where it is empty or a link that leads nowhere.
"""

from __future__ import annotations

import fnmatch
import re
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, optional, record
from auditor.model import Json, Text

WATCHED = (
    *("cramfs", "freevxfs", "hfs", "hfsplus", "jffs2", "udf", "squashfs"),
    *("usb_storage", "uas", "firewire_core", "thunderbolt", "bluetooth", "pcspkr"),
    *("dccp", "sctp", "rds", "tipc", "atm", "can", "ax25", "netrom", "rose", "appletalk", "x25", "n_hdlc", "ieee802154_socket"),
)
_NEEDS = {"uas": "usb_storage"}  # of those watched; modprobe loads first what a module needs, and fails where that fails
# The whole command, for a shell runs it: `/bin/true && modprobe ...` loads the module.
_NOTHING = re.compile(r"(?:/usr)?/(?:s?bin)/(?:true|false)(?:\s+#.*)?\Z")

# A line that ends in a backslash goes on, a comment too; a last line without its end would run into the next file's first.
# A module's file is named in modules.dep with either kind of hyphen; the kernel itself knows underscores only.
_SCRIPT = f"""\
{THERE}[ -r /proc/sys/kernel/osrelease ] || exit 1
read -r release </proc/sys/kernel/osrelease || exit 1
dir=/lib/modules/$release
names='{"|".join(WATCHED).replace("_", "[-_]")}'
if exists "$dir"; then
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
  listable "$folder"
  for file in "$folder"/*.conf "$folder"/*.alias; do
    if ! exists "$file"; then
      if [ -L "$file" ]; then printf 'file=%s\\n' "$file"; fi
      continue
    fi
    [ -r "$file" ] || exit 1
    lines=$(cat "$file") || exit 1
    printf 'file=%s\\n' "$file"
    printf '%s\\n' "$lines" | sed -n -E -e ':line' -e '/[\\]$/{{' -e '$!{{' -e N -e 's/[\\]\\n//' -e 'b line' -e '}}' -e '}}' \\
      -e 's/^[[:space:]]*(install|blacklist)[[:space:]]+/\\1 /p' || exit 1
  done
done
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``modules=``; ``modules.dep NAME``, ``modules.builtin NAME``, ``loaded NAME``; ``file=PATH`` and modprobe.d's own lines."""
    lines = whole_lines("kernel_modules", output)
    if not lines or lines[0] not in ("modules=yes", "modules=no"):
        raise ParseError("kernel_modules: the first line does not say whether there are modules")
    seen: dict[str, set[str]] = {"modules.dep": set(), "modules.builtin": set(), "loaded": set()}
    # by the file's name: its path, its install lines, and what its blacklist lines name
    files: dict[str, tuple[str, list[tuple[str, str]], set[str]]] = {}
    current = files.setdefault("", ("", [], set()))  # of a probe before version 5 of the fact, which told no files
    for line in lines[1:]:
        kind, _, rest = line.partition(" ")
        words = rest.split(None, 1)
        if line.startswith("file=/"):
            path = line.removeprefix("file=")
            current = (path, [], set())
            files.setdefault(PurePosixPath(path).name, current)
        elif kind == "install" and len(words) > 1:
            current[1].append((_name(words[0]), words[1].rstrip()))
        elif kind == "blacklist" and words:
            current[2].add(_name(words[0]))
        elif kind in seen and words:
            seen[kind].add(_name(words[0]))
        elif kind not in ("install", "blacklist"):
            raise ParseError(f"kernel_modules: a line that does not belong there: {line[:80]!r}")
    commands = {name: found for name in WATCHED if (found := _commands(name, files))}
    blocked = {name: _NOTHING.match(found[0][1]) is not None for name, found in commands.items()}
    for name, found in commands.items():
        if not found[0][0] and len({_NOTHING.match(command) is None for _, command in found}) > 1:
            raise ParseError(
                f"kernel_modules: install lines of {name} that contradict each other, of files whose names are not told"
            )
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
            "blacklisted": any(name in listed for _, _, listed in files.values()),
            **({"source": commands[name][0][0]} if name in commands and commands[name][0][0] else {}),
        }
        for name in WATCHED
    ]


def _name(word: str) -> str:
    """A module's name, or a pattern of them, with the kernel's underscores; in brackets a hyphen is a range."""
    return re.sub(r"\[[^]]*\]?|-", lambda m: "_" if m[0] == "-" else m[0].replace("[^", "[!"), word)


def _commands(name: str, files: dict[str, tuple[str, list[tuple[str, str]], set[str]]]) -> list[tuple[str, str]]:
    """The files with the commands that are for a module, in the order in which modprobe reads them."""
    ordered = [files[base] for base in sorted(files)]
    return [(path, command) for path, lines, _ in ordered for pattern, command in lines if fnmatch.fnmatchcase(name, pattern)]


FACT = Fact(
    name="kernel_modules",
    title=Text(en="Kernel modules that servers seldom need", ar="وحدات النواة التي قلّما تحتاجها الخوادم"),
    shape=ListOf(
        record(name=STR, available=BOOL, builtin=BOOL, loaded=BOOL, blocked=BOOL, blacklisted=BOOL, source=optional(STR))
    ),
    parse=parse,
    version=5,  # files by name
    example=[
        {"name": "usb_storage", "available": True, "builtin": False, "loaded": False, "blocked": True, "blacklisted": True},
    ],
    probes={"linux": HostProbe(script=_SCRIPT)},
)
