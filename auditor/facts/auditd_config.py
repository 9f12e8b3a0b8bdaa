"""The audit daemon's settings: keys and values in small letters; a key that is absent has the daemon's own default."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, MapOf, record
from auditor.model import Json, Text

# auditd.conf(5)
_DEFAULTS = {
    "log_file": "/var/log/audit/audit.log",
    "flush": "none",
    "num_logs": "0",
    "max_log_file": "0",
    "max_log_file_action": "ignore",
    "space_left_action": "ignore",
    "admin_space_left_action": "ignore",
    "disk_full_action": "ignore",
    "disk_error_action": "syslog",
}

_SCRIPT = """\
if [ ! -x /sbin/auditd ] && [ ! -x /usr/sbin/auditd ]; then printf 'installed=no\\nend\\n'; exit 0; fi
settings=$(as_root /bin/cat /etc/audit/auditd.conf) || exit 1
printf 'installed=yes\\n%s\\nend\\n' "$settings"
"""


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``installed=yes`` and the lines of auditd.conf."""
    lines = whole_lines("auditd_config", output)
    if lines == ["installed=no"]:
        return {"installed": False, "settings": {}}
    if not lines or lines[0] != "installed=yes":
        raise ParseError("auditd_config: the first line says neither installed=yes nor installed=no")
    settings: dict[str, Json] = {**_DEFAULTS}
    for line in lines[1:]:
        if line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise ParseError(f"auditd_config: a line that is no setting: {line[:80]!r}")
        name = key.strip().lower()
        settings[name] = value.strip() if name == "log_file" else value.strip().lower()
    if len(lines) == 1:
        raise ParseError("auditd_config: auditd.conf is empty")
    return {"installed": True, "settings": settings}


FACT = Fact(
    name="auditd_config",
    title=Text(en="Settings of the audit daemon", ar="إعدادات خدمة تدقيق النواة"),
    shape=record(installed=BOOL, settings=MapOf(STR)),
    parse=parse,
    example={"installed": True, "settings": {"max_log_file_action": "keep_logs"}},
    probes={"linux": HostProbe(script=_SCRIPT, privileged=("/bin/cat /etc/audit/auditd.conf",))},
)
