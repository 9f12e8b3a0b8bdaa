"""The package sources of apt, in both of its notations, with what each is trusted for and what its archive calls itself.

``origin`` and ``codename`` are what the Release file says that was last fetched from the source; empty when there is none, as
where it is ``unfetched``.
Of a source that names a list of mirrors on the host, as Debian's images for clouds do, each mirror is told as a source.
A line that apt itself would refuse is a ParseError: with it apt works from no source at all.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._apt_config import truth
from auditor.facts._budget import Budget
from auditor.facts._lines import files, whole, without_blank_head
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, optional, record
from auditor.model import Json, Text

# Login data inside an address and keys written into a source stay on the target. The folder takes *.list and *.sources alone,
# and of them only names of letters, digits, `_`, `-` and `.`.
_SCRIPT = (
    THERE
    + r"""
if [ ! -e /usr/bin/apt-config ]; then
  printf 'installed=no\nend\n'
  exit 0
fi
out=$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d lists Dir::State::lists/d) || exit 1
eval "$out"
[ -n "$list" ] && [ -n "$parts" ] && [ -n "$lists" ] || exit 1
os() { sed -n -e "s/\"//g" -e "s/^$1=//p" /etc/os-release; }
id=$(os ID) && code=$(os VERSION_CODENAME) || exit 1
printf 'installed=yes\nid=%s\ncodename=%s\n' "$id" "$code"
mirrors=
listable "${parts%/}"
for file in "$list" "$parts"*.list "$parts"*.sources; do
  case ${file##*/} in *[!A-Za-z0-9_.-]*) continue ;; esac
  exists "$file" || continue
  [ -r "$file" ] || exit 1
  text=$(sed -e 's#://[^/[:space:]]*@#://#g' -e '/^[[:space:]][[:space:]]*[A-Za-z0-9+/=]\{40,\}[[:space:]]*$/d' "$file") || exit 1
  printf '%s\n' "$text" | while IFS= read -r line; do printf '%s:%s\n' "$file" "$line"; done
  named=$(printf '%s\n' "$text" | sed '/^[[:space:]]*#/d' | tr ' \t' '\n\n' |
    sed -nE 's#^"?mirror\+(file|copy):(//)?(/[^"]*).*#\3#p') || exit 1
  mirrors="$mirrors
$named"
done
printf '%s\n' "$mirrors" | sort -u | while IFS= read -r file; do
  exists "$file" || continue
  [ -r "$file" ] || exit 1
  printf 'mirrors=%s\n' "$file"
  sed -n -e 's/^[[:space:]]*//' -e '/^[^#]/!d' -e 's/[[:space:]].*//' -e 's#://[^/]*@#://#' -e 's/^/mirror=/p' "$file" || exit 1
done || exit 1
echo releases
listable "${lists%/}"
for release in "$lists"*InRelease "$lists"*_Release; do
  if [ ! -e "$release" ]; then continue; fi
  text=$(sed -n -e '/^[A-Za-z0-9]*:[[:space:]]*$/q' -e '/^Origin:/p' -e '/^Codename:/p' "$release") || exit 1
  printf 'release=%s\n%s\n' "${release##*/}" "$text"
done
echo end
"""
)

_WORD = re.compile(r'(?:\[[^\]]*\]|"[^"]*"|[^\s"\[])+')
_MOST = 20_000
_LONGEST = 4096  # characters of a line that is a source
_FLAGS = ("trusted", "allow_insecure", "allow_weak", "allow_downgrade_to_insecure")
Options = dict[str, str]
Source = dict[str, Json]


def parse(output: str, _args: Arguments) -> Json:
    """``installed=``, ``id=``, ``codename=``; ``path:line`` of the sources; ``releases``; ``release=`` and its fields."""
    lines = without_blank_head([line.rstrip() for line in whole(output, "apt_sources")])
    if lines == ["installed=no"]:
        return {"installed": False, "id": "", "codename": "", "sources": []}
    heads = [line.partition("=") for line in lines[:3]]
    if [head[0] for head in heads] != ["installed", "id", "codename"] or heads[0][2] != "yes" or lines.count("releases") != 1:
        raise ParseError("apt_sources: the head or the list of releases is missing")
    middle = lines.index("releases")
    releases = _releases(lines[middle + 1 :])
    mirrors = _mirrors([line for line in lines[3:middle] if line.startswith(("mirrors=", "mirror="))])
    texts = [line for line in lines[3:middle] if line and not line.startswith(("mirrors=", "mirror="))]
    sources: dict[str, Source] = {}
    budget = Budget("apt_sources: the types, addresses and suites", _MOST, "sources")
    for path, text in files(texts, "apt_sources").items():
        told = _deb822(text, budget) if path.endswith(".sources") else _one_line(text)
        for kind, options, address, suite, components, mirror in (
            (*one, mirror) for one in told for mirror in _mirrored(one[2], mirrors, budget)
        ):
            source = _source(path, kind, options, address, suite, components, releases, mirror)
            known = sources.setdefault(str(source["name"]), source)
            for flag in _FLAGS:  # named twice: apt takes the more trusting of both
                known[flag] = bool(known[flag]) or bool(source[flag])
            known["check_valid_until"] = bool(known["check_valid_until"]) and bool(source["check_valid_until"])
    return {"installed": True, "id": heads[1][2].lower(), "codename": heads[2][2], "sources": list(sources.values())}


def _mirrors(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        key, _, text = line.partition("=")
        if key == "mirrors":
            listed = found.setdefault(text, [])
        elif found:
            listed.append(text)
    return found


def _mirrored(address: str, mirrors: dict[str, list[str]], budget: Budget) -> list[str]:
    """The addresses from which apt really fetches: those of the list of mirrors that an address names, or itself."""
    match = re.fullmatch(r"(?i)mirror\+(?:file|copy):(?://)?(/.*)", address.strip('"'))
    if match is None:
        return [address]
    if not mirrors.get(match[1]):
        raise ParseError(f"apt_sources: the list of mirrors {match[1][:60]!r} was not read, or names none")
    budget.spend(len(mirrors[match[1]]))
    return mirrors[match[1]]


def _releases(lines: list[str]) -> dict[str, dict[str, str]]:
    """Origin and code name by the name that apt gives the file of a source's Release."""
    found: dict[str, dict[str, str]] = {}
    fields: dict[str, str] = {}
    for line in lines:
        key, sign, value = line.partition("=" if line.startswith("release=") else ":")
        if key == "release":
            end = next((end for end in ("_InRelease", "_Release") if value.endswith(end)), "")
            fields = found.setdefault(value.removesuffix(end), {})
        elif sign and key in ("Origin", "Codename"):
            fields[key] = value.strip()
        elif line:
            raise ParseError(f"apt_sources: a line that does not belong to a Release file: {line[:80]!r}")
    return found


def _one_line(lines: list[str]) -> list[tuple[str, Options, str, str, list[str]]]:
    found = []
    for line in lines:
        if len(line) > _LONGEST:  # brackets that do not close are each sought to the end of the line
            raise ParseError(f"apt_sources: a line of more than {_LONGEST:,} characters: {line[:80]!r}")
        text = re.match(r"(?:[^#\[]|\[[^\]]*\]|\[)*", line)
        words = _WORD.findall(text[0] if text else "")
        if not words:
            continue
        options: Options = {}
        kind = words.pop(0)
        if words and words[0].startswith("["):
            for pair in words.pop(0).strip("[]").split():
                key, sign, value = pair.partition("=")
                if not sign:
                    raise ParseError(f"apt_sources: an option without a value: {line[:80]!r}")
                options[key.rstrip("+-").lower()] = value
        if kind not in ("deb", "deb-src") or len(words) < 2 or not (words[1].endswith("/") or len(words) > 2):
            raise ParseError(f"apt_sources: a line that apt refuses: {line[:80]!r}")
        found.append((kind, options, words[0], words[1].strip('"'), words[2:]))
    return found


def _deb822(lines: list[str], budget: Budget) -> list[tuple[str, Options, str, str, list[str]]]:
    found = []
    for fields in _stanzas(lines):
        if not truth(fields.get("enabled", ""), default=True):
            continue
        kinds, addresses, suites = (fields.get(key, "").split() for key in ("types", "uris", "suites"))
        if not kinds or not addresses or not suites or not {*kinds} <= {"deb", "deb-src"}:
            raise ParseError("apt_sources: a stanza that apt refuses: types, URIs or suites are missing or unknown")
        components = fields.get("components", "").split()
        budget.spend(len(kinds) * len(addresses) * len(suites) * (1 + sum(map(len, fields.values())) // 8192))
        found += [(kind, fields, uri, suite, components) for kind in kinds for uri in addresses for suite in suites]
    return found


def _stanzas(lines: list[str]) -> list[Options]:
    stanzas: list[dict[str, list[str]]] = [{}]
    key = ""
    for line in lines:
        if line.startswith("#"):
            continue
        if not line.strip():
            stanzas.append({})
            key = ""
        elif line[0] in " \t":
            if not key:
                raise ParseError(f"apt_sources: a line that continues nothing: {line[:80]!r}")
            stanzas[-1][key].append(line.strip())
        else:
            key, sign, value = line.partition(":")
            key = key.strip().lower()
            if not sign or not key:
                raise ParseError(f"apt_sources: a line that is not a field: {line[:80]!r}")
            stanzas[-1][key] = [value.strip()]
    return [{key: "\n".join(told) for key, told in stanza.items()} for stanza in stanzas if stanza]


def _source(
    path: str,
    kind: str,
    options: Options,
    address: str,
    suite: str,
    components: list[str],
    releases: dict[str, dict[str, str]],
    mirror: str,
) -> Source:
    # apt names what it fetched after what the source says, whichever mirror it came from
    uri = re.sub(r"://[^/\s]*@", "://", address.strip('"')).rstrip("/")
    place = f"{uri}/{suite}".rstrip("/") if suite.endswith("/") else f"{uri}/dists/{suite}"
    file = re.sub(r"\A[^:/]*:(//)?", "", place)
    uri = re.sub(r"://[^/\s]*@", "://", mirror.strip('"')).rstrip("/")
    scheme, _, rest = uri.partition(":")
    host = rest[2:].partition("/")[0].partition(":")[0].lower() if rest.startswith("//") else ""
    quoted = re.sub(r"""[^!-~]|[\\|{}\[\]<>"^~_=!@#$%&*]""", lambda c: f"%{ord(c[0]):02x}", file)  # as apt's URItoFileName
    told = releases.get(quoted.replace("/", "_"), {})
    by = options.get("signed-by", "").strip()
    return {
        "name": f"{kind} {uri} {suite}",
        "file": path,
        "type": kind,
        "scheme": scheme.lower(),
        "host": host,
        "suite": suite,
        "components": [*components],
        "signed_by": "inline" if "BEGIN PGP" in by else " ".join(by.split()),
        "trusted": truth(options.get("trusted", ""), default=False),
        "allow_insecure": truth(options.get("allow-insecure", ""), default=False),
        "allow_weak": truth(options.get("allow-weak", ""), default=False),
        "allow_downgrade_to_insecure": truth(options.get("allow-downgrade-to-insecure", ""), default=False),
        "check_valid_until": truth(options.get("check-valid-until", ""), default=True),
        "origin": told.get("Origin", ""),
        "codename": told.get("Codename", ""),
        "distribution": told.get("Origin") in ("Debian", "Ubuntu") or host.endswith((".debian.org", ".ubuntu.com")),
        **({} if quoted.replace("/", "_") in releases else {"unfetched": True}),
    }


FACT = Fact(
    name="apt_sources",
    title=Text(en="Package sources of apt", ar="مصادر الحزم في apt"),
    shape=record(
        installed=BOOL,
        id=STR,
        codename=STR,
        sources=ListOf(
            record(
                name=STR,
                file=STR,
                type=STR,
                scheme=STR,
                host=STR,
                suite=STR,
                components=ListOf(STR),
                signed_by=STR,
                trusted=BOOL,
                allow_insecure=BOOL,
                allow_weak=BOOL,
                allow_downgrade_to_insecure=BOOL,
                check_valid_until=BOOL,
                origin=STR,
                codename=STR,
                distribution=BOOL,
                unfetched=optional(BOOL),
            )
        ),
    ),
    parse=parse,
    version=3,
    example={
        "installed": True,
        "id": "debian",
        "codename": "bookworm",
        "sources": [
            {
                "name": "deb http://deb.debian.org/debian-security bookworm-security",
                "file": "/etc/apt/sources.list",
                "type": "deb",
                "scheme": "http",
                "host": "deb.debian.org",
                "suite": "bookworm-security",
                "components": ["main"],
                "signed_by": "",
                "trusted": False,
                "allow_insecure": False,
                "allow_weak": False,
                "allow_downgrade_to_insecure": False,
                "check_valid_until": True,
                "origin": "Debian",
                "codename": "bookworm-security",
                "distribution": True,
            }
        ],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
