"""Apache's directives, each with the section it stands in, from the main file and what it includes of its own folders.

What stands in ``<IfModule>`` and its like counts as in force. An Include elsewhere is an error; an optional one without a match
is none. Where TLS is on and no SSLProtocol holds, its default is told there: httpd's own, and on the RHEL family what the crypto
policy of the system gives OpenSSL.

Of directives for the whole server that are set again only the last is told, where it surely holds: outside conditions, or for
a module that is loaded.
"""

from __future__ import annotations

import fnmatch
import re
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._lines import continued, whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

_ROOTS = {"/etc/apache2/apache2.conf": "/etc/apache2", "/etc/httpd/conf/httpd.conf": "/etc/httpd"}
_KEPT = {
    *("servertokens", "serversignature", "traceenable", "options", "sslprotocol", "sslciphersuite", "sslengine", "allowoverride"),
    *("header", "customlog", "errorlog", "user", "group", "loadmodule", "fileetag", "limitrequestbody", "timeout"),
}
# Since RHEL 8 mod_ssl leaves the versions to OpenSSL, as its ssl.conf says; what OpenSSL does not speak then, by its MinProtocol.
_OWN = "all -SSLv3"
_POLICY = {
    "": _OWN,
    "TLSv1": _OWN,
    "TLSv1.1": f"{_OWN} -TLSv1",
    "TLSv1.2": f"{_OWN} -TLSv1 -TLSv1.1",
    "TLSv1.3": f"{_OWN} -TLSv1 -TLSv1.1 -TLSv1.2",
}
_TRANSPARENT = re.compile(r"(?i)<(/?)(ifmodule|ifdefine|ifversion|iffile|ifdirective|ifsection)\b\s*([^>]*)")
_MODULE = re.compile(r"(?:mod_)?(\w+?)(?:\.c|_module)")
# What checks read word by word: quotes say nothing there, and a variable may stand for anything.
_WORDS = {"options", "servertokens", "sslengine", "sslprotocol", "traceenable"}
_LAST_HOLDS = {"servertokens", "serversignature", "sslprotocol", "traceenable"}
# What the probe reads of each folder.
_READ = {
    **dict.fromkeys(("conf.d", "conf-enabled", "sites-enabled", "conf.modules.d"), (".conf",)),
    "mods-enabled": (".conf", ".load"),
}

_SCRIPT = """\
if [ -x /usr/sbin/apache2 ]; then top=/etc/apache2
elif [ -x /usr/sbin/httpd ] && ! readlink /usr/sbin/httpd | grep -q busybox; then top=/etc/httpd
else printf 'installed=no\\nend\\n'; exit 0
fi
echo installed=yes
policy=/etc/crypto-policies/back-ends/opensslcnf.config
minimum=
if [ "$top" = /etc/httpd ] && [ -e "$policy" ]; then
  minimum=$(sed -n 's/^\\(TLS[.]\\)\\{0,1\\}MinProtocol *= *//p' "$policy" | tail -n 1) || exit 1
fi
echo "minimum=$minimum"
for folder in "$top" "$top"/conf "$top"/conf.d "$top"/conf-enabled "$top"/mods-enabled "$top"/sites-enabled \\
  "$top"/conf.modules.d; do
  if [ -e "$folder" ]; then [ -r "$folder" ] && [ -x "$folder" ] || exit 1; fi
done
for file in "$top"/apache2.conf "$top"/ports.conf "$top"/conf/httpd.conf "$top"/conf.d/*.conf "$top"/conf-enabled/*.conf \\
  "$top"/mods-enabled/*.load "$top"/mods-enabled/*.conf "$top"/sites-enabled/*.conf "$top"/conf.modules.d/*.conf; do
  [ -f "$file" ] || continue
  [ -r "$file" ] || exit 1
  printf '== %s\\n' "$file"
  sed -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' -e 's/^/|/' "$file" || exit 1
done
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``; or the ``minimum=`` of the crypto policy, ``== PATH`` and each file's lines after a bar."""
    lines = whole(output, "apache")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "directives": [], "modules": []}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("apache: the first line says neither installed=yes nor installed=no")
    texts: dict[str, list[str]] = {}
    # a probe before version 2 of the fact did not ask for it
    minimum = lines[1][8:].strip() if lines[1:] and lines[1].startswith("minimum=") else None
    for line in lines[1 if minimum is None else 2 :]:
        if line.startswith("== /"):
            current = texts.setdefault(line[3:].strip(), [])
        elif line.startswith("|") and texts:
            current.append(line[1:])
        else:
            raise ParseError(f"apache: a line that is no file's: {line[:80]!r}")
    main = next((path for path in _ROOTS if path in texts), None)
    if main is None:
        raise ParseError("apache: the main file is missing")
    reader = _Reader(texts, _ROOTS[main])
    reader.read(main, (), 0)
    reader.forget_overridden()
    if minimum is not None:
        _default_protocols(reader.found, minimum)
    modules: list[Json] = [str(d["value"]).split()[0].removesuffix("_module") for d in reader.found if d["name"] == "loadmodule"]
    return {"installed": True, "directives": [d for d in reader.found if d["name"] != "loadmodule"], "modules": modules}


def _default_protocols(found: list[dict[str, Json]], minimum: str) -> None:
    """Adds the versions of TLS that hold where it is on and nothing sets them."""
    told = {d["section"] for d in found if d["name"] == "sslprotocol"}
    served = [d for d in found if d["name"] == "sslengine" and str(d["value"]).lower() == "on"]
    for directive in served:
        if told & {"", directive["section"]}:
            continue
        if minimum not in _POLICY:
            raise ParseError(f"apache: the crypto policy's MinProtocol is not known: {minimum[:40]!r}")
        told.add(directive["section"])
        found.append({**directive, "name": "sslprotocol", "value": _POLICY[minimum]})


class _Reader:
    def __init__(self, texts: dict[str, list[str]], root: str) -> None:
        self._texts, self._root = texts, root
        self.found: list[dict[str, Json]] = []
        self._conditions: list[bool] = []
        self._sure: list[bool] = []  # of each that was found, whether it surely holds

    def read(self, path: str, outer: tuple[str, ...], depth: int) -> None:
        if depth > 10:
            raise ParseError("apache: includes are nested too deeply")
        sections = list(outer)
        for line in continued(self._texts[path]):
            text = line.strip()
            if condition := _TRANSPARENT.match(text):
                if not condition[1]:
                    self._conditions.append(condition[2].lower() == "ifmodule" and self._is_loaded(condition[3]))
                elif self._conditions:
                    self._conditions.pop()
                continue
            if text.startswith("</"):
                if len(sections) == len(outer):
                    raise ParseError(f"apache: {path}: a section closes that did not open: {text[:60]!r}")
                sections.pop()
            elif text.startswith("<"):
                sections.append(" ".join(text.strip("<> ").split()))
            else:
                self._directive(path, text, tuple(sections), depth)
        if len(sections) != len(outer):
            raise ParseError(f"apache: {path}: the section {sections[-1][:60]!r} does not close")

    def _directive(self, path: str, text: str, sections: tuple[str, ...], depth: int) -> None:
        # a tab parts the words as well as a blank does
        words = text.split()
        name, rest = "".join(words[:1]).lower(), " ".join(words[1:])
        if name in ("include", "includeoptional"):
            self._refuse_unread(rest.strip("\"'"))
            for included in self._included(rest.strip("\"'"), optional=name == "includeoptional"):
                self.read(included, sections, depth + 1)
        elif name in _KEPT:
            if name in _WORDS:
                rest = rest.replace('"', "").replace("'", "")
                if "${" in rest:
                    raise ParseError(f"apache: {path}: {name} has a variable, which is not followed: {rest[:60]!r}")
            self._sure.append(all(self._conditions))
            self.found.append({"name": name, "value": rest, "section": " | ".join(sections), "source": path})

    def _is_loaded(self, told: str) -> bool:
        module = _MODULE.fullmatch(told.strip().strip("\"'"))
        return module is not None and any(
            d["name"] == "loadmodule" and str(d["value"]).split()[0].removesuffix("_module") == module[1] for d in self.found
        )

    def forget_overridden(self) -> None:
        last: dict[str, int] = {}
        for at, directive in enumerate(self.found):
            if directive["section"] == "" and self._sure[at]:
                last[str(directive["name"])] = at
        self.found = [
            directive
            for at, directive in enumerate(self.found)
            if directive["section"] != "" or directive["name"] not in _LAST_HOLDS or at >= last.get(str(directive["name"]), 0)
        ]

    def _refuse_unread(self, pattern: str) -> None:
        """A pattern without a match is an empty one only where the probe reads all that it may match."""
        full = PurePosixPath(pattern if pattern.startswith("/") else f"{self._root}/{pattern}")
        folder = str(full.parent).removeprefix(f"{self._root}/")
        if "${" in pattern or (str(full) not in self._texts and not full.name.endswith(_READ.get(folder, ("\0",)))):
            raise ParseError(f"apache: includes {pattern[:60]!r}, which the probe does not read")

    def _included(self, pattern: str, *, optional: bool) -> list[str]:
        full = pattern if pattern.startswith("/") else f"{self._root}/{pattern}"
        folder = str(PurePosixPath(full).parent)
        if not full.startswith(f"{self._root}/"):
            raise ParseError(f"apache: includes {pattern[:60]!r}, which the probe does not read")
        found = sorted(p for p in self._texts if fnmatch.fnmatchcase(p, full) and str(PurePosixPath(p).parent) == folder)
        if not found and not optional and not any(c in pattern for c in "*?["):
            raise ParseError(f"apache: includes {pattern[:60]!r}, which the probe does not read")
        return found


FACT = Fact(
    name="apache",
    title=Text(en="Directives of the Apache web server", ar="توجيهات خادم الويب Apache"),
    shape=record(installed=BOOL, directives=ListOf(record(name=STR, value=STR, section=STR, source=STR)), modules=ListOf(STR)),
    parse=parse,
    version=4,
    example={
        "installed": True,
        "directives": [
            {"name": "servertokens", "value": "Prod", "section": "", "source": "/etc/apache2/conf-enabled/security.conf"}
        ],
        "modules": ["ssl", "headers"],
    },
    probes={"linux": HostProbe(script=_SCRIPT, max_bytes=1_048_576)},
)
