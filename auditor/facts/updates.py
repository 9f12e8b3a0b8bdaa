"""Security updates that are published and not installed, by the package lists that the host itself last fetched.

Neither apt nor dnf is run: both may write caches and logs, and asking them costs seconds. Their lists on the disk are read
instead, by any user, and dpkg or rpm's own order of versions decides. Nothing is asked of the network, so the answer
is as old as the lists: ``lists_date`` is the date that apt's archive signed, or the time at which dnf last found its lists
current; a failed refresh makes neither younger.
Without a list of a security archive ``known`` is false, and nothing may be concluded.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

# The lists of Debian's and Ubuntu's security archives: `…debian-security_dists_…` and `…_dists_<suite>-security_…`. Every
# entry whose package is installed in another version is compared by dpkg, once per package. The lists of Ubuntu Pro hold what
# Ubuntu's own no longer repairs, and nothing else: alone they prove nothing.
_DEBIAN = r"""
lists=/var/lib/apt/lists
[ -r "$lists" ] && [ -x "$lists" ] || exit 1
found=no
for release in "$lists"/*_dists_*InRelease "$lists"/*_dists_*Release; do
  case $release in *debian-security_dists_*|*_dists_*-security_*) ;; *) continue ;; esac
  if [ ! -e "$release" ]; then continue; fi
  date=$(sed -n -e '/^SHA256:/q' -e 's/^Date: *//p' "$release") || exit 1
  base=${release##*/}
  printf 'release=%s\t%s\n' "${base%%_*}" "$date"
done
set --
for list in "$lists"/*_Packages "$lists"/*_Packages.*; do
  case $list in *debian-security_dists_*|*_dists_*-security_*) ;; *) continue ;; esac
  if [ ! -e "$list" ]; then continue; fi
  set -- "$@" "$list"
  case $list in *_dists_*-apps-security_*|*_dists_*-infra-security_*) ;; *) found=yes ;; esac
done
if [ $found = yes ]; then
  installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Architecture} ${Version}\n') || exit 1
  newer=$({
    printf '%s\n' "$installed"
    echo lists
    for list in "$@"; do
      case $list in
        *_Packages) cat "$list" ;;
        *) /usr/lib/apt/apt-helper cat-file "$list" ;;
      esac || echo broken
      echo
    done
  } | awk '
    !lists && $0 == "lists" { lists = 1; next }
    !lists { if ($1 ~ /^.[itWUFH]/) have[$2] = have[$2] " " $3 "=" $4; next }
    $0 == "broken" { print "broken"; next }
    /^Package: / { name = $2; version = "" }
    /^Version: / { version = $2 }
    /^Architecture: / { arch = $2 }
    /^$/ {
      if (name in have) {
        n = split(have[name], pairs, " ")
        for (i = 1; i <= n; i++) {
          split(pairs[i], pair, "=")
          if (pair[2] != version && (pair[1] == arch || pair[1] == "all" || arch == "all") && !seen[name, pair[2], version]++)
            print name, pair[2], version
        }
      }
      name = ""
    }
    END { print "compared" }
  ') || exit 1
  printf '%s\n' "$newer" | while read -r name have offered; do
    if [ "$name" = broken ]; then exit 1; fi
    if [ "$name" = compared ]; then exit 0; fi
    if dpkg --compare-versions "$have" lt "$offered"; then printf 'pending=%s\t%s\t%s\n' "$name" "$have" "$offered"; fi
  done || exit 1
fi
echo known=$found
"""

# Advisories of type security in the repositories' updateinfo. Those of a module count only while its stream is enabled. Of
# several installed versions (kernels) the newest counts. The order of versions is rpm's own, which no command of rpm gives.
# A mirror may have written its list without line ends.
# Where no list speaks of the system itself (CentOS Stream publishes none, and EPEL's beside it does not), nothing is known.
_RHEL = r"""
found=no
set --
for info in /var/cache/dnf/*/repodata/*updateinfo.xml* /var/cache/libdnf5/*/repodata/*updateinfo.xml* \
  /var/cache/yum/*/*/*/*updateinfo.xml*; do
  if [ ! -e "$info" ]; then continue; fi
  set -- "$@" "$info"
  found=yes
  dir=${info%/*}
  date=$(stat -c %Y "$dir"/*primary.xml* | sort -n | head -n 1)
  repository=${dir%/repodata}
  printf 'release=%s\t%s\n' "${repository##*/}" "$date"
done
if [ $found = yes ]; then
  installed=$(rpm -qa --qf '%{NAME} %{ARCH} %|EPOCH?{%{EPOCH}}:{0}| %{VERSION} %{RELEASE}\n') || exit 1
  streams=
  for module in /etc/dnf/modules.d/*.module; do
    if [ ! -e "$module" ]; then continue; fi
    one=$(sed -n -e 's/^name *= */name /p' -e 's/^stream *= */stream /p' -e 's/^state *= */state /p' "$module") || exit 1
    streams="$streams
$one"
  done
  found=no
  pending=$({
    printf '%s\n' "$installed"
    echo streams
    printf '%s\n' "$streams"
    echo lists
    for info in "$@"; do
      case $info in
        *.gz) gzip -dc "$info" ;;
        *.xz) xz -dc "$info" ;;
        *.zst) zstd -dc "$info" ;;
        *.xml) cat "$info" ;;
        *) false ;;
      esac || echo broken
    done
  } | sed 's/>[[:space:]]*</>\n</g' | awk '
    function segments(a, b,   x, y, n, m) {
      while (1) {
        sub(/^[^A-Za-z0-9~^]+/, "", a); sub(/^[^A-Za-z0-9~^]+/, "", b)
        if (a ~ /^~/ || b ~ /^~/) {
          if (a !~ /^~/) return 1
          if (b !~ /^~/) return -1
          a = substr(a, 2); b = substr(b, 2); continue
        }
        if (substr(a, 1, 1) == "^" || substr(b, 1, 1) == "^") {
          if (a == "") return -1
          if (b == "") return 1
          if (substr(a, 1, 1) != "^") return 1
          if (substr(b, 1, 1) != "^") return -1
          a = substr(a, 2); b = substr(b, 2); continue
        }
        if (a == "" || b == "") return a == b ? 0 : (a == "" ? -1 : 1)
        if (match(a, /^[0-9]+/)) {
          x = substr(a, 1, RLENGTH); a = substr(a, RLENGTH + 1)
          if (!match(b, /^[0-9]+/)) return 1
          y = substr(b, 1, RLENGTH); b = substr(b, RLENGTH + 1)
          sub(/^0+/, "", x); sub(/^0+/, "", y)
          n = length(x); m = length(y)
          if (n != m) return n < m ? -1 : 1
        } else {
          match(a, /^[A-Za-z]+/); x = substr(a, 1, RLENGTH); a = substr(a, RLENGTH + 1)
          if (!match(b, /^[A-Za-z]+/)) return -1
          y = substr(b, 1, RLENGTH); b = substr(b, RLENGTH + 1)
        }
        if ("s" x != "s" y) return ("s" x) < ("s" y) ? -1 : 1
      }
    }
    function compare(a, b,   p, q, r) {
      split(a, p, " "); split(b, q, " ")
      if (p[1] + 0 != q[1] + 0) return p[1] + 0 < q[1] + 0 ? -1 : 1
      r = segments(p[2], q[2])
      return r ? r : segments(p[3], q[3])
    }
    function attribute(name,   i) {
      if (!match($0, " " name "=\"[^\"]*\"")) return ""
      i = length(name) + 3
      return substr($0, RSTART + i, RLENGTH - i - 1)
    }
    part == 0 && $0 == "streams" { part = 1; next }
    part == 0 {
      key = $1 SUBSEP $2; evr = $3 " " $4 " " $5
      if (!(key in have) || compare(have[key], evr) < 0) have[key] = evr
      next
    }
    part == 1 && $0 == "lists" { part = 2; next }
    part == 1 {
      if ($1 == "name") { module = $2; stream = "" }
      if ($1 == "stream") stream = $2
      if ($1 == "state" && $2 == "enabled") enabled[module] = stream
      if ($1 == "stream" && (module in enabled)) enabled[module] = stream
      next
    }
    $0 == "broken" { print "broken"; bad = 1; exit }
    /<update / { security = attribute("type") == "security" }
    /<collection/ { wanted = 1 }
    /<module / { name = attribute("name"); wanted = (name in enabled) && enabled[name] == attribute("stream") }
    / name="(kernel|glibc|openssl-libs|systemd|libcurl)" / { system_ = 1 }
    security && wanted && /<package / {
      key = attribute("name") SUBSEP attribute("arch")
      if (key in have) {
        epoch = attribute("epoch")
        evr = (epoch == "" ? 0 : epoch) " " attribute("version") " " attribute("release")
        if (compare(have[key], evr) < 0 && (!(key in best) || compare(best[key], evr) < 0)) best[key] = evr
      }
    }
    END {
      if (bad) exit 1
      if (system_) print "system"
      for (key in best) {
        split(key, parts, SUBSEP)
        split(have[key], p, " "); split(best[key], q, " ")
        printf "pending=%s\t%s:%s-%s\t%s:%s-%s\n", parts[1], p[1], p[2], p[3], q[1], q[2], q[3]
      }
    }
  ') || exit 1
  case $pending in system*) found=yes ;; esac
  printf '%s\n' "$pending" | sed -n /^pending=/p || exit 1
fi
echo known=$found
"""

_SCRIPT = (
    "if command -v dpkg-query >/dev/null && [ -s /var/lib/dpkg/status ]; then\n"
    f"echo manager=apt{_DEBIAN}"
    "elif rpm --version >/dev/null 2>&1; then\n"
    f"echo manager=dnf{_RHEL}"
    "else\n  exit 1\nfi\necho end\n"
)


def parse(output: str, _args: Arguments) -> Json:
    """``manager=``, ``release=archive<TAB>date``, ``pending=name<TAB>installed<TAB>offered`` per update, ``known=``."""
    fields: dict[str, list[str]] = {"manager": [], "release": [], "pending": [], "known": []}
    for line in whole_lines("updates", output):
        key, _, text = line.partition("=")
        if key not in fields:
            raise ParseError(f"updates: a line that does not belong there: {line[:80]!r}")
        fields[key].append(text)
    if fields["manager"] not in (["apt"], ["dnf"]) or fields["known"] not in (["yes"], ["no"]):
        raise ParseError("updates: manager or known is missing, or given twice")
    dates = [(archive.strip(), _instant(date.strip())) for archive, date in (r.split("\t") for r in fields["release"])]
    # Ubuntu Pro's archive may rest for weeks: its date says nothing of the refresh while another archive is there.
    others = [date for archive, date in dates if archive != "esm.ubuntu.com"] or [date for _, date in dates]
    known = fields["known"] == ["yes"] and bool(others)
    value: dict[str, Json] = {"manager": fields["manager"][0], "known": known, "security": _pending(fields["pending"])}
    if known:
        value["lists_date"] = min(others)
    return value


def _pending(lines: list[str]) -> list[Json]:
    found: dict[str, Json] = {}
    for line in lines:
        name, installed, offered = (part.strip() for part in line.split("\t"))
        if not name or not installed or not offered:
            raise ParseError(f"updates: a pending update is not whole: {line[:80]!r}")
        found[name] = {"name": name, "installed": installed, "offered": offered}
    return [found[name] for name in sorted(found)]


def _instant(text: str) -> int:
    if text.isdecimal():
        return int(text)
    date = parsedate_to_datetime(text)
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())


FACT = Fact(
    name="updates",
    title=Text(en="Security updates not yet installed", ar="التحديثات الأمنية التي لم تُثبَّت بعد"),
    shape=record(
        manager=STR,
        known=BOOL,
        lists_date=optional(INT),
        security=ListOf(record(name=STR, installed=STR, offered=STR)),
    ),
    parse=parse,
    example={
        "manager": "apt",
        "known": True,
        "lists_date": 1795133561,
        "security": [{"name": "unzip", "installed": "6.0-28", "offered": "6.0-28+deb12u1"}],
    },
    # the archive is signed anew several times a day, so that the output of a host in order differs each night
    probes={"linux": HostProbe(script=_SCRIPT, timeout=30.0, volatile=True)},
)
