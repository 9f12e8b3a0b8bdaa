"""The kernel's audit rules, those loaded now and those saved for the next start, in one form whichever way they are written.

``-w PATH -p wa`` and ``-a always,exit -F path=PATH -F perm=wa`` say the same: both have ``path`` and ``perms``. A rule of system
calls has ``calls`` and, for one word size alone, ``arch``; its other conditions are ``fields``, as they are written.
"""

from __future__ import annotations

import re
import shlex

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

_FIELD = re.compile(r"([a-z0-9_]+)(!=|>=|<=|&=|=|>|<|&)(.*)\Z")

_SCRIPT = """\
if [ ! -x /sbin/auditctl ] && [ ! -x /usr/sbin/auditctl ]; then printf 'installed=no\\nend\\n'; exit 0; fi
status=$(as_root /sbin/auditctl -s) || exit 1
loaded=$(as_root /sbin/auditctl -l) || exit 1
if [ -d /etc/audit/rules.d ] || [ -d /etc/audit ]; then
  saved=$(as_root /bin/grep -rhs '^[[:space:]]*-' /etc/audit/rules.d)
  [ $? -le 1 ] || exit 1
fi
echo installed=yes
printf '%s\\n' "$status" | sed -n 's/^enabled /enabled=/p'
printf '%s\\n' "$loaded" | sed -n 's/^[[:space:]]*-/loaded=-/p'
printf '%s\\n' "${saved-}" | sed -n 's/^[[:space:]]*-/saved=-/p'
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``; or ``enabled=N`` and the rules, ``loaded=`` and ``saved=``."""
    lines = whole_lines("audit_rules", output)
    if lines == ["installed=no"]:
        return {"installed": False, "enabled": 0, "immutable": False, "loaded": [], "saved": []}
    if not lines or lines[0] != "installed=yes":
        raise ParseError("audit_rules: the first line says neither installed=yes nor installed=no")
    enabled: int | None = None
    rules: dict[str, list[Json]] = {"loaded": [], "saved": []}
    immutable = False
    for line in lines[1:]:
        key, _, text = line.partition("=")
        if key == "enabled":
            enabled = int(text)
        elif key in rules:
            words = _words(text)
            immutable = immutable or (key == "saved" and words[:2] == ["-e", "2"])
            if words[0] in ("-w", "-a", "-A"):
                rules[key].append(_rule(words, text))
        else:
            raise ParseError(f"audit_rules: a line that does not belong there: {line[:80]!r}")
    if enabled is None:
        raise ParseError("audit_rules: whether auditing is enabled is missing")
    return {"installed": True, "enabled": enabled, "immutable": immutable or enabled == 2, **rules}


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text, comments=True)
    except ValueError as error:
        raise ParseError(f"audit_rules: {text[:80]!r}: {error}") from error
    if not words:
        raise ParseError("audit_rules: an empty rule")
    return words


def _rule(words: list[str], text: str) -> Json:
    rule: dict[str, Json] = {
        "text": " ".join(words),
        "never": False,
        "path": "",
        "perms": "",
        "arch": "",
        "calls": [],
        "fields": [],
    }
    calls: list[Json] = []
    fields: list[Json] = []
    rest = iter(words)
    for option in rest:
        value = next(rest, None)
        if value is None:
            raise ParseError(f"audit_rules: {option} without its value: {text[:80]!r}")
        match option:
            case "-w":
                rule["path"], rule["perms"] = value.rstrip("/") or "/", "rwxa"
            case "-p":
                rule["perms"] = value
            case "-a" | "-A":
                rule["never"] = "never" in value.split(",")
            case "-S":
                calls += value.split(",")
            case "-F" | "-C":
                _field(rule, fields, value, text)
            case "-k":
                pass
            case _:
                raise ParseError(f"audit_rules: an option that is not known: {text[:80]!r}")
    return {**rule, "calls": calls, "fields": fields}


def _field(rule: dict[str, Json], fields: list[Json], value: str, text: str) -> None:
    found = _FIELD.match(value)
    if found is None:
        raise ParseError(f"audit_rules: a field that cannot be read: {text[:80]!r}")
    name, sign, content = found.groups()
    if name in ("path", "dir") and sign == "=":
        rule["path"] = content.rstrip("/") or "/"
        rule["perms"] = rule["perms"] or "rwxa"
    elif name == "perm" and sign == "=":
        rule["perms"] = content
    elif name == "arch" and sign == "=":
        rule["arch"] = content
    elif name != "key":
        fields.append(value)


_RULES = ListOf(
    record(text=STR, never=BOOL, path=STR, perms=STR, arch=STR, calls=ListOf(STR), fields=ListOf(STR)),
)

FACT = Fact(
    name="audit_rules",
    title=Text(en="Audit rules of the kernel, loaded and saved", ar="قواعد تدقيق النواة المحمّلة والمحفوظة"),
    shape=record(installed=BOOL, enabled=INT, immutable=BOOL, loaded=_RULES, saved=_RULES),
    parse=parse,
    example={
        "installed": True,
        "enabled": 2,
        "immutable": True,
        "loaded": [
            {
                "text": "-w /etc/passwd -p wa -k identity",
                "never": False,
                "path": "/etc/passwd",
                "perms": "wa",
                "arch": "",
                "calls": [],
                "fields": [],
            }
        ],
        "saved": [],
    },
    probes={
        "linux": HostProbe(
            script=_SCRIPT,
            privileged=(
                "/sbin/auditctl -s",
                "/sbin/auditctl -l",
                "/bin/grep -rhs '^[[:space:]]*-' /etc/audit/rules.d",
            ),
        )
    },
)
