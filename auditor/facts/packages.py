"""The packages that are installed, by dpkg or by rpm."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import STR, ListOf, MapOf, record
from auditor.model import Json, Text

# dpkg's second status letter: not-installed and config-files are not on the disk, every other state is, at least in part.
_DPKG_ABSENT = frozenset("nc")

_SCRIPT = """\
if command -v dpkg-query >/dev/null && [ -s /var/lib/dpkg/status ]; then
  out=$(dpkg-query -W -f '${db:Status-Abbrev}\\t${Package}\\t${Version}\\n') || exit 1
  printf 'manager=dpkg\\n%s\\nend\\n' "$out"
elif rpm --version >/dev/null 2>&1; then
  out=$(rpm -qa --qf 'rpm\\t%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n') || exit 1
  out=$(printf '%s\\n' "$out" | sort)
  printf 'manager=rpm\\n%s\\nend\\n' "$out"
else
  exit 1
fi
"""


def parse(output: str, _args: Arguments) -> Json:
    """``manager=``, then status, name and version with tabs between; a package may be installed in several versions."""
    lines = whole_lines("packages", output)
    managers = [line for line in lines if line.startswith("manager=")]
    if managers not in (["manager=dpkg"], ["manager=rpm"]):
        raise ParseError("packages: the output names neither dpkg nor rpm")
    versions: dict[str, dict[str, None]] = {}
    for line in lines:
        if line == managers[0]:
            continue
        status, name, version = (part.strip() for part in line.split("\t"))
        if managers == ["manager=dpkg"]:
            if len(status) < 2:
                raise ParseError(f"packages: {name[:80]!r} has no status that dpkg gives")
            if status[1] in _DPKG_ABSENT:
                continue
        versions.setdefault(name, {})[version] = None
    if not versions or "" in versions:
        raise ParseError("packages: the list is empty, or a package has no name")
    return {name: {"version": next(reversed(found)), "versions": list(found)} for name, found in versions.items()}


FACT = Fact(
    name="packages",
    title=Text(en="Installed packages", ar="الحزم المثبتة"),
    shape=MapOf(record(version=STR, versions=ListOf(STR))),
    parse=parse,
    example={"openssh-server": {"version": "1:9.2p1-2+deb12u3", "versions": ["1:9.2p1-2+deb12u3"]}},
    probes={"linux": HostProbe(script=_SCRIPT, timeout=20.0, max_bytes=1_048_576)},
)
