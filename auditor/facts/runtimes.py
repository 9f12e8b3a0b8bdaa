"""Languages and databases that are installed, by branch, and the end of their makers' support.

``own`` is whether the distribution itself looks after the branch, as it does with what it was released with; then its own end
of support counts (``os_release``), not the maker's. A branch left over from the release before, or from a third party, is not
its own, nor is a package that the maker builds itself. On the RHEL family the vendor's name tells; streams of modules that
ended before their release are not told apart.
Programs that no package installed are known by the version in their name or folder alone; nothing is run to ask it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from auditor.errors import ParseError
from auditor.facts._lifetimes import ENDS, OWN
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_SCRIPT = r"""
os() { sed -n -e "s/\"//g" -e "s/^$1=//p" /etc/os-release; }
id=$(os ID) && release=$(os VERSION_ID) || exit 1
printf 'id=%s\nrelease=%s\n' "$id" "$release"
if [ -s /var/lib/dpkg/status ]; then
  out=$(dpkg-query -W -f 'dpkg\t${db:Status-Abbrev}\t${Package}\t${Version}\t\n') || exit 1
elif [ -e /usr/bin/rpm ]; then
  out=$(rpm -qa --qf 'rpm\tii\t%{NAME}\t%{VERSION}-%{RELEASE}\t%{VENDOR}\n') || exit 1
else
  exit 1
fi
tab=$(printf '\t')
kept=$(printf '%s\n' "$out" | grep -E \
  -e "^[a-z]+$tab.[^nc][^$tab]*$tab(php[0-9.]*(-(common|cli))?|nodejs|ruby[0-9.]*|python[23]\.[0-9]+|python2|python3[0-9]+)$tab" \
  -e "^[a-z]+$tab.[^nc][^$tab]*$tab(postgresql(-?[0-9.]+)?(-server)?|(mariadb|mysql)-server(-[0-9.]+)?|mongodb-org-server)$tab" \
  -e "^[a-z]+$tab.[^nc][^$tab]*$tab(mysql-community-server(-core)?|openjdk-[0-9]+-(jre|jdk)-headless)$tab" \
  -e "^[a-z]+$tab.[^nc][^$tab]*$tab(java-[0-9.]+-openjdk-headless|temurin-[0-9]+-(jre|jdk)|zulu[0-9]+-ca)$tab")
[ $? -le 1 ] || exit 1
if [ -n "$kept" ]; then printf '%s\n' "$kept" | sort || exit 1; fi
for file in /usr/local/bin/python[23].[0-9]* /usr/local/bin/php[5-9].[0-9]* /opt/*/bin/python[23].[0-9]*; do
  case $file in *-config|*-gdb.py|*'*'*) continue ;; esac
  if [ -f "$file" ]; then printf 'file=%s\n' "$file"; fi
done
for file in /opt/*/release /usr/local/*/release /usr/lib/jvm/*/release; do
  if [ ! -f "$file" ] || [ -L "${file%/release}" ]; then continue; fi
  java=$(sed -n 's/^JAVA_VERSION="\([0-9._]*\).*/\1/p' "$file") || exit 1
  if [ -n "$java" ]; then printf 'java=%s\t%s\n' "${file%/release}" "$java"; fi
done
echo end
"""

_NAMES: tuple[tuple[str, str], ...] = (
    ("php", r"php[0-9.]*(-(common|cli))?"),
    ("nodejs", r"nodejs"),
    ("postgresql", r"postgresql-?[0-9.]+(-server)?|postgresql-server"),
    ("mariadb", r"mariadb-server(-[0-9.]+)?"),
    ("mysql", r"mysql-server(-[0-9.]+)?|mysql-community-server(-core)?"),
    ("python", r"python[23]\.[0-9]+|python2|python3[0-9]+"),
    ("java", r"openjdk-[0-9]+-(jre|jdk)-headless|java-[0-9.]+-openjdk-headless|temurin-[0-9]+-(jre|jdk)|zulu[0-9]+-ca"),
    ("mongodb", r"mongodb-org-server"),
    ("ruby", r"ruby[0-9.]+|ruby"),
)
_FOREIGN = re.compile(r"sury|nodesource|pgdg|maria~|ondrej|ppa|deadsnakes|dotdeb|remi", re.IGNORECASE)
_MAKER_S_OWN = re.compile(r"mysql-community|temurin|zulu|mongodb-org")
_MAKERS = re.compile(r"red hat|rocky|almalinux|centos|oracle america", re.IGNORECASE)
_WHOLE = frozenset({"nodejs", "java"})  # a branch of these is one number; of PostgreSQL since 10


def parse(output: str, _args: Arguments) -> Json:
    """``id=``, ``release=``, lines of the package manager with tabs between, ``file=<path>``, ``java=<folder><TAB><version>``."""
    lines = whole_lines("runtimes", output)
    heads = dict(line.split("=", 1) for line in lines[:2])
    if list(heads) != ["id", "release"]:
        raise ParseError("runtimes: the release of the system is missing")
    system = (heads["id"], heads["release"] if heads["id"] == "ubuntu" else heads["release"].partition(".")[0])
    found: dict[str, dict[str, Json]] = {}
    packaged_java: set[str] = set()
    for line in lines[2:]:
        key, _, text = line.partition("=")
        if key == "file" and (match := re.search(r"/(python|php)([0-9]+\.[0-9]+)\Z", text)):
            _add(found, match[1], match[2], text, own=False)
        elif key == "java":
            folder, _, version = text.partition("\t")
            branch = _branch("java", version)
            if not (folder.startswith("/usr/lib/jvm/") and branch in packaged_java):
                _add(found, "java", branch, folder, own=False)
        elif line.startswith(("dpkg\t", "rpm\t")):
            manager, _, name, version, vendor = (part.strip() for part in f"{line}\t\t".split("\t")[:5])
            product = next((product for product, names in _NAMES if re.fullmatch(names, name)), "")
            branch = _branch(product, re.sub(r"^[0-9]+:", "", version)) if product else ""
            if not branch or (manager == "dpkg" and name in ("php", "php-cli", "php-common", "python2", "ruby", "mysql-server")):
                continue  # an empty package that only names the default
            if product == "java":
                packaged_java.add(branch)
            if manager == "rpm":  # EPEL's packages, on another system than Fedora, are Fedora's
                own = bool(_MAKERS.search(vendor)) or (system[0] == "fedora" and "fedora" in vendor.lower())
            else:
                own = f"{product} {branch}" in OWN.get(system, frozenset()) and not _MAKER_S_OWN.match(name)
            _add(found, product, branch, f"{name} {version}", own=own and not _FOREIGN.search(f"{version} {vendor}"))
        elif key != "file":
            raise ParseError(f"runtimes: a line that does not belong there: {line[:80]!r}")
    return [found[name] for name in sorted(found)]


def _branch(product: str, version: str) -> str:
    numbers = re.findall(r"[0-9]+", re.split(r"[-+~]", version)[0])
    if product == "java" and numbers[:1] == ["1"]:
        numbers = numbers[1:]
    single = product in _WHOLE or (product == "postgresql" and int(numbers[0]) >= 10)
    return ".".join(numbers[: 1 if single else 2])


def _add(found: dict[str, dict[str, Json]], product: str, branch: str, source: str, *, own: bool) -> None:
    name = f"{product} {branch}"
    if name in found and not own:
        found[name].update(own=False, source=source)
    if name in found:
        return
    found[name] = {"name": name, "source": source, "own": own}
    if branch in ENDS[product]:
        day = datetime.fromisoformat(ENDS[product][branch]).replace(hour=23, minute=59, second=59, tzinfo=UTC)
        found[name]["eol"] = int(day.timestamp())


FACT = Fact(
    name="runtimes",
    title=Text(en="Languages and databases, and the end of their support", ar="لغات البرمجة وقواعد البيانات وموعد انتهاء دعمها"),
    shape=ListOf(record(name=STR, source=STR, own=BOOL, eol=optional(INT))),
    parse=parse,
    example=[{"name": "php 7.4", "source": "php7.4-common 7.4.33-8+deb12u1", "own": False, "eol": 1669679999}],
    probes={"linux": HostProbe(script=_SCRIPT)},
)
