"""Whether the programs and libraries on which log-in, sudo and SSH rest are still as their packages delivered them.

They are compared with the digests that dpkg or rpm keeps on the host. That finds programs replaced by hand, by a broken disk or
by a careless intruder; one with root's rights can change the digests as well. Only key packages are read, for reading all
takes minutes. ``unread`` are those that may not be read without root's rights, such as sudo's on the RHEL family: of them
nothing is known.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._lines import number
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import INT, STR, ListOf, record
from auditor.model import Json, Text

# A file that a package diverts is another's by right. md5sum answers for each file: fewer answers than files prove nothing.
_SCRIPT = r"""
cd / || exit 1
if [ -s /var/lib/dpkg/status ]; then
  set --
  for name in bash dash coreutils login passwd util-linux sudo openssh-server openssh-client cron procps iproute2 \
    libpam-modules libpam0g libc6 libcrypt1 libssl3 libssl3t64 libssl1.1 systemd dpkg; do
    for list in "/var/lib/dpkg/info/$name.md5sums" /var/lib/dpkg/info/"$name":*.md5sums; do
      if [ -e "$list" ]; then set -- "$@" "$list"; fi
    done
  done
  [ $# -gt 0 ] || exit 1
  sums=$(grep -hE -e '^[0-9a-f]{32}  (usr/)?s?bin/' \
    -e '^[0-9a-f]{32}  (usr/)?lib(exec)?/(systemd/systemd[a-z-]*$|openssh/|sudo/)' \
    -e '^[0-9a-f]{32}  (usr/)?lib(32|64|x32)?/(.*/)?[^/]*\.so[0-9.]*$' "$@") || exit 1
  diverted=$(cat /var/lib/dpkg/diversions) || exit 1
  sums=$(printf '%s\n--\n%s\n' "$diverted" "$sums" | awk '
    $0 == "--" && !past { past = 1; next }
    !past { gone[$0] = 1; next }
    !(("/" substr($0, 35)) in gone) && $0 !~ /\/gconv\//
  ') || exit 1
  count=$(printf '%s\n' "$sums" | wc -l) || exit 1
  told=$(printf '%s\n' "$sums" | md5sum -c - 2>/dev/null)
  answers=$(printf '%s\n' "$told" | grep -cE ': (OK|FAILED|FAILED open or read)$') || exit 1
  [ "$answers" -ge "$count" ] || exit 1
  echo "examined=$((count))"
  bad=$(printf '%s\n' "$told" | sed -n 's/: FAILED.*$//p') || exit 1
  if [ -n "$bad" ]; then
    printf '%s\n' "$bad" | while IFS= read -r path; do
      if [ ! -e "/$path" ]; then printf 'missing=/%s\n' "$path"; continue; fi
      if [ ! -r "/$path" ]; then printf 'unread=/%s\n' "$path"; continue; fi
      printf 'changed=/%s\n' "$path"
    done
  fi
elif [ -e /usr/bin/rpm ]; then
  set --
  for name in bash coreutils shadow-utils passwd util-linux util-linux-core openssh openssh-server openssh-clients cronie \
    procps-ng iproute pam pam-libs glibc libxcrypt openssl-libs sudo systemd rpm; do
    if rpm -q "$name" >/dev/null; then set -- "$@" "$name"; fi
  done
  [ $# -gt 0 ] || exit 1
  files=$(rpm -ql "$@") || exit 1
  # the name of RHEL 8's libcrypto.so.1.1.1k ends in a letter
  wanted='/s?bin/.*$|\.so(\.[0-9.]+[a-z]*)?$|/lib(exec)?/(systemd/systemd[a-z-]*$|openssh/|sudo/)'
  told=$(rpm -V --nodeps --noscripts --nomtime --nouser --nogroup --nomode --nolinkto --nordev --nocaps "$@" 2>&1)
  [ $? = 0 ] || [ -n "$told" ] || exit 1
  count=$(printf '%s\n' "$files" | grep -cE "$wanted") || exit 1
  echo "examined=$count"
  kept=$(printf '%s\n' "$told" | grep -E "($wanted)|^error")
  [ $? -le 1 ] || exit 1
  if printf '%s\n' "$kept" | grep -q '^error'; then exit 1; fi
  printf '%s\n' "$kept" | awk '
    / \(Permission denied\)$/ { print "unread=" $(NF - 2); next }
    /^missing / { print "missing=" $NF; next }
    / [a-z] \// { next }
    /^..5/ { print "changed=" $NF }
    /^..\?/ { print "unread=" $NF }
  ' || exit 1
else
  exit 1
fi
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``examined=<count>``, then ``changed=<path>``, ``missing=<path>`` and ``unread=<path>`` lines."""
    lines = whole_lines("package_integrity", output)
    if not lines or not lines[0].startswith("examined="):
        raise ParseError("package_integrity: how many files were examined is missing")
    found: dict[str, list[Json]] = {"changed": [], "missing": [], "unread": []}
    for line in lines[1:]:
        match = re.fullmatch(r"(changed|missing|unread)=(/.+)", line)
        if not match:
            raise ParseError(f"package_integrity: a line that does not belong there: {line[:80]!r}")
        found[match[1]].append(match[2])
    return {"examined": number(lines[0].removeprefix("examined="), "package_integrity"), **found}


FACT = Fact(
    name="package_integrity",
    title=Text(en="Key programs compared with their packages", ar="مطابقة البرامج الأساسية لحزمها"),
    shape=record(examined=INT, changed=ListOf(STR), missing=ListOf(STR), unread=ListOf(STR)),
    parse=parse,
    example={"examined": 412, "changed": ["/usr/bin/passwd"], "missing": [], "unread": []},
    probes={"linux": HostProbe(script=_SCRIPT, timeout=30.0)},
)
