"""Through which proxy programs of the host reach the web, by the files that set it for everyone; passwords in it stay there."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import STR, ListOf, record
from auditor.model import Json, Text

_SETTING = re.compile(r"(?i)(?:^|[\s;])(?:export\s+)?(https?_proxy|all_proxy|ftp_proxy|no_proxy)\s*=\s*[\"']?([^\"'\s;]*)")
_APT = re.compile(r"(?i)Acquire::(https?|ftp)::Proxy(?:::\S+)?\s+\"([^\"]*)\"")
_DNF = re.compile(r"^proxy\s*=\s*(\S*)")

# The name and password of user:password@ are dropped here, before anything leaves the host.
_SCRIPT = r"""
show() {
  for file do
    [ -e "$file" ] || continue
    [ -r "$file" ] || exit 1
    echo "file=$file"
    sed -n -E -e '/^[[:space:]]*(#|\/\/)/d' -e 's#://[^/@[:space:]]*@#://#g' \
      -e '/[Pp][Rr][Oo][Xx][Yy]/s/^/line=/p' "$file" || exit 1
  done
}
for folder in /etc/apt/apt.conf.d /etc/profile.d /etc/environment.d; do
  if [ -d "$folder" ]; then [ -r "$folder" ] && [ -x "$folder" ] || exit 1; fi
done
show /etc/environment /etc/environment.d/*.conf /etc/profile.d/*.sh
show /etc/apt/apt.conf /etc/apt/apt.conf.d/* /etc/dnf/dnf.conf /etc/yum.conf
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``file=PATH``, then its lines that name a proxy."""
    found: list[Json] = []
    path = ""
    for line in whole_lines("proxy_settings", output):
        key, _, text = line.partition("=")
        if key == "file" and text.startswith("/"):
            path = text
        elif key == "line" and path:
            found += _settings(path, text.strip())
        else:
            raise ParseError(f"proxy_settings: a line that does not belong there: {line[:80]!r}")
    return found


def _settings(path: str, text: str) -> list[Json]:
    if path.startswith("/etc/apt/"):
        pairs = [(f"{scheme.lower()}_proxy", url) for scheme, url in _APT.findall(text)]
    elif path in ("/etc/dnf/dnf.conf", "/etc/yum.conf"):
        pairs = [("https_proxy", url) for url in _DNF.findall(text)]
    else:
        pairs = [(name.lower(), url) for name, url in _SETTING.findall(text)]
    return [{"source": path, "name": name, "url": url} for name, url in pairs]


FACT = Fact(
    name="proxy_settings",
    title=Text(en="Web proxy that the host's programs are told to use", ar="وسيط الويب الذي تستخدمه برامج المضيف"),
    shape=ListOf(record(source=STR, name=STR, url=STR)),
    parse=parse,
    example=[{"source": "/etc/environment", "name": "https_proxy", "url": "http://proxy.health.example:3128"}],
    probes={"linux": HostProbe(script=_SCRIPT)},
)
