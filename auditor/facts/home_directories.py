"""The home folders of people's local accounts: whose they are, and who else may enter them."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.file_stat import PERMISSION_SHAPES, STAT, STAT_FIELDS, permissions
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_HEAD = ("account", "account_uid", "path", "exists")

_SCRIPT = (
    THERE
    + STAT
    + """\
accounts=$(tr -d '\\r' </etc/passwd) || exit 1
printf '%s\\n' "$accounts" | {
  while IFS=: read -r name _ uid _ _ home shell; do
    case $name in ''|'#'*|+*|-*) continue ;; esac
    case $uid in ''|*[!0-9]*) exit 1 ;; esac
    if [ "$uid" -lt 1000 ]; then continue; fi
    case $shell in */nologin|*/false) continue ;; esac
    printf 'account=%s\\naccount_uid=%s\\npath=%s\\n' "$name" "$uid" "$home"
    case $home in /*) ;; *) echo exists=no; continue ;; esac
    if exists "$home"; then
      out=$(state "$home") || exit 1
      printf 'exists=yes\\n%s\\n' "$out"
    else
      echo exists=no
    fi
  done
  echo end
}
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """For each account ``account=``, ``account_uid=``, ``path=``, ``exists=``, and, when it exists, the folder's fields."""
    blocks: list[dict[str, str]] = []
    for line in whole_lines("home_directories", output):
        key, sign, text = line.partition("=")
        if key == "account":
            blocks.append({})
        if not sign or not blocks or key in blocks[-1]:
            raise ParseError(f"home_directories: a line that does not belong there: {line[:80]!r}")
        blocks[-1][key] = text
    return [_home(block) for block in blocks]


def _home(block: dict[str, str]) -> dict[str, Json]:
    value: dict[str, Json] = {"account": block["account"], "path": block["path"], "account_uid": int(block["account_uid"])}
    if block["exists"] == "no" and block.keys() == set(_HEAD):
        return {**value, "exists": False}
    if block["exists"] != "yes" or block.keys() - {"acl"} != {*_HEAD, *STAT_FIELDS}:
        raise ParseError(f"home_directories: the fields of {block['account']!r} are not the expected ones")
    folder = permissions(block)
    return {**value, "exists": True, "owner_matches": folder["uid"] == value["account_uid"], **folder}


FACT = Fact(
    name="home_directories",
    title=Text(
        en="Home folders of local accounts that can log in", ar="المجلدات الشخصية للحسابات المحلية التي يمكنها تسجيل الدخول"
    ),
    shape=ListOf(
        record(
            account=STR,
            account_uid=INT,
            path=STR,
            exists=BOOL,
            owner_matches=optional(BOOL),
            acl=optional(BOOL),
            **{name: optional(shape) for name, shape in PERMISSION_SHAPES.items()},
        )
    ),
    parse=parse,
    example=[
        {
            "account": "mona",
            "account_uid": 1001,
            "path": "/home/mona",
            "exists": True,
            "owner_matches": True,
            "type": "directory",
            "mode": "0700",
            "uid": 1001,
            "gid": 1001,
            "owner": "mona",
            "group": "mona",
            "group_readable": False,
            "group_writable": False,
            "other_readable": False,
            "other_writable": False,
            "other_executable": False,
        }
    ],
    probes={"linux": HostProbe(script=_SCRIPT)},
)
