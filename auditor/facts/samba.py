"""Samba as it understands its own file (``testparm``): the global settings, and each share's."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts._lines import whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, record
from auditor.model import Json, Text

# smb.conf(5); testparm leaves out what has its default
_DEFAULTS = {"server min protocol": "SMB2_02", "server signing": "default", "map to guest": "Never", "smb encrypt": "default"}

_SCRIPT = """\
if [ ! -x /usr/sbin/smbd ]; then printf 'installed=no\\nend\\n'; exit 0; fi
[ -x /usr/bin/testparm ] || exit 1
[ -r /etc/samba/smb.conf ] || exit 1
settings=$(/usr/bin/testparm -s 2>/dev/null) || exit 1
printf 'installed=yes\\n%s\\nend\\n' "$settings"
"""


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``installed=yes`` and what ``testparm -s`` prints."""
    lines = whole(output, "samba")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "settings": {}, "shares": []}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("samba: the first line says neither installed=yes nor installed=no")
    sections: dict[str, dict[str, Json]] = {}
    current: dict[str, Json] | None = None
    for line in lines[1:]:
        text = line.strip()
        if not text or text.startswith(("#", ";")):
            continue
        if text.startswith("[") and text.endswith("]"):
            current = sections.setdefault(text[1:-1], {})
            continue
        key, equals, value = text.partition("=")
        if not equals or current is None:
            raise ParseError(f"samba: a line that is no setting: {line[:80]!r}")
        current[key.strip().lower()] = value.strip()
    if "global" not in sections:
        raise ParseError("samba: the global settings are missing")
    shares: list[Json] = [{"name": name, "settings": {**own}} for name, own in sections.items() if name != "global"]
    return {"installed": True, "settings": {**_DEFAULTS, **sections["global"]}, "shares": shares}


FACT = Fact(
    name="samba",
    title=Text(en="Settings of Samba and its shares", ar="إعدادات Samba والمجلدات المشتركة"),
    shape=record(installed=BOOL, settings=MapOf(STR), shares=ListOf(record(name=STR, settings=MapOf(STR)))),
    parse=parse,
    example={
        "installed": True,
        "settings": {"server min protocol": "SMB2_02"},
        "shares": [{"name": "forms", "settings": {"path": "/srv/forms", "guest ok": "No"}}],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
