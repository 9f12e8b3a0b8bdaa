"""The host's own accounts, from /etc/passwd, /etc/group and /etc/shadow; hashes stay with root, only their state is told.

``can_log_in`` says that the account's shell opens a session (it is not nologin, false, true, sync, shutdown or halt). The
password does not enter into it: an account whose password is locked can still be entered by an SSH key or by ``su``.
"""

from __future__ import annotations

import functools

from auditor.errors import ParseError
from auditor.facts._budget import Budget
from auditor.facts._lines import number, whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_NO_SESSION = frozenset({"nologin", "false", "true", "sync", "shutdown", "halt"})
_STATES = frozenset({"set", "locked", "empty", "none"})
_AGES = ("last_change_day", "min_days", "max_days", "warn_days", "inactive_days", "expire_day")
_IN_SHADOW = "x"
_Row = tuple[str, ...]
# Hosts of one fleet differ in few of their accounts: lines and accounts are read once while they are remembered, if short.
_REMEMBERED = 2048
_LONGEST = 300
_MOST = 1_000_000  # groups of all accounts together
_GROUPS = 20  # of an account that is remembered

_AWK = r"""
function state(p) {
  if (p == "") return "empty:"
  if (p == "x") return "x:"
  if (p ~ /^!/) return "locked:"
  if (p ~ /^\$[0-9a-z]+[,$]/) { match(p, /^\$[0-9a-z]+/); return "set:" substr(p, 1, RLENGTH) "$" }
  if (p ~ /^_[.\/0-9A-Za-z]+$/ && length(p) == 20) return "set:bsdi"
  if (p ~ /^[.\/0-9A-Za-z]+$/ && length(p) >= 13) return "set:des"
  return "none:"
}
{ sub(/\r$/, "") }
/^[ \t]*(#|$)/ { next }
"""
"""What crypt(3) can never produce can never match: such a field is ``none``. Comments may hold hashes and are not told."""

_PASSWD = (
    _AWK
    + r"""
NF != 7 { print "bad:passwd:" NR; next }
{ print "passwd:" NR ":" $1 ":" state($2) ":" $3 ":" $4 ":" $6 ":" $7 }
"""
)
_SHADOW = (
    _AWK
    + r"""
NF != 8 && NF != 9 { print "bad:shadow:" NR; next }
{ print "shadow:" $1 ":" state($2) ":" $3 ":" $4 ":" $5 ":" $6 ":" $7 ":" $8 }
"""
)
# Hashes do not come to the login: whoever has its key would have them too. What they are is told by one of the same kind that is
# nobody's. Comments, and lines that are none of shadow's, may hold a hash anywhere.
_STATES_ALONE = (
    "/bin/sed -E "
    + " ".join(
        f"-e '{expression}' -e t"
        for expression in (
            r"s/^[[:space:]]*(#.*)?\r?$/#/",
            r"s/^[^:]*(:[^:]*){0,6}$|^[^:]*(:[^:]*){9,}$/?/",
            r"s/^([^:]*):!+[^:]*/\1:!/",
            r"s/^([^:]*):(\$[0-9a-z]+)[,$][^:]*/\1:\2$/",
            r"s/^([^:]*):_[.\/0-9A-Za-z]{19}:/\1:_0000000000000000000:/",
            r"s/^([^:]*):[.\/0-9A-Za-z]{13,}:/\1:0000000000000:/",
            r"s/^([^:]*):(x?):/\1:\2:/",
            r"s/^([^:]*):[^:]*/\1:*/",
        )
    )
    + " /etc/shadow"
)
_GROUP = r"""
{ sub(/\r$/, "") }
/^[ \t]*(#|$)/ { next }
NF != 4 { print "bad:group:" NR; next }
{ print "group:" $1 ":" $3 ":" $4 }
"""


def parse(output: str, _args: Arguments) -> Json:
    """Lines ``passwd:``, ``shadow:`` and ``group:`` as the probe's awk writes them, ``noshadow`` when there is no such file."""
    rows: dict[str, list[_Row]] = {"passwd": [], "shadow": [], "group": []}
    fields = {"passwd": 8, "shadow": 9, "group": 3}
    has_shadow = True
    lines = whole(output, "accounts")
    short = max(map(len, lines), default=0) <= _LONGEST
    for line in lines:
        kind, parts = (_row if short else _row.__wrapped__)(line)
        if kind == "bad":
            raise ParseError(f"accounts: line {parts[-1]} of /etc/{parts[0]} cannot be read: the number of its fields is wrong")
        if line.strip() == "noshadow":
            has_shadow = False
        elif kind not in rows or len(parts) != fields[kind]:
            raise ParseError(f"accounts: not a line of the probe: {line[:80]!r}")
        else:
            rows[kind].append(parts)
    if not rows["passwd"]:
        raise ParseError("accounts: /etc/passwd lists no account")
    if has_shadow and not rows["shadow"]:
        raise ParseError("accounts: /etc/shadow lists no account")
    shadow: dict[str, _Row] = {}
    for row in rows["shadow"]:
        shadow.setdefault(row[0], row)  # the C library takes the first
    groups = _Groups(rows["group"])
    found: list[Json] = []
    for row in rows["passwd"]:
        own = groups.of(row[1], row[5])
        account = _account if short and len(own) <= _GROUPS else _account.__wrapped__
        found.append(account(row, shadow.get(row[1]), own, groups.primary(row[5])))
    return found


@functools.lru_cache(maxsize=_REMEMBERED)
def _row(line: str) -> tuple[str, _Row]:
    """What a line is of, and its fields. A blank behind a name belongs to it: ``root `` is another account than root."""
    kind, _, rest = line.strip().partition(":")
    name = 1 if kind == "passwd" else 0
    return kind, tuple([part.lstrip(" \t\r\v\f") if at == name else part.strip() for at, part in enumerate(rest.split(":"))])


@functools.lru_cache(maxsize=_REMEMBERED)
def _account(row: _Row, shadow: _Row | None, groups: tuple[str, ...], primary: str) -> Json:
    line, name, state, algorithm, uid, gid, home, shell = row
    where = f"accounts: line {line} of /etc/passwd"
    if not name or name[0] in "+-":
        raise ParseError(f"{where}: {name!r} takes accounts from a directory service, which the probe does not read")
    ages: dict[str, Json] = {}
    if state == _IN_SHADOW:
        state, algorithm = "none", ""
        if shadow is not None:
            _, state, algorithm, *numbers = shadow
            if state == _IN_SHADOW:
                state = "none"
            ages = {key: number(text, f"accounts: {name}: {key}") for key, text in zip(_AGES, numbers, strict=True) if text}
            ages = {key: age for key, age in ages.items() if age != -1}  # -1 is another way to leave it empty
    if state not in _STATES:
        raise ParseError(f"{where}: {state!r} is not a state of a password")
    return {
        "name": name,
        "line": number(line, where),
        "uid": number(uid, where),
        "gid": number(gid, where),
        **({"primary_group": primary} if primary else {}),
        "home": home,
        "shell": shell,
        "can_log_in": shell.rsplit("/", 1)[-1] not in _NO_SESSION,
        "password": state,
        "hash": algorithm,
        **ages,
        "groups": list(groups),
    }


class _Groups:
    """The groups by member and by number, so that thousands of accounts stay quick."""

    def __init__(self, rows: list[_Row]) -> None:
        self._by_member: dict[str, dict[str, None]] = {}
        self._by_number: dict[int, str] = {}
        self._by_gid: dict[str, dict[str, None]] = {}
        self._budget = Budget("accounts: the groups of all accounts", _MOST, "names")
        for group, gid, members in rows:
            self._by_number.setdefault(number(gid, f"accounts: the group {group}"), group)
            self._by_gid.setdefault(gid, {})[group] = None
            for member in members.split(","):
                self._by_member.setdefault(member.strip(), {})[group] = None

    def primary(self, gid: str) -> str:
        """The group of that number, "" when there is none; the C library takes the first."""
        try:
            return self._by_number.get(number(gid, "gid"), "")
        except ParseError:
            return ""  # it is refused with the line where it stands

    def of(self, name: str, gid: str) -> tuple[str, ...]:
        own, others = self._by_gid.get(gid, {}), self._by_member.get(name, {})
        self._budget.spend(len(own) + len(others))  # where many have one number or one name, far more than is printed
        return tuple(own | others)


FACT = Fact(
    name="accounts",
    title=Text(en="Local accounts and the state of their passwords", ar="الحسابات المحلية وحالة كلمات مرورها"),
    shape=ListOf(
        record(
            name=STR,
            line=INT,
            uid=INT,
            gid=INT,
            primary_group=optional(STR),  # left out where no group has that number
            home=STR,
            shell=STR,
            can_log_in=BOOL,
            password=STR,
            hash=STR,
            **{key: optional(INT) for key in _AGES},
            groups=ListOf(STR),
        )
    ),
    parse=parse,
    version=2,
    example=[
        {
            "name": "clerk",
            "line": 20,
            "uid": 1000,
            "gid": 1000,
            "primary_group": "clerk",
            "home": "/home/clerk",
            "shell": "/bin/bash",
            "can_log_in": True,
            "password": "set",
            "hash": "$y$",
            "last_change_day": 20000,
            "min_days": 1,
            "max_days": 90,
            "warn_days": 7,
            "groups": ["clerk", "users"],
        }
    ],
    probes={
        "linux": HostProbe(
            script=(
                "passwd=$(cat /etc/passwd) || exit 1\n"
                "group=$(cat /etc/group) || exit 1\n"
                "[ -x /etc ] || exit 1\n"
                f"printf '%s\\n' \"$passwd\" | awk -F: '{_PASSWD}' || exit 1\n"
                f"printf '%s\\n' \"$group\" | awk -F: '{_GROUP}' || exit 1\n"
                "if [ -e /etc/shadow ]; then\n"
                f"  shadow=$(as_root {_STATES_ALONE}) || exit 1\n"
                f"  printf '%s\\n' \"$shadow\" | awk -F: '{_SHADOW}' || exit 1\n"
                "else\n"
                "  echo noshadow\n"
                "fi\n"
                "echo end\n"
            ),
            privileged=(_STATES_ALONE,),
            max_bytes=4_194_304,
        )
    },
)
