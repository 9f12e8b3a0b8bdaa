"""The repositories of dnf or yum that are switched on, and how strictly each is verified, by the daemon's own precedence.

A key in a repository's section counts before the one in ``[main]``, and that before dnf's default. Of two sections of one
name the later file's keys count, as dnf reads them. Variables such as ``$releasever`` stay as written.
Settings of dnf 5 that lie elsewhere are not read: where there are any, nothing is known.
"""

from __future__ import annotations

import configparser
import re

from auditor.errors import ParseError
from auditor.facts._lines import files, whole, without_blank_head
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

# Names and passwords, in addresses or as keys, stay on the target; a file that only root may read hides a repository.
_SCRIPT = (
    THERE
    + r"""
if [ ! -e /usr/bin/dnf ] && [ ! -e /usr/bin/dnf5 ] && [ ! -e /usr/bin/yum ] && [ ! -e /usr/bin/microdnf ]; then
  printf 'installed=no\nend\n'
  exit 0
fi
echo installed=yes
config=/etc/dnf/dnf.conf
if [ ! -e "$config" ]; then config=/etc/yum.conf; fi
set -- "$config"
for file in /etc/dnf/libdnf5.conf.d/*.conf /usr/share/dnf5/libdnf.conf.d/*.conf \
  /etc/dnf/repos.override.d/*.repo /usr/share/dnf5/repos.override.d/*.repo; do
  if exists "$file"; then exit 1; fi
done
listable /etc/yum.repos.d /etc/yum/repos.d /etc/distro.repos.d /usr/share/dnf5/repos.d
for file in "$@" /etc/yum.repos.d/*.repo /etc/yum/repos.d/*.repo /etc/distro.repos.d/*.repo /usr/share/dnf5/repos.d/*.repo; do
  exists "$file" || continue
  [ -r "$file" ] || exit 1
  text=$(sed -n -e 's#://[^/[:space:]]*@#://#g' -e '/^[[:space:]]*[#;]/d' \
    -e '/^[[:space:]]*\(username\|password\|proxy[a-z_]*\)[[:space:]]*[=:]/d' -e '/[^[:space:]]/p' "$file") || exit 1
  printf '%s:\n' "$file"
  printf '%s\n' "$text" | while IFS= read -r line; do printf '%s:%s\n' "$file" "$line"; done
done
echo end
"""
)

_YES = frozenset({"1", "yes", "true", "on"})
_NO = frozenset({"0", "no", "false", "off"})
_JUDGED = frozenset({"enabled", "gpgcheck", "pkg_gpgcheck", "repo_gpgcheck", "localpkg_gpgcheck", "sslverify", "reposdir"})
_URLS = ("baseurl", "mirrorlist", "metalink")
Sections = dict[str, dict[str, str]]


def parse(output: str, _args: Arguments) -> Json:
    """``installed=``, then the configuration and the repositories' files as ``path:line``."""
    lines = without_blank_head([line.rstrip() for line in whole(output, "dnf_repositories")])
    if lines == ["installed=no"]:
        return {"installed": False, "local_gpgcheck": False, "repositories": []}
    if lines[:1] != ["installed=yes"]:
        raise ParseError("dnf_repositories: whether dnf is installed is missing")
    sections: Sections = {}
    places: dict[str, str] = {}
    for path, text in files([line for line in lines[1:] if line], "dnf_repositories").items():
        for name, keys in _sections(path, text).items():
            sections.setdefault(name, {}).update(keys)
            places[name] = path
    main = sections.pop("main", {})
    if main.get("reposdir"):
        raise ParseError("dnf_repositories: [main] names other folders of repositories (reposdir), which are not read")
    repositories = [_repository(name, keys, main, places[name]) for name, keys in sections.items()]
    return {
        "installed": True,
        "local_gpgcheck": _truth(main, {}, "localpkg_gpgcheck", default=False),
        "repositories": [repository for repository in repositories if repository],
    }


def _sections(path: str, text: list[str]) -> Sections:
    reader = configparser.ConfigParser(
        interpolation=None, strict=False, default_section="\n", comment_prefixes=("#", ";"), delimiters=("=",)
    )
    reader.optionxform = str  # type: ignore[assignment,method-assign]
    # configparser's pattern takes the square of a run of blanks; how many there are within a line says nothing.
    short = [line[: len(line) - len(line.lstrip())] + re.sub(r"\s{2,}", " ", line.lstrip()) for line in text]
    try:
        reader.read_string("\n".join(short))
    except configparser.Error as error:
        raise ParseError(f"dnf_repositories: {path}: a line that dnf refuses: {str(error)[:80]!r}") from error
    found = {name: dict(reader[name]) for name in reader.sections()}
    # yum takes keys in any case, dnf passes over those that are not in small letters: nobody knows here which of the two it is
    for key in (key for keys in found.values() for key in keys):
        if key not in _JUDGED and key.lower() in _JUDGED:
            raise ParseError(f"dnf_repositories: {path}: {key} is not in small letters, and dnf passes over it")
    return found


def _repository(name: str, keys: dict[str, str], main: dict[str, str], path: str) -> dict[str, Json]:
    """The repository as dnf would use it; empty when it is switched off."""
    if not _truth(keys, {}, "enabled", default=True):
        return {}
    urls = [url for key in _URLS for url in re.split(r"[\s,]+", keys.get(key, "")) if url]
    hosts = {
        re.sub(r"^[a-z0-9+.-]+://([^/:]*).*$", r"\1", url.lower()) for url in urls if "://" in url and not url.startswith("file:")
    }
    schemes = {url.partition("://")[0].lower() if "://" in url else "file" for url in urls}
    priority = keys.get("priority", "99")
    verified = _truth(keys, main, "gpgcheck", default=False)
    if _truth(keys, main, "pkg_gpgcheck", default=verified) is not verified:
        raise ParseError(f"dnf_repositories: {name}: gpgcheck and pkg_gpgcheck, which dnf 5 alone knows, say different things")
    return {
        "id": name,
        "file": path,
        "gpgcheck": verified,
        "repo_gpgcheck": _truth(keys, main, "repo_gpgcheck", default=False),
        "sslverify": _truth(keys, main, "sslverify", default=True),
        "hosts": [*sorted(hosts)],
        "schemes": [*sorted(schemes)],
        "keys": [key for key in re.split(r"[\s,]+", keys.get("gpgkey", "")) if key],
        "priority": int(priority) if re.fullmatch(r"[0-9]{1,9}", priority) else 99,
    }


def _truth(keys: dict[str, str], main: dict[str, str], name: str, *, default: bool) -> bool:
    for place in (keys, main):
        word = place.get(name, "").strip().lower()
        if word in _YES or word in _NO:
            return word in _YES
        if word:
            raise ParseError(f"dnf_repositories: {name} is neither yes nor no: {word[:40]!r}")
    return default


FACT = Fact(
    name="dnf_repositories",
    title=Text(en="Repositories of dnf and how they are verified", ar="مستودعات dnf وطريقة التحقق منها"),
    shape=record(
        installed=BOOL,
        local_gpgcheck=BOOL,
        repositories=ListOf(
            record(
                id=STR,
                file=STR,
                gpgcheck=BOOL,
                repo_gpgcheck=BOOL,
                sslverify=BOOL,
                hosts=ListOf(STR),
                schemes=ListOf(STR),
                keys=ListOf(STR),
                priority=INT,
            )
        ),
    ),
    parse=parse,
    version=2,
    example={
        "installed": True,
        "local_gpgcheck": False,
        "repositories": [
            {
                "id": "baseos",
                "file": "/etc/yum.repos.d/rocky.repo",
                "gpgcheck": True,
                "repo_gpgcheck": False,
                "sslverify": True,
                "hosts": ["mirrors.rockylinux.org"],
                "schemes": ["https"],
                "keys": ["file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9"],
                "priority": 99,
            }
        ],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
