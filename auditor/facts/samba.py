"""Samba as it understands its own file (``testparm``): the global settings, and each share's.

What [global] says of shares holds in each that does not say otherwise, and is told with the share.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts._lines import whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, record
from auditor.model import Json, Text

# smb.conf(5); testparm leaves out what has its default
_DEFAULTS = {"server min protocol": "SMB2_02", "server signing": "default", "map to guest": "Never", "smb encrypt": "default"}
# settings of shares for which [global] may give the default
_INHERITED = frozenset(
    {"admin users", "browseable", "create mask", "directory mask", "force user", "guest ok", "guest only", "hosts allow"}
    | {"hosts deny", "invalid users", "read list", "read only", "valid users", "wide links", "write list"}
)

# The list leaves out the global `smb encrypt`, whatever it is: it is asked by its name.
_SCRIPT = """\
if [ ! -x /usr/sbin/smbd ]; then printf 'installed=no\\nend\\n'; exit 0; fi
[ -x /usr/bin/testparm ] || exit 1
[ -r /etc/samba/smb.conf ] || exit 1
settings=$(/usr/bin/testparm -s 2>/dev/null) || exit 1
encrypt=$(/usr/bin/testparm -s --parameter-name='smb encrypt' 2>/dev/null) || exit 1
printf 'installed=yes\\nsmb encrypt=%s\\n%s\\nend\\n' "$encrypt" "$settings"
"""


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``installed=yes``, ``smb encrypt=`` and what ``testparm -s`` prints."""
    lines = whole(output, "samba")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "settings": {}, "shares": []}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("samba: the first line says neither installed=yes nor installed=no")
    sections: dict[str, dict[str, Json]] = {}
    current: dict[str, Json] | None = None
    asked: dict[str, Json] = {}
    for line in lines[1:]:
        text = line.strip()
        if current is None and text.startswith("smb encrypt=") and not asked:
            asked = {"smb encrypt": text.partition("=")[2].strip()}
            continue
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
    common = {key: value for key, value in sections["global"].items() if key in _INHERITED}
    shares: list[Json] = [{"name": name, "settings": {**common, **own}} for name, own in sections.items() if name != "global"]
    return {"installed": True, "settings": {**_DEFAULTS, **asked, **sections["global"]}, "shares": shares}


FACT = Fact(
    name="samba",
    title=Text(en="Settings of Samba and its shares", ar="إعدادات Samba والمجلدات المشتركة"),
    shape=record(installed=BOOL, settings=MapOf(STR), shares=ListOf(record(name=STR, settings=MapOf(STR)))),
    parse=parse,
    version=2,
    example={
        "installed": True,
        "settings": {"server min protocol": "SMB2_02"},
        "shares": [{"name": "forms", "settings": {"path": "/srv/forms", "guest ok": "No"}}],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
