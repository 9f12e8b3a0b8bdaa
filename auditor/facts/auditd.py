"""Whether the kernel's audit trail is being written by its daemon."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.services import PROCESSES
from auditor.facts.shape import BOOL, record
from auditor.model import Json, Text

_SCRIPT = (
    PROCESSES
    + """\
if [ -x /usr/sbin/auditd ] || [ -x /sbin/auditd ]; then echo installed=yes; else echo installed=no; fi
if printf '%s\\n' "$processes" | grep -qx daemon=auditd; then echo running=yes; else echo running=no; fi
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=`` and ``running=``, each yes or no."""
    fields = dict(line.split("=", 1) for line in whole_lines("auditd", output))
    if fields.keys() != {"installed", "running"} or not {*fields.values()} <= {"yes", "no"}:
        raise ParseError("auditd: the output is not installed= and running=")
    return {name: text == "yes" for name, text in fields.items()}


FACT = Fact(
    name="auditd",
    title=Text(en="The kernel audit daemon", ar="خدمة تدقيق النواة (auditd)"),
    shape=record(installed=BOOL, running=BOOL),
    parse=parse,
    example={"installed": True, "running": True},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
