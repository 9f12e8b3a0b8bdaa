"""What the kernel says of the processor's known flaws, each ``Not affected``, ``Mitigation: …`` or ``Vulnerable…``."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import STR, MapOf
from auditor.model import Json, Text

_FOLDER = "/sys/devices/system/cpu/vulnerabilities"
_SCRIPT = f"""\
[ -d {_FOLDER} ] || exit 1
grep -H '' {_FOLDER}/* || exit 1
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``path:text`` for each flaw that the kernel knows; a kernel that knows none is too old to tell."""
    value: dict[str, Json] = {}
    for line in whole_lines("cpu_vulnerabilities", output):
        path, colon, text = line.partition(":")
        if not colon or not path.startswith(f"{_FOLDER}/") or not text.strip():
            raise ParseError(f"cpu_vulnerabilities: a line that is no flaw: {line[:80]!r}")
        value[path.removeprefix(f"{_FOLDER}/")] = text.strip()
    if not value:
        raise ParseError("cpu_vulnerabilities: the kernel names no flaw at all")
    return value


FACT = Fact(
    name="cpu_vulnerabilities",
    title=Text(
        en="Known flaws of the processor, and what the kernel does about them",
        ar="ثغرات المعالج المعروفة وما تتخذه النواة حيالها",
    ),
    shape=MapOf(STR),
    parse=parse,
    example={"meltdown": "Mitigation: PTI", "retbleed": "Not affected"},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
