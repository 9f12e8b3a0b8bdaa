"""Through which proxy programs of the host reach the web, by the files that set it for everyone; passwords in it stay there.

What apt's files say in blocks (``Acquire { http { Proxy …``) is known from apt's own reading of them all, and told as
``apt-config``'s where no file says it in one line. Of a shell's variables those are followed that were set before, in lines
that name a proxy. RHEL's subscription-manager has a proxy in parts, through which dnf too reaches Red Hat's repositories.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import STR, ListOf, record
from auditor.model import Json, Text

_SETTING = re.compile(r"(?i)(?:^|[\s;])(?:export\s+)?(https?_proxy|all_proxy|ftp_proxy|no_proxy)\s*=\s*[\"']?([^\"'\s;]*)")
_ASSIGNED = re.compile(r"(?:^|[\s;])([A-Za-z_][A-Za-z0-9_]*)=[\"']?([^\"'\s;]*)")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_APT = re.compile(r"(?i)Acquire::(https?|ftp)::Proxy(?:::\S+)?\s+\"([^\"]*)\"")
_APT_CONFIG = "apt-config"
_RHSM = "/etc/rhsm/rhsm.conf"
_RHSM_PART = re.compile(r"proxy_(hostname|port|scheme)\s*[=:]\s*(\S*)", re.IGNORECASE)
# It may be closed for its proxy_password, which is not among what is asked for.
_RHSM_PARTS = f"/bin/grep -iE '^(\\[|proxy_(hostname|port|scheme)[[:space:]]*[=:])' {_RHSM}"
_DNF = re.compile(r"^proxy\s*=\s*(\S*)")

# The name and password of user:password@ are dropped here, before anything leaves the host, and so are dnf's proxy_password and
# its like. A password may hold an @ of its own: the last one before the path ends it.
_SCRIPT = (
    THERE + r"""
lines() {
  sed -n -E -e '/^[[:space:]]*(#|\/\/)/d' -e '/^[^=]*[Pp][Rr][Oo][Xx][Yy]_?([Pp][Aa][Ss][Ss]|[Uu][Ss][Ee][Rr])[^=]*=/d' \
    -e 's#://[^/[:space:]]*@#://#g' -e 's#([="])[^/="[:space:]]*@#\1#g' -e '/[Pp][Rr][Oo][Xx][Yy]/s/^/line=/p' "$@"
}
show() {
  for file do
    exists "$file" || continue
    [ -r "$file" ] || exit 1
    echo "file=$file"
    lines "$file" || exit 1
  done
}
listable /etc/apt/apt.conf.d /etc/profile.d /etc/environment.d
show /etc/environment /etc/environment.d/*.conf /etc/profile.d/*.sh
show /etc/apt/apt.conf
for file in /etc/apt/apt.conf.d/*; do
  # the names that apt reads; what is called 90proxy.disabled holds for nobody
  case ${file##*/} in *[!A-Za-z0-9_.-]*) continue ;; *.conf) ;; *.*) continue ;; esac
  show "$file"
done
show /etc/dnf/dnf.conf
# of the RHEL family yum.conf is a link to dnf's
[ /etc/yum.conf -ef /etc/dnf/dnf.conf ] || show /etc/yum.conf
if [ -d /etc/rhsm ]; then [ -x /etc/rhsm ] || exit 1; fi
"""
    f"""\
if [ -e {_RHSM} ]; then
  if [ -r {_RHSM} ]; then out=$({_RHSM_PARTS}); else out=$(as_root {_RHSM_PARTS}); fi
  [ $? -le 1 ] || exit 1
  echo file={_RHSM}
"""
    r"""
  [ -z "$out" ] || printf '%s\n' "$out" | sed -e 's/^\([A-Za-z_]*[[:space:]]*[=:]\).*@/\1/' -e 's/^/line=/' || exit 1
fi
if [ -e /usr/bin/apt-config ]; then
  out=$(apt-config dump) || exit 1
  echo file=apt-config
  printf '%s\n' "$out" | grep -iE '^acquire::(https?|ftp)::proxy(::[^ ]*)? ' | lines || exit 1
fi
echo end
"""
)
_LONGEST = 10_000  # characters of a value, its variables followed


def parse(output: str, _args: Arguments) -> Json:
    """``file=PATH``, or ``file=apt-config``, then its lines that name a proxy."""
    found: list[tuple[str, str, str]] = []
    said: set[tuple[str, str]] = set()  # what files said, which apt-config says again
    variables: dict[str, str] = {}
    rhsm: list[str] = []
    path = ""
    for line in whole_lines("proxy_settings", output):
        key, _, text = line.partition("=")
        if key == "file" and (text.startswith("/") or text == _APT_CONFIG):
            path = text
        elif key == "line" and path == _RHSM:
            rhsm.append(text.strip())
        elif key == "line" and path:
            told = _settings(path, text.strip(), variables)
            found += [(path, *pair) for pair in told if path != _APT_CONFIG or pair not in said]
            said.update(told)
        else:
            raise ParseError(f"proxy_settings: a line that does not belong there: {line[:80]!r}")
    found += [(_RHSM, "https_proxy", url) for url in _subscription_manager(rhsm)]
    return [{"source": source, "name": name, "url": url} for source, name, url in found]


def _subscription_manager(lines: list[str]) -> list[str]:
    """Of the section [server]; as in Python's files of settings, the last word counts."""
    parts, section = {"hostname": "", "port": "", "scheme": "http"}, ""
    for line in lines:
        if line.startswith("["):
            section = line
        elif (match := _RHSM_PART.fullmatch(line)) and section == "[server]":
            parts[match[1].lower()] = match[2]
    if not parts["hostname"]:
        return []
    return [f"{parts['scheme'] or 'http'}://{parts['hostname']}" + (f":{parts['port']}" if parts["port"] else "")]


def _settings(path: str, text: str, variables: dict[str, str]) -> list[tuple[str, str]]:
    if path.startswith("/etc/apt/") or path == _APT_CONFIG:
        if len(text) > _LONGEST:  # each of the names in a long word is sought to its end
            raise ParseError(f"proxy_settings: a line of more than {_LONGEST:,} characters: {text[:80]!r}")
        return [(f"{scheme.lower()}_proxy", url) for scheme, url in _APT.findall(text)]
    if path in ("/etc/dnf/dnf.conf", "/etc/yum.conf"):
        return [("https_proxy", url) for url in _DNF.findall(text)]
    if path == "/etc/environment":  # pam_env follows no variable there
        return [(name.lower(), url) for name, url in _SETTING.findall(text)]
    for name, value in _ASSIGNED.findall(text):
        variables[name] = _followed(value, variables)
    return [(name.lower(), _followed(url, variables)) for name, url in _SETTING.findall(text)]


def _followed(text: str, variables: dict[str, str]) -> str:
    found = _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), text)
    if len(found) > _LONGEST:  # variables that name each other grow by powers of two
        raise ParseError(f"proxy_settings: a value of more than {_LONGEST} characters")
    return found


FACT = Fact(
    name="proxy_settings",
    title=Text(en="Web proxy that the host's programs are told to use", ar="وسيط الويب الذي تستخدمه برامج المضيف"),
    shape=ListOf(record(source=STR, name=STR, url=STR)),
    parse=parse,
    version=3,
    example=[{"source": "/etc/environment", "name": "https_proxy", "url": "http://proxy.health.example:3128"}],
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_RHSM_PARTS,))},
)
