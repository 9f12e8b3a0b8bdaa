"""Programs in /usr/local and folders in /opt that no package of the host owns: installed by hand, by pip or by a script."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

# Of dpkg all lists of files are searched at once, which is quicker than to ask for each; rpm answers for many at once.
_SCRIPT = (
    THERE
    + r"""
set --
for dir in /usr/local/bin /usr/local/sbin /usr/local/games; do
  if [ ! -e "$dir" ]; then continue; fi
  [ -r "$dir" ] && [ -x "$dir" ] || exit 1
  for file in "$dir"/* "$dir"/.[!.]*; do
    if [ -f "$file" ]; then
      # others than the login may be let to run it
      if [ ! -x "$file" ]; then case $(stat -L -c %A "$file") in *[xst]*) ;; *) continue ;; esac; fi
    elif [ ! -L "$file" ] || ! hidden "$file"; then continue
    fi
    set -- "$@" "$file"
  done
done
if [ -e /opt ]; then
  [ -r /opt ] && [ -x /opt ] || exit 1
  for file in /opt/* /opt/.[!.]*; do
    if [ -e "$file" ]; then set -- "$@" "$file"; fi
  done
fi
if [ $# -gt 2000 ]; then exit 1; fi
if [ -s /var/lib/dpkg/status ]; then
  echo manager=dpkg
  if [ $# -gt 0 ]; then
    owned=$(grep -hE '^/(usr/local|opt)/' /var/lib/dpkg/info/*.list)
    [ $? -le 1 ] || exit 1
    tops=$(printf '%s\n' "$owned" | sed 's#^\(/opt/[^/]*\)/.*#\1#' | sort -u) || exit 1
    list=$(printf '%s\n' "$@") || exit 1
    free=$(printf '%s\n--\n%s\n' "$tops" "$list" | awk '
      $0 == "--" && !past { past = 1; next }
      !past { own[$0] = 1; next }
      !($0 in own)
    ') || exit 1
  fi
elif [ -e /usr/bin/rpm ]; then
  echo manager=rpm
  free=
  if [ $# -gt 0 ]; then
    # rpm exits with the number of files that it does not know: that each was answered for proves that it could look
    told=$(rpm -qf --qf 'owned\n' "$@" 2>&1)
    answers=$(printf '%s\n' "$told" | grep -cE '^owned$|^file .* is not owned by any package$') || exit 1
    if [ "$answers" -lt $# ]; then exit 1; fi
    free=$(printf '%s\n' "$told" | sed -n 's/^file \(.*\) is not owned by any package$/\1/p') || exit 1
    # a package may have files below a folder of /opt that it does not own itself
    case $free in */opt/*)
      dirs=$(rpm -qa --qf '[%{DIRNAMES}\n]') || exit 1
      tops=$(printf '%s\n' "$dirs" | sed -n 's#^\(/opt/[^/]*\)/.*#\1#p' | sort -u) || exit 1
      free=$(printf '%s\n--\n%s\n' "$tops" "$free" | awk '
        $0 == "--" && !past { past = 1; next }
        !past { own[$0] = 1; next }
        !($0 in own)
      ') || exit 1 ;;
    esac
  fi
else
  exit 1
fi
if [ $# -gt 0 ] && [ -n "$free" ]; then printf '%s\n' "$free" | sort | sed 's/^/program=/' || exit 1; fi
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``manager=``, then ``program=<path>`` a line."""
    lines = whole_lines("unpackaged_programs", output)
    if lines[:1] not in (["manager=dpkg"], ["manager=rpm"]):
        raise ParseError("unpackaged_programs: the output names neither dpkg nor rpm")
    found: list[Json] = []
    for line in lines[1:]:
        match = re.fullmatch(r"program=(/.+)", line)
        if not match:
            raise ParseError(f"unpackaged_programs: a line that does not belong there: {line[:80]!r}")
        path = match[1]
        found.append({"path": path, "name": path.rpartition("/")[2], "folder": path.startswith("/opt/")})
    return found


FACT = Fact(
    name="unpackaged_programs",
    title=Text(en="Programs that no package owns", ar="برامج لا تتبع أي حزمة"),
    shape=ListOf(record(path=STR, name=STR, folder=BOOL)),
    parse=parse,
    example=[{"path": "/usr/local/bin/report", "name": "report", "folder": False}],
    probes={"linux": HostProbe(script=_SCRIPT)},
)
