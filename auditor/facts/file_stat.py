"""Owner, group and mode of one path, so that a check can say who may read or write it."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, Shape, optional, record
from auditor.model import Json, Text

_TYPES = {"regular file": "file", "regular empty file": "file", "directory": "directory"}
_BITS = (
    ("group_readable", 0o040),
    ("group_writable", 0o020),
    ("other_readable", 0o004),
    ("other_writable", 0o002),
    ("other_executable", 0o001),
)

PERMISSION_SHAPES: dict[str, Shape] = {
    "type": STR,
    "mode": STR,
    "uid": INT,
    "gid": INT,
    "owner": STR,
    "group": STR,
    **{name: BOOL for name, _ in _BITS},
}
"""What ``permissions`` fills, for the facts that state several files; ``acl`` besides, true where there is one."""

STAT = """\
state() {
  stat -L -c 'mode=%a\nuid=%u\ngid=%g\nowner=%U\ngroup=%G\ntype=%F' "$1" || return 1
  listed=$(ls -ldL "$1") || return 1
  case $listed in ??????????+*) echo acl=yes ;; esac
}
"""
"""A shell function that prints a path's fields, by stat of coreutils and of busybox alike; a field a line, because names of
groups may hold spaces.

``acl=yes`` where an access control list gives others rights that the mode does not tell: what the mode says of the group is then
only the most that any of them has. The ls of busybox does not show it.
"""

STAT_FIELDS = ("mode", "uid", "gid", "owner", "group", "type")


def permissions(fields: dict[str, str]) -> dict[str, Json]:
    """The record of PERMISSION_SHAPES from the fields that STAT prints. Raises ParseError or KeyError."""
    mode = int(fields["mode"], 8)
    if not 0 <= mode <= 0o7777:
        raise ParseError(f"the mode {fields['mode']} is out of range")
    return {
        "type": _TYPES.get(fields["type"], "other"),
        "mode": f"{mode:04o}",
        "uid": int(fields["uid"]),
        "gid": int(fields["gid"]),
        "owner": fields["owner"],
        "group": fields["group"],
        **{name: bool(mode & bit) for name, bit in _BITS},
        **({"acl": True} if fields.get("acl") == "yes" else {}),
    }


def parse(output: str, args: Arguments) -> Json:
    """``exists=no``, or one ``field=value`` a line; then ``end``."""
    fields = dict(line.split("=", 1) for line in whole_lines("file_stat", output))
    path = str(args.get("path", ""))
    if fields == {"exists": "no"}:
        return {"path": path, "exists": False}
    if fields.keys() - {"acl"} != {"exists", *STAT_FIELDS} or fields["exists"] != "yes":
        raise ParseError("file_stat: the fields of the file are not the expected ones")
    return {"path": path, "exists": True, **permissions(fields)}


FACT = Fact(
    name="file_stat",
    title=Text(en="Owner, group and mode of a file or folder", ar="مالك الملف أو المجلد ومجموعته وأذوناته"),
    shape=record(
        path=STR, exists=BOOL, acl=optional(BOOL), **{name: optional(shape) for name, shape in PERMISSION_SHAPES.items()}
    ),
    parse=parse,
    version=2,
    example={
        "path": "/etc/shadow",
        "exists": True,
        "type": "file",
        "mode": "0640",
        "uid": 0,
        "gid": 42,
        "owner": "root",
        "group": "shadow",
        "group_readable": True,
        "group_writable": False,
        "other_readable": False,
        "other_writable": False,
        "other_executable": False,
    },
    arguments={"path": STR},
    probes={
        "linux": HostProbe(
            script=(
                THERE + STAT + "case $arg_path in /*) ;; *) exit 1 ;; esac\n"
                'if exists "$arg_path"; then\n'
                "  echo exists=yes\n"
                '  state "$arg_path" || exit 1\n'
                "  echo end\n"
                "else\n"
                "  printf 'exists=no\\nend\\n'\n"
                "fi\n"
            ),
            bounded=True,
        )
    },
)
