"""Samba as it understands its own file (``testparm``): the global settings, and each share's.

What [global] says of shares holds in each that does not say otherwise, and is told with the share. So are the shares that people
made themselves (``net usershare``), which testparm does not list, where guests may be let into them, as on Debian and Ubuntu.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts._lines import whole
from auditor.facts._there import THERE
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

_USERSHARES = "/var/lib/samba/usershares"
_GUESTS = f"/usr/bin/find {_USERSHARES} -type f -exec /bin/grep -H ^guest_ok= '{{}}' ';'"

# The list leaves out the global `smb encrypt`, whatever it is, and what has its default: these are asked by their names.
_SCRIPT = f"""\
{THERE}if [ ! -x /usr/sbin/smbd ]; then printf 'installed=no\\nend\\n'; exit 0; fi
[ -x /usr/bin/testparm ] || exit 1
[ -r /etc/samba/smb.conf ] || exit 1
settings=$(/usr/bin/testparm -s 2>/dev/null) || exit 1
# testparm passes over what it cannot find; the server, which is root, may find it
sed -n 's/^[[:space:]]*include[[:space:]]*=[[:space:]]*//p' /etc/samba/smb.conf | while IFS= read -r file; do
  case $file in *%*) ;; /*) exists "$file" && {{ [ -r "$file" ] || exit 1; }} || : ;; esac
done || exit 1
encrypt=$(/usr/bin/testparm -s --parameter-name='smb encrypt' 2>/dev/null) || exit 1
guests=$(/usr/bin/testparm -s --parameter-name='usershare allow guests' 2>/dev/null) || exit 1
most=$(/usr/bin/testparm -s --parameter-name='usershare max shares' 2>/dev/null) || exit 1
place=$(/usr/bin/testparm -s --parameter-name='usershare path' 2>/dev/null) || exit 1
printf 'installed=yes\\nsmb encrypt=%s\\n' "$encrypt"
if [ "$guests" != No ] && [ "$most" != 0 ] && [ -n "$place" ]; then
  if [ "${{place%/}}" != {_USERSHARES} ]; then
    echo "the probe does not read people's own shares in $place" >&2
    exit 1
  fi
  if [ -e {_USERSHARES} ]; then
    shares=$(as_root {_GUESTS}) || exit 1
    [ -z "$shares" ] || printf '%s\\n' "$shares" | sed 's/^/usershare=/' || exit 1
  elif [ ! -x /var/lib/samba ] && [ -e /var/lib/samba ]; then
    exit 1
  fi
fi
printf '%s\\nend\\n' "$settings"
"""


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``installed=yes``, ``smb encrypt=``, people's ``usershare=`` and what ``testparm`` prints."""
    lines = whole(output, "samba")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "settings": {}, "shares": []}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("samba: the first line says neither installed=yes nor installed=no")
    sections: dict[str, dict[str, Json]] = {}
    current: dict[str, Json] | None = None
    asked: dict[str, Json] = {}
    own_shares: list[Json] = []
    for line in lines[1:]:
        text = line.strip()
        if current is None and text.startswith("smb encrypt=") and not asked:
            asked = {"smb encrypt": text.partition("=")[2].strip()}
            continue
        if current is None and text.startswith(f"usershare={_USERSHARES}/"):
            name, _, guests = text.rpartition(":guest_ok=")
            own_shares.append({"name": name.rpartition("/")[2], "settings": {"guest ok": "No" if guests == "n" else "Yes"}})
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
    return {"installed": True, "settings": {**_DEFAULTS, **asked, **sections["global"]}, "shares": [*shares, *own_shares]}


FACT = Fact(
    name="samba",
    title=Text(en="Settings of Samba and its shares", ar="إعدادات Samba والمجلدات المشتركة"),
    shape=record(installed=BOOL, settings=MapOf(STR), shares=ListOf(record(name=STR, settings=MapOf(STR)))),
    parse=parse,
    version=3,
    example={
        "installed": True,
        "settings": {"server min protocol": "SMB2_02"},
        "shares": [{"name": "forms", "settings": {"path": "/srv/forms", "guest ok": "No"}}],
    },
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_GUESTS,))},
)
