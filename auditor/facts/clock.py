"""The host's clock, to be compared with the auditor's at the moment when the answer came in."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import INT, record
from auditor.model import Json, Text


def parse(output: str, _args: Arguments) -> Json:
    """``epoch=<seconds since 1970>``, then ``end``: fewer digits would be another time."""
    name, _, seconds = " ".join(whole_lines("clock", output)).partition("=")
    if name != "epoch" or not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12:
        raise ParseError("clock: the output is not epoch=<seconds>")
    return {"epoch": int(seconds)}


FACT = Fact(
    name="clock",
    title=Text(en="The host's clock", ar="ساعة المضيف"),
    shape=record(epoch=INT),
    parse=parse,
    example={"epoch": 1795312800},
    probes={
        "linux": HostProbe(script='seconds=$(date -u +%s) || exit 1\nprintf "epoch=%s\\nend\\n" "$seconds"\n', volatile=True)
    },
)
