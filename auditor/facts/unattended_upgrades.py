"""What unattended-upgrades would install by itself, what it is told to leave out, and whom it tells.

``security`` is whether its patterns take in the distribution's security archive, matched as it matches them against what
that archive calls itself.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch

from auditor.errors import ParseError
from auditor.facts._apt_config import Settings, on, settings
from auditor.facts._budget import Budget
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

_SCRIPT = r"""
if [ ! -e /usr/bin/unattended-upgrade ]; then
  printf 'installed=no\nend\n'
  exit 0
fi
out=$(apt-config dump) || exit 1
os() { sed -n -e "s/\"//g" -e "s/^$1=//p" /etc/os-release; }
id=$(os ID) && code=$(os VERSION_CODENAME) || exit 1
printf 'installed=yes\nid=%s\ncodename=%s\n' "$id" "$code"
lists=/var/lib/apt/lists
[ -r "$lists" ] && [ -x "$lists" ] || exit 1
for release in "$lists"/*_dists_*InRelease; do
  case $release in *debian-security_dists_*|*_dists_*-security_*) ;; *) continue ;; esac
  if [ ! -e "$release" ]; then continue; fi
  suite=$(sed -n -e '/^[A-Za-z0-9]*:[[:space:]]*$/q' -e 's/^Suite: *//p' "$release") || exit 1
  echo "suite=$suite"
done
kept=$(printf '%s\n' "$out" | grep -iE \
  -e '^unattended-upgrade::(origins-pattern|allowed-origins|package-blacklist|package-whitelist)(::)? ' \
  -e '^unattended-upgrade::(mail|mailreport|automatic-reboot) ')
[ $? -le 1 ] || exit 1
if [ -n "$kept" ]; then printf '%s\n' "$kept" | sed 's/^/set=/' || exit 1; fi
echo end
"""

_NAMES = {"o": "origin", "l": "label", "a": "suite", "archive": "suite", "n": "codename", "c": "component"}
_LONGEST = 255  # characters of a name or of what stands for one
_KEY = "unattended-upgrade::"


def parse(output: str, _args: Arguments) -> Json:
    """``installed=``, ``id=``, ``codename=``, ``suite=`` per security archive, ``set=`` and a line of apt-config's."""
    lines = whole_lines("unattended_upgrades", output)
    if lines == ["installed=no"]:
        return _value({}, {}, [])
    heads = dict(line.split("=", 1) for line in lines[:3])
    if list(heads) != ["installed", "id", "codename"] or heads["installed"] != "yes":
        raise ParseError("unattended_upgrades: the head is missing")
    told: list[str] = []
    suites: list[str] = []
    for line in lines[3:]:
        key, _, text = line.partition("=")
        if key not in ("set", "suite"):
            raise ParseError(f"unattended_upgrades: a line that does not belong there: {line[:80]!r}")
        (told if key == "set" else suites).append(text)
    return _value(heads, settings(told, "unattended_upgrades"), suites)


def _value(heads: dict[str, str], found: Settings, suites: list[str]) -> Json:
    distribution, codename = heads.get("id", "").capitalize(), heads.get("codename", "")
    if len(distribution) + len(codename) > _LONGEST:  # they stand in any number of patterns
        raise ParseError(f"unattended_upgrades: no name of a distribution: {distribution[:40]!r} {codename[:40]!r}")
    patterns = [
        text.replace("${distro_id}", distribution).replace("${distro_codename}", codename)
        for text in (*found.get(f"{_KEY}origins-pattern", []), *map(_legacy, found.get(f"{_KEY}allowed-origins", [])))
    ]
    if distribution == "Ubuntu":
        archives = [{"origin": "Ubuntu", "label": "Ubuntu", "suite": f"{codename}-security", "codename": codename}]
    else:
        label = {"origin": "Debian", "label": "Debian-Security", "codename": f"{codename}-security"}
        archives = [{**label, "suite": suite} for suite in dict.fromkeys(suites or ["stable-security", "oldstable-security"])]
    budget = Budget("unattended_upgrades: the patterns, each held against each archive,")
    return {
        "installed": bool(heads),
        "id": heads.get("id", ""),
        "origins": [*patterns],
        "security": bool(heads) and any(_matches(pattern, archives, budget) for pattern in patterns),
        "blacklist": [*found.get(f"{_KEY}package-blacklist", [])],
        "only_listed": [*found.get(f"{_KEY}package-whitelist", [])],
        "mail": found.get(f"{_KEY}mail", [""])[0],
        "mail_report": found.get(f"{_KEY}mailreport", ["on-change"])[0].lower() if heads else "",
        "automatic_reboot": on(found, f"{_KEY}automatic-reboot", default=False),
    }


def _legacy(text: str) -> str:
    """``Ubuntu:noble-security`` as the pattern that it stands for."""
    origin, _, suite = text.partition(":") if ":" in text else text.partition(" ")
    return f"o={origin},a={suite.strip()}"


def _matches(pattern: str, archives: list[dict[str, str]], budget: Budget) -> bool:
    """All of the pattern's terms match an archive, with wildcards. An unknown term matches none.

    The site does not tell archives apart.
    """
    terms = [term.strip() for term in re.split(r"(?<!\\),", pattern) if term.strip()]
    for term in terms:
        key, sign, wanted = term.partition("=")
        name, wanted = _NAMES.get(key.strip(), key.strip()), wanted.strip()
        if len(wanted) > _LONGEST:  # a bracket is sought to the end of the pattern
            raise ParseError(f"unattended_upgrades: a pattern of more than {_LONGEST} characters: {wanted[:60]!r}")
        budget.spend(len(archives) + wanted.count("[") * len(wanted) // 80)
        if name == "component":
            archives = archives if fnmatch("main", wanted) else []
        elif name != "site":
            archives = [one for one in archives if sign and name in one and fnmatch(one[name], wanted)]
    return bool(terms and archives)


FACT = Fact(
    name="unattended_upgrades",
    title=Text(en="What unattended-upgrades installs and reports", ar="ما تثبّته unattended-upgrades تلقائيًا وما تُبلغ عنه"),
    shape=record(
        installed=BOOL,
        id=STR,
        origins=ListOf(STR),
        security=BOOL,
        blacklist=ListOf(STR),
        only_listed=ListOf(STR),
        mail=STR,
        mail_report=STR,
        automatic_reboot=BOOL,
    ),
    parse=parse,
    example={
        "installed": True,
        "id": "debian",
        "origins": ["origin=Debian,codename=bookworm-security,label=Debian-Security"],
        "security": True,
        "blacklist": [],
        "only_listed": [],
        "mail": "it@gov.example",
        "mail_report": "on-change",
        "automatic_reboot": False,
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
