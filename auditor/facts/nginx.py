"""nginx: each server with what holds for it, as its files say, inheritance from http included.

Files under /etc/nginx are read (main file, conf.d, sites-enabled, default.d, snippets). An include of anything else that could
hold servers is an error; lists of parameters and types are not followed. What no file says has the default of its own version.
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
from auditor.facts._lines import whole
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
_DEFAULTS = {
    "server_tokens": "on",
    "autoindex": "off",
    "access_log": "on",
    "ssl_ciphers": "HIGH:!aNULL:!MD5",
    "ssl": "off",
}
# The protocols from a version on, as nginx's list of changes tells: RHEL 8 has 1.14, whose nginx.conf names none.
_PROTOCOLS = (((1, 27, 3), "TLSv1.2 TLSv1.3"), ((1, 23, 4), "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"), ((0,), "TLSv1 TLSv1.1 TLSv1.2"))
_MOST = 500_000  # lines, where thousands of servers include the same ones
_NAMES = {name.lower(): name for name in ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")}
# Conditions that hold for whatever came in the clear.
_CLEAR = {"($scheme=http)", "($scheme!=https)", "($https=)", "($https!=on)"}
_VERSION = re.compile(r"version=nginx version: \S+/(\d+)\.(\d+)\.(\d+)\b")

_SCRIPT = """\
server=/usr/sbin/nginx
[ -x "$server" ] || server=/usr/local/sbin/nginx
if [ ! -x "$server" ]; then printf 'installed=no\\nend\\n'; exit 0; fi
[ -r /etc/nginx ] && [ -x /etc/nginx ] || exit 1
echo installed=yes
version=$("$server" -v 2>&1 | head -n 1)
printf 'version=%s\\n' "$version"
for folder in /etc/nginx/conf.d /etc/nginx/sites-enabled /etc/nginx/default.d /etc/nginx/snippets; do
  if [ -e "$folder" ]; then [ -r "$folder" ] && [ -x "$folder" ] || exit 1; fi
done
for file in /etc/nginx/nginx.conf /etc/nginx/conf.d/* /etc/nginx/sites-enabled/* /etc/nginx/default.d/* /etc/nginx/snippets/*; do
  [ -f "$file" ] || continue
  [ -r "$file" ] || exit 1
  printf '== %s\\n' "$file"
  sed 's/^/|/' "$file" || exit 1
done
echo end
"""


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
        level = _Level(inner)
        found = ((list(reader.deep(d.inner or (), 0)), d.source) for d in inner if d.words == ("server",))
        for own, source in found:
            servers.append(_server(own, level, protocols, source, reader.budget))
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
        if folder not in _FOLDERS or (not found and not any(c in full for c in "*?[")):
            raise ParseError(f"nginx: includes {pattern[:60]!r}, which the probe does not read")
        return found


class _Level:
    """The directives of one block by their names."""

    def __init__(self, block: Iterable[Directive]) -> None:
        self._words: dict[str, list[tuple[str, ...]]] = {}
        self._joined: dict[str, list[str]] = {}
        for directive in block:
            self._words.setdefault("".join(directive.words[:1]), []).append(directive.words[1:])

    def words(self, name: str) -> list[tuple[str, ...]]:
        """The words behind that name, of each of its directives in order."""
        return self._words.get(name, [])

    def values(self, name: str) -> list[str]:
        """The same as texts."""
        if name not in self._joined:
            self._joined[name] = [" ".join(words) for words in self.words(name)]
        return self._joined[name]


def _server(directives: list[Directive], http: _Level, protocols: str, source: str, budget: Budget) -> Json:
    defaults = {**_DEFAULTS, "ssl_protocols": protocols}
    own = _Level(directives)

    def values(name: str) -> list[str]:
        found = own.values(name) or http.values(name) or [defaults[name]]
        budget.line(*found)  # what holds for all servers is told of each
        return found

    def value(name: str) -> str:
        return values(name)[-1]

    listens = own.words("listen") or [("80",)]
    headers = own.words("add_header") or http.words("add_header")
    names = [word for words in own.words("server_name") for word in words]
    # before nginx 1.25.1 `ssl on` made every address of the server one of TLS
    everywhere = value("ssl").lower() == "on"
    ciphered = [everywhere or "ssl" in words or words[0].endswith(":443") or words[0] == "443" for words in listens]
    tls = any(ciphered)
    # lines of one level add up, and case does not count
    protocols_told = [_NAMES.get(word.lower(), word) for line in values("ssl_protocols") for word in line.split()]
    if tls and not protocols_told:
        raise ParseError(f"nginx: {source}: no file names the protocols of TLS, and nginx does not tell its version")
    listened: list[Json] = [" ".join(words) for words in listens]
    told: list[Json] = [" ".join(words[:2]) for words in headers]
    budget.line(*map(str, told))
    return {
        "name": names[0] if names and names[0] != "_" else str(listened[0]),
        "source": source,
        "listens": listened,
        "tls": tls,
        "plain": not all(ciphered),
        "redirects": _redirects(directives),
        "server_tokens": value("server_tokens"),
        "autoindex": value("autoindex").lower() == "on" or _indexed(directives),
        "access_log": value("access_log").split()[0] != "off",
        "protocols": [*dict.fromkeys(protocols_told)],
        "ciphers": value("ssl_ciphers"),
        "headers": told,
    }


def _indexed(block: Iterable[Directive]) -> bool:
    """Whether a place in the block, at any depth, lists its folders; nginx does not mind the case of `on`."""
    return any(" ".join(d.words).lower() == "autoindex on" or _indexed(d.inner or ()) for d in block)


def _redirects(own: Iterable[Directive]) -> bool:
    """Whether nothing but a way on to https, or a refusal, answers what comes to a server in the clear.

    The server itself sends on; or it does so for some names and refuses all else, as certbot writes it; or its ``location /``
    does, and so does each other location but those under /.well-known/, where a certification authority looks for its proof.
    """
    own = tuple(own)
    if _sends_on(own):
        return True
    named = any(d.words[0] == "if" and d.words[1:3] == ("($host", "=") and _sends_on(d.inner or ()) for d in own if d.words)
    if named and any(_refuses(d.words) for d in own):
        return True
    locations = [d for d in own if d.words[:1] == ("location",)]
    answering = [d for d in locations if not d.words[-1].lstrip("^").replace("\\", "").startswith("/.well-known/")]
    return any(d.words[1:] in (("/",), ("^~", "/")) for d in answering) and all(
        _sends_on(d.inner or ()) or any(_refuses(i.words) for i in d.inner or ()) for d in answering
    )


def _sends_on(block: Iterable[Directive]) -> bool:
    for directive in block:
        if directive.words[:1] == ("return",) and _is_way_on(directive.words[1:]):
            return True
        if directive.words[:1] == ("if",) and "".join(directive.words[1:]) in _CLEAR and _sends_on(directive.inner or ()):
            return True
    return False


def _is_way_on(words: tuple[str, ...]) -> bool:
    # a code that is no redirection makes the address a text that is shown
    return words[-1:] != () and words[-1].startswith("https://") and (len(words) == 1 or words[0].startswith("30"))


def _refuses(words: tuple[str, ...]) -> bool:
    return words[:1] == ("return",) and words[1:2] != () and words[1].startswith("4")


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
    version=4,
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
