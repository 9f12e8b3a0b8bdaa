"""nginx: each server with what holds for it, as its files say, inheritance from http included.

Files under /etc/nginx are read (main file, conf.d, sites-enabled, default.d, snippets), and certbot's options. An include of
anything else that could hold servers is an error; lists of parameters and types are not followed. What no file says has the
default of its own version.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._blocks import Directive, parse_blocks
from auditor.facts._budget import Budget, Folders
from auditor.facts._in_force import IN_FORCE, RUNNING
from auditor.facts._lines import whole
from auditor.facts._nginx_server import Level, ciphered_addresses, server
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

_MAIN = "/etc/nginx/nginx.conf"
_IGNORED = (
    "mime.types",
    "fastcgi_params",
    "uwsgi_params",
    "scgi_params",
    "proxy_params",
    "fastcgi.conf",
    "koi-*",
    "win-utf",
    "*modules-enabled/*",
    "*/modules/*.conf",
    "/usr/share/nginx/modules/*",
)
_FOLDERS = {f"/etc/nginx/{name}" for name in ("conf.d", "sites-enabled", "default.d", "snippets")}
_CERTBOT = "/etc/letsencrypt/options-ssl-nginx.conf"  # what certbot has each server include for which it fetched a certificate
# The protocols from a version on, as nginx's list of changes tells: RHEL 8 has 1.14, whose nginx.conf names none.
_PROTOCOLS = (((1, 27, 3), "TLSv1.2 TLSv1.3"), ((1, 23, 4), "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"), ((0,), "TLSv1 TLSv1.1 TLSv1.2"))
_MOST = 500_000  # lines, where thousands of servers include the same ones
_VERSION = re.compile(r"version=nginx version: \S+/(\d+)\.(\d+)\.(\d+)\b")

# All workers begin anew when the server is told to read its files again; those of before go on only until their connections are
# over. One that died is replaced too, with the settings of before: the oldest tells.
_SCRIPT = (
    """\
server=/usr/sbin/nginx
[ -x "$server" ] || server=/usr/local/sbin/nginx
if [ ! -x "$server" ]; then printf 'installed=no\\nend\\n'; exit 0; fi
[ -r /etc/nginx ] && [ -x /etc/nginx ] || exit 1
echo installed=yes
"""
    + THERE
    + IN_FORCE
    + RUNNING
    + """\
version=$("$server" -v 2>&1 | head -n 1)
printf 'version=%s\\n' "$version"
listable /etc/nginx/conf.d /etc/nginx/sites-enabled /etc/nginx/default.d /etc/nginx/snippets
workers=
for process in $(running nginx); do
  title=$({ tr '\\000' ' ' <"$process/cmdline"; } 2>/dev/null)
  case $title in 'nginx: worker process is'*) continue ;; 'nginx: worker process'*) ;; *) continue ;; esac
  workers="$workers $process"
done
first=$(oldest $workers) || exit 1
kept='/etc/nginx/nginx.conf /etc/nginx/conf.d/* /etc/nginx/sites-enabled/* /etc/nginx/default.d/* /etc/nginx/snippets/*
  /etc/letsencrypt/options-ssl-nginx.conf'
if [ -n "$first" ]; then
  in_force nginx "$first" reload $kept /etc/nginx/conf.d /etc/nginx/sites-enabled /etc/nginx/default.d /etc/nginx/snippets
fi
for file in $kept; do
  exists "$file" && [ -f "$file" ] || continue
  [ -r "$file" ] || exit 1
  printf '== %s\\n' "$file"
  sed 's/^/|/' "$file" || exit 1
done
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``; or what nginx says of its version, then ``== PATH`` and each file's lines after a bar."""
    lines = whole(output, "nginx")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "servers": []}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("nginx: the first line says neither installed=yes nor installed=no")
    texts: dict[str, list[str]] = {}
    told = lines[1:2] if lines[1:2] and lines[1].startswith("version=") else []
    protocols = _protocols(told[0]) if told else ""
    for line in lines[1 + len(told) :]:
        if line.startswith("== /"):
            current = texts.setdefault(line[3:].strip(), [])
        elif line.startswith("|") and texts:
            current.append(line[1:])
        else:
            raise ParseError(f"nginx: a line that is no file's: {line[:80]!r}")
    if _MAIN not in texts:
        raise ParseError(f"nginx: {_MAIN} is missing")
    reader = _Reader({path: "\n".join(text) for path, text in texts.items()})
    servers: list[Json] = []
    for http in (d for d in reader.read(_MAIN, 0) if d.words == ("http",)):
        inner = list(reader.expanded(http.inner or (), 0))
        level = Level(inner)
        secured = ciphered_addresses(d.inner or () for d in inner if d.words == ("server",))
        found = ((list(reader.deep(d.inner or (), 0)), d.source) for d in inner if d.words == ("server",))
        for own, source in found:
            servers.append(server(own, level, protocols, secured, source, reader.budget))
    return {"installed": True, "servers": servers}


def _protocols(told: str) -> str:
    """The protocols that are spoken where no file names any; none where nginx does not tell its version."""
    version = _VERSION.match(told)
    return next(value for since, value in _PROTOCOLS if tuple(map(int, version.groups())) >= since) if version else ""


class _Reader:
    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts
        self.budget = Budget("nginx: the directives with what is included, and what holds for each server,", _MOST)
        self._folders = Folders("nginx", texts, self.budget)
        self._known: dict[str, tuple[Directive, ...]] = {}
        self._patterns: dict[str, list[str]] = {}

    def read(self, path: str, depth: int) -> Iterable[Directive]:
        if path not in self._known:
            self._known[path] = parse_blocks(self._texts[path], path, "nginx")
        self.budget.spend()
        return self.expanded(self._known[path], depth)

    def expanded(self, directives: Iterable[Directive], depth: int) -> Iterable[Directive]:
        """The directives with includes put in place."""
        if depth > 10:
            raise ParseError("nginx: includes are nested too deeply")
        for directive in directives:
            self.budget.line(*directive.words)
            if directive.words[:1] != ("include",):
                yield directive
                continue
            pattern = directive.words[1]
            if pattern not in self._patterns:
                self._patterns[pattern] = self._included(pattern)
            for path in self._patterns[pattern]:
                yield from self.read(path, depth + 1)

    def deep(self, directives: Iterable[Directive], depth: int) -> Iterable[Directive]:
        """The same with those inside them, at every depth."""
        for directive in self.expanded(directives, depth):
            yield directive if directive.inner is None else replace(directive, inner=tuple(self.deep(directive.inner, depth + 1)))

    def _included(self, pattern: str) -> list[str]:
        full = pattern if pattern.startswith("/") else f"/etc/nginx/{pattern}"
        if any(fnmatch.fnmatchcase(full, i) or fnmatch.fnmatchcase(PurePosixPath(full).name, i) for i in _IGNORED):
            return []
        folder = str(PurePosixPath(full).parent)
        found = self._folders.matching(full)
        # of /etc/nginx itself the probe reads the main file alone, so a file there that is included is not among the texts
        if (folder not in _FOLDERS and full != _CERTBOT) or (not found and not any(c in full for c in "*?[")):
            raise ParseError(f"nginx: includes {pattern[:60]!r}, which the probe does not read")
        return found


FACT = Fact(
    name="nginx",
    title=Text(en="Servers of nginx with their settings", ar="خوادم nginx وإعداداتها"),
    shape=record(
        installed=BOOL,
        servers=ListOf(
            record(
                name=STR, source=STR, listens=ListOf(STR), tls=BOOL, plain=BOOL, redirects=BOOL, server_tokens=STR,
                autoindex=BOOL, access_log=BOOL, protocols=ListOf(STR), ciphers=STR, headers=ListOf(STR),
            )
        ),
    ),
    parse=parse,
    version=5,
    example={
        "installed": True,
        "servers": [
            {
                "name": "www.health.example",
                "source": "/etc/nginx/sites-enabled/www",
                "listens": ["443 ssl"],
                "tls": True,
                "plain": False,
                "redirects": False,
                "server_tokens": "off",
                "autoindex": False,
                "access_log": True,
                "protocols": ["TLSv1.2", "TLSv1.3"],
                "ciphers": "HIGH:!aNULL",
                "headers": ["Strict-Transport-Security max-age=31536000"],
            }
        ],
    },
    probes={"linux": HostProbe(script=_SCRIPT, max_bytes=1_048_576)},
)  # fmt: skip
