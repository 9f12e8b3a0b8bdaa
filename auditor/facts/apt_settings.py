"""What apt demands of the packages that it installs, and who may change its settings, sources and keys."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._apt_config import on, settings
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

# The dump holds proxies with passwords: only the keys that are read leave the host.
_SCRIPT = r"""
if [ ! -e /usr/bin/apt-config ]; then
  printf 'installed=no\nend\n'
  exit 0
fi
out=$(apt-config dump) || exit 1
echo installed=yes
kept=$(printf '%s\n' "$out" | grep -iE \
  -e '^(binary::[a-z-]*::)?apt::(get::(allowunauthenticated|force-yes)|sandbox::user) ' \
  -e '^(binary::[a-z-]*::)?acquire::(allow[a-z]*repositories|check-valid-until|check-date) ' \
  -e '^(binary::[a-z-]*::)?acquire::https::([^ ]*::)?verify-(peer|host) ')
[ $? -le 1 ] || exit 1
if [ -n "$kept" ]; then printf '%s\n' "$kept" | sed 's/^/set=/' || exit 1; fi
set -- /etc/apt
if [ -d /usr/share/keyrings ]; then set -- "$@" /usr/share/keyrings; fi
out=$(find -L "$@" \( -type f -o -type d \) -exec stat -L -c '%a %u %g %n' {} +) || exit 1
printf '%s\n' "$out" | sort -k 4 | sed 's/^/file=/' || exit 1
echo end
"""

_OFF = (
    "apt::get::allowunauthenticated",
    "apt::get::force-yes",
    "acquire::allowinsecurerepositories",
    "acquire::allowweakrepositories",
    "acquire::allowdowngradetoinsecurerepositories",
)
_ON = ("acquire::check-valid-until", "acquire::check-date")


def parse(output: str, _args: Arguments) -> Json:
    """``installed=``, ``set=`` and a line of apt-config's, ``file=<mode> <uid> <gid> <path>``."""
    lines = whole_lines("apt_settings", output)
    if lines == ["installed=no"]:
        return _value({}, [], installed=False)
    if lines[:1] != ["installed=yes"]:
        raise ParseError("apt_settings: whether apt is installed is missing")
    told: list[str] = []
    loose: list[str] = []
    files = 0
    for line in lines[1:]:
        key, _, text = line.partition("=")
        if key == "set":
            told.append(text)
        elif key == "file" and (match := re.fullmatch(r"([0-7]{1,4}) (\d+) (\d+) (/.+)", text)):
            files += 1
            mode = int(match[1], 8)
            if match[2] != "0" or mode & 0o002 or (mode & 0o020 and match[3] != "0"):
                loose.append(f"{match[4]} {mode:04o} {match[2]}:{match[3]}")
        else:
            raise ParseError(f"apt_settings: a line that does not belong there: {line[:80]!r}")
    if not files:
        raise ParseError("apt_settings: the files of apt are missing")
    return _value(settings(told, "apt_settings"), loose, installed=True)


def _value(found: dict[str, list[str]], loose: list[str], *, installed: bool) -> Json:
    """apt's own defaults where nothing is set: it refuses what is not signed, weakly signed or out of date."""
    weak: dict[str, None] = {}
    unverified: dict[str, None] = {}
    for key in found:
        name = re.sub(r"\Abinary::[a-z-]*::", "", key)  # a setting for one of apt's programs alone
        if (name in _OFF and on(found, key, default=False)) or (name in _ON and not on(found, key, default=True)):
            weak[name] = None
        elif name.startswith("acquire::https::") and not on(found, key, default=True):
            unverified[name] = None
    return {
        "installed": installed,
        "weakened": [*sorted(weak)],
        "tls_unverified": [*sorted(unverified)],
        "sandbox_user": found.get("apt::sandbox::user", ["_apt"])[0] if installed else "",
        "writable": [*loose],
    }


FACT = Fact(
    name="apt_settings",
    title=Text(
        en="Signature settings of apt, and who may change its files",
        ar="إعدادات التحقق من التوقيع في apt ومن يستطيع تعديل ملفاته",
    ),
    shape=record(installed=BOOL, weakened=ListOf(STR), tls_unverified=ListOf(STR), sandbox_user=STR, writable=ListOf(STR)),
    parse=parse,
    example={
        "installed": True,
        "weakened": ["acquire::check-valid-until"],
        "tls_unverified": [],
        "sandbox_user": "_apt",
        "writable": [],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
