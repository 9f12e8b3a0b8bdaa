"""Kernel settings as the configuration files will set them at the next start, in the order in which systemd-sysctl reads them.

Of files with one name in several folders the first folder's counts (/etc, /run, /usr/local/lib, /usr/lib); they are then read by
name, and the last line for a key holds. /etc/sysctl.conf is read where a link in /etc/sysctl.d names it (Debian to 12, Ubuntu,
RHEL), and last on a host without systemd. Where ufw starts with the host, what its own file says is set after all of them. A
pattern such as ``net.ipv4.conf.*.rp_filter`` is told as it is written; it sets each key that no line names. Numbers written to
another base are told as the kernel will show them.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._lines import files, whole
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import STR, MapOf, record
from auditor.model import Json, Text

_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")

# Without systemd an init script runs `sysctl -p` or procps' `sysctl --system`, which read this file, and read it last.
_PLAIN = "/etc/sysctl.conf"

# ufw's own two files are read by the shell, the second last; a value that is more than a plain path is not ours to expand.
_SCRIPT = f"""\
{THERE}told() {{
  [ -r "$1" ] || exit 1
  printf '%s:\\n' "$1"
  grep -H '^[[:space:]]*[^#;[:space:]]' "$1" || [ $? -eq 1 ] || exit 1
}}
for folder in {" ".join(_FOLDERS)}; do
  listable "$folder"
  for file in "$folder"/*.conf; do
    if exists "$file"; then told "$file"; fi
  done
done
ufw=no
if [ -e /usr/lib/systemd/systemd-sysctl ] || [ -e /lib/systemd/systemd-sysctl ]; then
  for link in /etc/systemd/system/*.wants/ufw.service; do
    if [ -e "$link" ] && [ "$(readlink /etc/systemd/system/ufw.service)" != /dev/null ]; then ufw=yes; fi
  done
else
  if [ -e {_PLAIN} ]; then told {_PLAIN}; fi
  for link in /etc/rc[S2-5].d/S*ufw; do
    if [ -e "$link" ]; then ufw=yes; fi
  done
fi
if [ $ufw = yes ] && [ -e /etc/ufw ]; then
  for file in /etc/ufw/ufw.conf /etc/default/ufw; do
    if [ -e "$file" ] && [ ! -r "$file" ] || [ ! -x "${{file%/*}}" ]; then exit 1; fi
  done
  assigned() {{
    cat /etc/default/ufw /etc/ufw/ufw.conf 2>/dev/null | sed -n "s/^[[:space:]]*$1=\\([^[:space:]]*\\).*/\\1/p" |
      tail -n 1 | tr -d "\\"'"
  }}
  case $(assigned ENABLED) in
    yes|YES)
      file=$(assigned IPT_SYSCTL)
      case $file in
        '') ;;
        *[!A-Za-z0-9_./-]*|[!/]*) exit 1 ;;
        *) if [ -s "$file" ]; then
             printf 'ufw=%s\\n' "$file"
             told "$file"
           fi ;;
      esac ;;
  esac
fi
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``path:`` for each file and ``path:line`` for each of its settings; ``ufw=path`` where ufw sets those of a file last."""
    lines = whole(output, "sysctl_saved")
    by_ufw = [line.strip().removeprefix("ufw=") for line in lines if line.startswith("ufw=/")]
    if len(by_ufw) > 1:
        raise ParseError("sysctl_saved: ufw has more than one file of settings")
    found = files([line for line in lines if not line.startswith("ufw=/")], "sysctl_saved")
    counted: dict[str, str] = {}
    for path in found:
        if path == _PLAIN or (path in by_ufw and str(PurePosixPath(path).parent) not in _FOLDERS):
            continue
        if str(PurePosixPath(path).parent) not in _FOLDERS:
            raise ParseError(f"sysctl_saved: a file of another folder: {path[:80]!r}")
        known = counted.get(PurePosixPath(path).name)
        if known is None or _rank(path) < _rank(known):
            counted[PurePosixPath(path).name] = path
    value: dict[str, Json] = {}
    ordered = [path for _name, path in sorted(counted.items())]
    for path in [*ordered, *([_PLAIN] if _PLAIN in found else []), *by_ufw]:
        for line in found[path]:
            key, equals, text = line.partition("=")
            bare = key.strip().lstrip("-")
            if not line.strip() or (not equals and key.strip().startswith("-")):
                continue  # a lone `-key` leaves the key out of a pattern
            if not equals or not bare:
                raise ParseError(f"sysctl_saved: {path}: a line that is no setting: {line[:80]!r}")
            value[_dotted(bare)] = {"value": " ".join(_shown(word) for word in text.split()), "source": path}
    return value


def _rank(path: str) -> int:
    return _FOLDERS.index(str(PurePosixPath(path).parent))


def _shown(word: str) -> str:
    """A number to base 16 or 8 as the kernel, which reads either, shows it: `kernel.sysrq = 0x01b6` of Debian 13 is 438."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}", word):
        return str(int(word, 16))
    return str(int(word, 8)) if re.fullmatch(r"0[0-7]{1,22}", word) else word


def _dotted(key: str) -> str:
    """Keys are written with dots or with slashes: the separator that comes first decides."""
    slash, dot = key.find("/"), key.find(".")
    if slash != -1 and (dot == -1 or slash < dot):
        return key.replace("/", ".")
    return key


FACT = Fact(
    name="sysctl_saved",
    title=Text(en="Kernel settings as the files will set them", ar="إعدادات النواة كما ستضبطها الملفات"),
    shape=MapOf(record(value=STR, source=STR)),
    parse=parse,
    version=3,
    example={"net.ipv4.ip_forward": {"value": "0", "source": "/etc/sysctl.d/60-router.conf"}},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
