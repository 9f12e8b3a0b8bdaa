"""What the host exports by NFS, to whom and with which options, from /etc/exports and /etc/exports.d, a client a row.

Where the kernel's server runs, what it exports now is told besides, if no file says it: ``exportfs`` alone may have named it.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._budget import Budget
from auditor.facts._lines import SHOW_FILES, continued, files, split_unreadable, whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import STR, ListOf, record
from auditor.model import Json, Text

_RUNNING = "/var/lib/nfs/etab"
_ROOT = re.compile(r"no_root_squash|anonuid=0+")
_CLIENT = re.compile(r"([^\s(]*)(?:\(([^)]*)\))?")

_SCRIPT = (
    SHOW_FILES
    + """\
listable /etc/exports.d
[ -x /etc ] || exit 1
show /etc/exports /etc/exports.d/*.exports
if [ -d /proc/fs/nfsd ]; then
  [ -x /var/lib ] || exit 1
  if [ -d /var/lib/nfs ]; then [ -x /var/lib/nfs ] || exit 1; fi
  show /var/lib/nfs/etab
fi
echo done
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """The files as ``path:line``, then ``done``."""
    lines = whole(output, "nfs_exports")
    if not lines or lines.pop().strip() != "done":
        raise ParseError("nfs_exports: the probe did not say that it is done")
    told, unreadable = split_unreadable(lines)
    if unreadable:
        raise ParseError(f"nfs_exports: may not be read: {sorted(unreadable)[0]}")
    found: list[Json] = []
    budget = Budget("nfs_exports: the options, told of each client,")
    written: dict[tuple[str, str], set[Json]] = {}
    for source, text in files(told, "nfs_exports").items():
        running = source == _RUNNING
        for line in continued(text):
            words = re.findall(r'"[^"]*"|\S+', line.split("#")[0])
            if not words:
                continue
            path, clients = words[0].strip('"'), words[1:]
            default: list[str] = []
            if not path.startswith("/"):
                raise ParseError(f"nfs_exports: {source}: a line that exports no folder: {line[:80]!r}")
            for client in clients:
                if client.startswith("-"):
                    default = [o for o in client[1:].split(",") if o]
                    continue
                match = _CLIENT.fullmatch(client)
                if match is None:
                    raise ParseError(f"nfs_exports: {source}: a client that cannot be read: {client[:60]!r}")
                options: list[Json] = [*default, *(o for o in (match[2] or "").split(",") if o)]
                budget.line(path, *map(str, options))
                key = (path, match[1] or "*")
                # what runs is told with every option; of these those count that make root of a client and that no file says
                roots = {o for o in options if _ROOT.fullmatch(str(o))}
                if running and key in written and roots <= written[key]:
                    continue
                written.setdefault(key, set()).update(options)
                found.append({"path": path, "client": key[1], "options": options})
            if not [c for c in clients if not c.startswith("-")]:
                written.setdefault((path, "*"), set())
                found.append({"path": path, "client": "*", "options": []})
    return found


FACT = Fact(
    name="nfs_exports",
    title=Text(en="Folders exported by NFS", ar="المجلدات المصدَّرة عبر NFS"),
    shape=ListOf(record(path=STR, client=STR, options=ListOf(STR))),
    parse=parse,
    version=3,
    example=[{"path": "/srv/share", "client": "10.20.1.0/24", "options": ["rw", "root_squash"]}],
    probes={"linux": HostProbe(script=_SCRIPT)},
)
