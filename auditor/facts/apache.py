"""Apache's directives, each with the section it stands in, from the main file and what it includes of its own folders.

What stands in ``<IfModule>`` and its like counts as in force; it is ``conditional`` unless the module is one that was loaded
before. An Include of what the probe does not read is an error; an optional
one without a match is none. Where TLS is on and no SSLProtocol holds, its default is told there: httpd's own, and on the RHEL
family what the crypto policy of the system gives OpenSSL.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._budget import Budget, Folders
from auditor.facts._in_force import IN_FORCE, RUNNING
from auditor.facts._lines import whole
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, optional, record
from auditor.model import Json, Text

_ROOTS = {"/etc/apache2/apache2.conf": "/etc/apache2", "/etc/httpd/conf/httpd.conf": "/etc/httpd"}
_KEPT = {
    *("servertokens", "serversignature", "traceenable", "options", "sslprotocol", "sslciphersuite", "sslengine", "allowoverride"),
    *("header", "customlog", "errorlog", "user", "group", "loadmodule", "fileetag", "limitrequestbody", "timeout"),
}
# What the words of these say is what checks judge: quotes around them are nothing.
_WORDS = _KEPT - {"header", "customlog", "errorlog"}
_VARIABLE = _WORDS - {"user", "group"}  # Debian's own files have the account from the environment
_LAST_HOLDS = {"servertokens", "serversignature", "sslprotocol", "traceenable"}
_FOLDERS = ("conf.d", "conf-enabled", "mods-enabled", "sites-enabled", "conf.modules.d")
_SINGLE = ("apache2.conf", "ports.conf", "conf/httpd.conf")
_CERTBOT = "/etc/letsencrypt/options-ssl-apache.conf"  # what certbot has each host include for which it fetched a certificate
# Since RHEL 8 mod_ssl leaves the versions to OpenSSL, as its ssl.conf says; what OpenSSL does not speak then, by its MinProtocol.
_OWN = "all -SSLv3"
_POLICY = {
    "": _OWN,
    "TLSv1": _OWN,
    "TLSv1.1": f"{_OWN} -TLSv1",
    "TLSv1.2": f"{_OWN} -TLSv1 -TLSv1.1",
    "TLSv1.3": f"{_OWN} -TLSv1 -TLSv1.1 -TLSv1.2",
}
_MOST = 500_000  # lines, where thousands of hosts include the same ones
_DEEPEST = 50  # sections within sections; real ones have a handful
_TRANSPARENT = re.compile(r"(?i)</?(ifmodule|ifdefine|ifversion|iffile|ifdirective|ifsection)\b")

_FILES = " ".join(f'"$top"/{name}' for name in (*_SINGLE, *(f"{folder}/*" for folder in _FOLDERS))) + f" {_CERTBOT}"

# The server writes the file with its number anew each time it has read its files. Where that is closed to the login, as on the
# RHEL family, the oldest of its children tells, all of which begin anew then.
# A line that ends in a backslash goes on, a comment too: all of it is left out. A single blank line may end what goes on.
_SCRIPT = (
    """\
if [ -x /usr/sbin/apache2 ]; then top=/etc/apache2
elif [ -x /usr/sbin/httpd ] && ! readlink /usr/sbin/httpd | grep -q busybox; then top=/etc/httpd
else printf 'installed=no\\nend\\n'; exit 0
fi
echo installed=yes
"""
    + THERE
    + IN_FORCE
    + RUNNING
    + f"""\
policy=/etc/crypto-policies/back-ends/opensslcnf.config
minimum=
if [ "$top" = /etc/httpd ] && [ -e "$policy" ]; then
  minimum=$(sed -n 's/^\\(TLS[.]\\)\\{{0,1\\}}MinProtocol *= *//p' "$policy" | tail -n 1) || exit 1
fi
echo "minimum=$minimum"
for folder in . conf {" ".join(_FOLDERS)}; do
  listable "$top/$folder"
done
read_at=
for folder in /run/apache2 /run/httpd; do
  if [ ! -d "$folder" ]; then continue; fi
  if [ ! -x "$folder" ]; then
    workers=
    for process in $(running apache2 httpd); do
      parent=$(sed -n 's/^PPid:[[:space:]]*//p' "$process/status" 2>/dev/null)
      case $(cat "/proc/$parent/comm" 2>/dev/null) in apache2|httpd) workers="$workers $process" ;; esac
    done
    read_at=$(oldest $workers) || exit 1
    continue
  fi
  pidfile=$folder/${{folder##*/}}.pid
  {{ read -r number <"$pidfile"; }} 2>/dev/null || continue
  case $(cat "/proc/$number/comm" 2>/dev/null) in apache2|httpd) read_at=$(stat -c %Y "$pidfile") || exit 1 ;; esac
done
if [ -n "$read_at" ]; then
  in_force Apache "$read_at" reload {_FILES} {" ".join(f'"$top"/{folder}' for folder in _FOLDERS)}
  if [ -n "$minimum" ]; then in_force Apache "$read_at" restart "$policy"; fi
fi
for file in {_FILES}; do
  if [ -d "$file" ]; then printf 'folder=%s\\n' "$file"; continue; fi
  exists "$file" && [ -f "$file" ] || continue
  if [ ! -r "$file" ]; then printf 'unread=%s\\n' "$file"; continue; fi
  printf '== %s\\n' "$file"
  lines=$(tr -d '\\r' <"$file") || exit 1
  printf '%s\\n' "$lines" | sed -n -e '/^[[:space:]]*#/{{' -e ':comment' -e '/[\\]$/{{' -e n -e 'b comment' -e '}}' -e d \\
    -e '}}' -e '/^[[:space:]]*$/d' -e ':line' -e '/[\\]$/{{' -e 's/^/|/p' -e n -e 'b line' -e '}}' -e 's/^/|/p' || exit 1
done
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``; or the ``minimum=`` of the crypto policy, ``== PATH`` and each file's lines after a bar,

    and ``folder=PATH`` or ``unread=PATH`` of what else lies among them.
    """
    lines = whole(output, "apache")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "directives": [], "modules": []}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("apache: the first line says neither installed=yes nor installed=no")
    texts: dict[str, list[str] | None] = {}
    current: list[str] = []
    # a probe before version 2 of the fact did not ask for it
    minimum = lines[1][8:].strip() if lines[1:] and lines[1].startswith("minimum=") else None
    for line in lines[1 if minimum is None else 2 :]:
        if line.startswith("== /"):
            texts[line[3:].strip()] = current = []
        elif line.startswith(("folder=/", "unread=/")):
            texts[line[7:].strip()] = None
        elif line.startswith("|") and texts:
            current.append(line[1:])
        else:
            raise ParseError(f"apache: a line that is no file's: {line[:80]!r}")
    main = next((path for path in _ROOTS if path in texts), None)
    if main is None:
        raise ParseError("apache: the main file is missing")
    reader = _Reader(texts, _ROOTS[main])
    reader.read(main, (), 0)
    reader.found = _in_force(reader.found)
    if minimum is not None:
        _default_protocols(reader.found, minimum)
    modules: list[Json] = [str(d["value"]).split()[0].removesuffix("_module") for d in reader.found if d["name"] == "loadmodule"]
    return {"installed": True, "directives": [d for d in reader.found if d["name"] != "loadmodule"], "modules": modules}


def _in_force(found: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Without what a later line for the whole server surely overrides."""
    last = {
        str(d["name"]): at
        for at, d in enumerate(found)
        if not d["section"] and "conditional" not in d and d["name"] in _LAST_HOLDS
    }
    return [d for at, d in enumerate(found) if d["section"] or at >= last.get(str(d["name"]), 0)]


def _default_protocols(found: list[dict[str, Json]], minimum: str) -> None:
    """Adds the versions of TLS that hold where it is on and nothing sets them."""
    told = {d["section"] for d in found if d["name"] == "sslprotocol" and "conditional" not in d}
    served = [d for d in found if d["name"] == "sslengine" and str(d["value"]).lower() == "on"]
    for directive in served:
        if told & {"", directive["section"]}:
            continue
        if minimum not in _POLICY:
            raise ParseError(f"apache: the crypto policy's MinProtocol is not known: {minimum[:40]!r}")
        told.add(directive["section"])
        found.append({**directive, "name": "sslprotocol", "value": _POLICY[minimum]})


class _Reader:
    def __init__(self, texts: dict[str, list[str] | None], root: str) -> None:
        self._texts, self._root = texts, root
        self._loaded: set[str] = set()
        self._budget = Budget("apache: the directives with their sections and what is included", _MOST)
        self._folders = Folders("apache", texts, self._budget)
        self._known: dict[str, list[str]] = {}
        self.found: list[dict[str, Json]] = []

    def read(self, path: str, outer: tuple[str, ...], depth: int, *, certain: bool = True) -> None:
        if depth > 10:
            raise ParseError("apache: includes are nested too deeply")
        lines = self._texts[path]
        if lines is None:
            raise ParseError(f"apache: includes {path[:60]!r}, which the probe does not read")
        if path not in self._known:
            self._known[path] = _logical(lines)
        sections = list(outer)
        within = " | ".join(sections)
        conditions: list[bool] = []
        doubts = 0
        self._budget.line(within)
        for text in self._known[path]:
            self._budget.line(text)
            if _TRANSPARENT.match(text):
                if not text.startswith("</"):
                    conditions.append(self._holds(text))
                    doubts += not conditions[-1]
                elif conditions:
                    doubts -= not conditions.pop()
                continue
            if text.startswith("</"):
                if len(sections) == len(outer):
                    raise ParseError(f"apache: {path}: a section closes that did not open: {text[:60]!r}")
                sections.pop()
                within = " | ".join(sections)
            elif text.startswith("<"):
                if len(sections) >= _DEEPEST:
                    raise ParseError(f"apache: {path}: sections are nested too deeply: {text[:60]!r}")
                sections.append(" ".join(text.strip("<> ").split()))
                within = " | ".join(sections)
                self._budget.line(within)
            else:
                self._directive(path, text, sections, within, depth, certain=certain and not doubts)
        if len(sections) != len(outer):
            raise ParseError(f"apache: {path}: the section {sections[-1][:60]!r} does not close")

    def _holds(self, text: str) -> bool:
        """Whether a condition surely holds: that a module is there which was loaded before."""
        match = re.fullmatch(r"(?i)<ifmodule\s+[\"']?(?:mod_)?(\w+?)(?:_module|[.]c)[\"']?\s*>", text)
        return match is not None and match[1] in self._loaded

    def _directive(self, path: str, text: str, sections: list[str], within: str, depth: int, *, certain: bool) -> None:
        # a tab parts the words as well as a blank does
        first, _, rest = " ".join(text.split()).partition(" ")
        name, words = first.lower(), _words(text)[1:]
        if name in ("include", "includeoptional"):
            # Apache itself takes one argument, and does not start with more
            for included in self._included(words[0] if len(words) == 1 else rest, optional=name == "includeoptional"):
                self.read(included, tuple(sections), depth + 1, certain=certain)
        elif name == "serverroot" and words and words[0].rstrip("/") != self._root:
            raise ParseError(f"apache: ServerRoot is {words[0][:60]!r}, below which the probe does not read")
        elif name in _KEPT:
            self._budget.line(within)
            value = " ".join(words) if name in _WORDS else rest
            open_ended = [word for section in sections if section.lower().startswith("macro ") for word in section.split()[2:]]
            if name in _VARIABLE and any(word in value for word in ("${", *open_ended)):
                raise ParseError(f"apache: {path}: {first} is set by a variable, which is not followed: {value[:60]!r}")
            if name == "loadmodule" and certain:
                self._loaded |= {word.removesuffix("_module") for word in words[:1]}
            unsure: dict[str, Json] = {} if certain else {"conditional": True}
            self.found.append({"name": name, "value": value, "section": within, "source": path, **unsure})

    def _included(self, pattern: str, *, optional: bool) -> list[str]:
        full = PurePosixPath(self._root, pattern)
        among = any(full.parent == PurePosixPath(self._root, folder) for folder in _FOLDERS)
        single = any(full == PurePosixPath(self._root, name) for name in (*_SINGLE, _CERTBOT))
        # a name that begins with a dot is matched by no pattern of the probe's, and these two are not read alike everywhere
        if not single and not (among and full.name[:1] not in ".?[" and "[^" not in full.name and "\\" not in full.name):
            raise ParseError(f"apache: includes {pattern[:60]!r}, which the probe does not read")
        found = self._folders.matching(str(full))
        if not found and not optional and not any(c in pattern for c in "*?["):
            raise ParseError(f"apache: includes {pattern[:60]!r}, which the probe does not read")
        return found


def _logical(lines: list[str]) -> list[str]:
    """A file's lines as Apache takes them: joined where one ends in a backslash, with nothing between, and only then comments."""
    joined = "\n".join(lines).replace("\\\n", "").split("\n")
    texts = [text for line in joined if (text := line.strip()) and not text.startswith("#")]
    # a directive's own name may stand in quotes, and so may what opens a section
    return [f"{_words(text)[0]} {_WORD.sub('', text, count=1).strip()}" if text[0] in "\"'" else text for text in texts]


_WORD = re.compile(r"""\s*(?:"((?:\\["\\]|[^"])*)"?|'((?:\\['\\]|[^'])*)'?|(\S+))""")


def _words(text: str) -> list[str]:
    """The words as Apache parts them: in quotes, where a backslash stands before a quote or another backslash, or by blanks."""
    return [
        bare if bare else re.sub(r"\\([\"\\])", r"\1", double) if double else re.sub(r"\\(['\\])", r"\1", single)
        for double, single, bare in _WORD.findall(text.strip())
    ]


FACT = Fact(
    name="apache",
    title=Text(en="Directives of the Apache web server", ar="توجيهات خادم الويب Apache"),
    shape=record(
        installed=BOOL,
        directives=ListOf(record(name=STR, value=STR, section=STR, source=STR, conditional=optional(BOOL))),
        modules=ListOf(STR),
    ),
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
