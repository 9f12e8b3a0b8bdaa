"""Which jails fail2ban is told to run. A server that runs none bans nobody; on the RHEL family its package enables none.

Read from its files in its own order: a later one overrides an earlier one. What no file says of a jail is as ``[DEFAULT]`` has
it. ``unclear`` are settings of which the files alone do not tell what they are.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

_SCRIPT = r"""
if [ ! -d /etc/fail2ban ]; then
  printf 'installed=no\nend\n'
  exit 0
fi
[ -r /etc/fail2ban ] && [ -x /etc/fail2ban ] || exit 1
echo installed=yes
if [ -d /etc/fail2ban/jail.d ]; then [ -r /etc/fail2ban/jail.d ] && [ -x /etc/fail2ban/jail.d ] || exit 1; fi
for file in /etc/fail2ban/jail.conf /etc/fail2ban/jail.d/*.conf /etc/fail2ban/jail.local /etc/fail2ban/jail.d/*.local; do
  if [ ! -e "$file" ]; then continue; fi
  echo "file=$file"
  # a line that is indented goes on with the value before it
  kept=$(grep -iE '^(\[|(enabled|filter|before|after)[[:space:]]*[=:])' "$file")
  [ $? -le 1 ] || exit 1
  if [ -n "$kept" ]; then printf '%s\n' "$kept" | sed 's/^/line=/' || exit 1; fi
done
echo end
"""
_SECTION = re.compile(r"\[([^]]+)\]")
_SETTING = re.compile(r"(?i)(enabled|filter|before|after)\s*[=:]\s*(.*)")
_ON, _OFF = frozenset({"1", "yes", "true", "on"}), frozenset({"0", "no", "false", "off"})
_OWN_NAME = "%(__name__)s"
_PATHS = re.compile(r"paths-[a-z0-9-]+\.conf")  # where each distribution has its logs, which enables nothing


def parse(output: str, _args: Arguments) -> Json:
    """``installed=``, ``file=`` for each file in the order in which they are read, ``line=`` for each line of it that counts."""
    lines = whole_lines("fail2ban", output)
    if lines == ["installed=no"]:
        return {"installed": False, "jails": [], "unclear": []}
    if lines[:1] != ["installed=yes"]:
        raise ParseError("fail2ban: the first line says neither installed=yes nor installed=no")
    sections: dict[str, dict[str, str]] = {"DEFAULT": {}}
    unclear: list[Json] = []
    section = ""
    for line in lines[1:]:
        key, equals, text = line.partition("=")
        if key == "file" and equals:
            section = ""
        elif key != "line" or not equals:
            raise ParseError(f"fail2ban: a line that does not belong there: {line[:80]!r}")
        elif found := _SECTION.match(text):
            section = found[1]
            sections.setdefault(section, {})
        elif (found := _SETTING.match(text)) and section:
            name, value = found[1].lower(), re.split(r"\s;", found[2], maxsplit=1)[0].strip()
            if section == "INCLUDES":
                unclear += [f"{name} = {file}" for file in value.split() if not _PATHS.fullmatch(file)]
            else:
                sections[section][name] = value
        else:
            raise ParseError(f"fail2ban: a setting outside of all sections: {text[:80]!r}")
    default = sections.pop("DEFAULT")
    jails: list[Json] = []
    for jail, own in sections.items():
        enabled = own.get("enabled", default.get("enabled", "false"))
        if jail == "INCLUDES" or enabled.lower() in _OFF:
            continue
        if enabled.lower() not in _ON:
            unclear.append(f"[{jail}] enabled = {enabled}")
            continue
        given = own.get("filter", default.get("filter", _OWN_NAME)).replace(_OWN_NAME, jail)
        jails.append({"name": jail, "filter": given.partition("[")[0].strip()})
    return {"installed": True, "jails": jails, "unclear": unclear}


FACT = Fact(
    name="fail2ban",
    title=Text(en="Jails that are enabled in fail2ban", ar="أقسام الحظر (jails) المفعّلة في fail2ban"),
    shape=record(installed=BOOL, jails=ListOf(record(name=STR, filter=STR)), unclear=ListOf(STR)),
    parse=parse,
    example={"installed": True, "jails": [{"name": "sshd", "filter": "sshd"}], "unclear": []},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
