"""The SSH server's effective settings, as the daemon itself states them (``sshd -T``), so that Include and Match count.

``sshd -T`` answers for a connection that no Match block meets. What Match blocks change is therefore read from the
configuration files beside it: each block is one entry of ``match_blocks``, holding the settings in force inside it. What the
running server was given on its command line (the crypto policy of RHEL 8) is unknown to ``sshd -T`` and overrides it.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._lines import Files, files, number, whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_LISTS = ("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms")
_USERS = ("allowusers", "allowgroups", "denyusers", "denygroups")
_MATCHABLE_INTS = ("maxauthtries", "clientaliveinterval", "clientalivecountmax", "maxsessions")
_MATCHABLE_WORDS = (
    "permitrootlogin",
    "permitemptypasswords",
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "pubkeyauthentication",
    "hostbasedauthentication",
    "ignorerhosts",
    "x11forwarding",
    "allowtcpforwarding",
    "allowagentforwarding",
    "loglevel",
    "banner",
)
_INTS = (*_MATCHABLE_INTS, "logingracetime")
_WORDS = (*_MATCHABLE_WORDS, "permituserenvironment", "usepam", "strictmodes", "maxstartups", "printlastlog")
_OLD_NAMES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
}
_MAIN = "/etc/ssh/sshd_config"
_READ = ("/etc/ssh/sshd_config.d",)
_NO_MATCH_INSIDE = ("/etc/crypto-policies/",)  # lists of algorithms, which sshd refuses inside Match
_WITH_ARGUMENT = "CEbcfghkopu"  # sshd's options that take one
_MAX_DEPTH = 16  # sshd's own limit of nested Include
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``sshd -T``'s lines, ``== files`` and the configuration files as ``path:line``, ``== started`` and
    the command lines of running servers.
    """
    lines = whole(output, "sshd")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("sshd: the first line says neither installed=yes nor installed=no")
    border = next((i for i, line in enumerate(lines) if line.strip() == "== files"), None)
    if border is None:
        raise ParseError("sshd: the output does not hold the configuration files")
    after = next((i for i, line in enumerate(lines) if line.strip() == "== started"), len(lines))
    value = {**_settings(lines[1:border]), **_given(lines[after + 1 :])}
    blocks = _Blocks(files(lines[border + 1 : after], "sshd"))
    blocks.read(_MAIN, (), 0)
    value["match_blocks"] = [_inside(value, " & ".join(criteria), own) for criteria, own in blocks.found]
    return value


def _settings(lines: list[str]) -> dict[str, Json]:
    ports: list[Json] = []
    users: dict[str, list[Json]] = {name: [] for name in (*_USERS, "authenticationmethods")}
    value: dict[str, Json] = {"installed": True}
    for line in lines:
        keyword, _, rest = line.strip().partition(" ")
        name, rest = keyword.lower(), rest.strip()
        if name in _OLD_NAMES:
            # old servers print both names; the new one decides
            if _OLD_NAMES[name] in value:
                continue
            name = _OLD_NAMES[name]
        if name == "port":
            ports.append(number(rest, "sshd: port"))
        elif name in users:
            users[name].extend(rest.split())
        elif name in value and name not in _OLD_NAMES.values():
            raise ParseError(f"sshd: {name} is stated twice")
        elif name in _LISTS:
            value[name] = [word.strip() for word in rest.split(",") if word.strip()]
        elif name in _INTS:
            value[name] = number(rest, f"sshd: {name}")
        elif name in _WORDS:
            value[name] = _word(name, rest)
    if "permitrootlogin" not in value or not ports:
        raise ParseError("sshd: the output of sshd -T is not whole: permitrootlogin or port is missing")
    return {**value, "port": ports, **users}


def _given(lines: list[str]) -> dict[str, Json]:
    """The settings on the command line of the running servers, which must agree on them."""
    servers = [_options(re.split(r"[\t ]+", line.strip())) for line in lines]
    if any(server != servers[0] for server in servers):
        raise ParseError("sshd: several servers run, with different settings on their command lines")
    value: dict[str, Json] = {}
    for name, text in servers[0].items() if servers else ():
        if name in _LISTS:
            if text[:1] in ("+", "-", "^"):
                raise ParseError(f"sshd: {name} is changed on the server's command line by {text[:80]!r}")
            value[name] = [word for word in text.split(",") if word]
        elif name in _INTS:
            value[name] = _seconds(text, name)
        elif name in _WORDS:
            value[name] = _word(name, text)
    return value


def _options(words: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        letter = next((c for c in word[1:] if c in _WITH_ARGUMENT), "") if word.startswith("-") else ""
        if not letter:
            continue
        argument = word[word.index(letter, 1) + 1 :] or next(rest, "")
        if letter == "f" and argument != _MAIN:
            raise ParseError(f"sshd: the running server reads {argument[:80]!r}, which the probe does not ask")
        if letter == "o":
            name, equals, text = argument.partition("=")
            name = _OLD_NAMES.get(name.lower(), name.lower())
            given.setdefault(name, text if equals else next(rest, ""))  # sshd keeps the first
    return given


def _word(name: str, text: str) -> str:
    if not text:
        raise ParseError(f"sshd: {name} has no value")
    if name == "banner":
        return "none" if text.lower() == "none" else text
    if name == "loglevel":
        return text.upper()
    # without-password is the old name of prohibit-password, and OpenSSH still prints it
    return "prohibit-password" if text.lower() == "without-password" else text.lower()


class _Blocks:
    """Walks the configuration as sshd does: Include in place, and a Match in an included file ends with that file."""

    def __init__(self, dumped: Files) -> None:
        self._dumped = dumped
        self.found: list[tuple[tuple[str, ...], dict[str, list[str]]]] = []

    def read(self, path: str, criteria: tuple[str, ...], depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ParseError(f"sshd: Include is nested too deeply at {path}")
        outer = criteria
        own: dict[str, list[str]] | None = None
        for text in self._dumped.get(path, []):
            words = _words(text, path)
            if not words:
                continue
            keyword = words[0].lower()
            if keyword == "match":
                criteria, own = (*outer, " ".join(words[1:])), None
            elif keyword == "include":
                for pattern in words[1:]:
                    for name in self._included(pattern):
                        self.read(name, criteria, depth + 1)
            elif criteria:
                if own is None:
                    own = {}
                    self.found.append((criteria, own))
                name = _OLD_NAMES.get(keyword, keyword)
                if name in _USERS:
                    own.setdefault(name, []).extend(words[1:])  # of these sshd takes every line
                else:
                    own.setdefault(name, words[1:])  # sshd keeps the first

    def _included(self, pattern: str) -> list[str]:
        wanted = PurePosixPath(pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}")
        if str(wanted).startswith(_NO_MATCH_INSIDE):
            return []
        if str(wanted.parent) not in _READ:
            raise ParseError(f"sshd: the configuration includes {pattern}, which the probe does not read")
        return sorted(
            name
            for name in self._dumped
            if PurePosixPath(name).parent == wanted.parent and fnmatch.fnmatchcase(PurePosixPath(name).name, wanted.name)
        )


def _words(text: str, path: str) -> list[str]:
    text = re.sub(r"^(\s*\w+)\s*=\s*", r"\1 ", text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.escape = ""
    try:
        return list(lexer)
    except ValueError as error:
        raise ParseError(f"sshd: {path}: {text[:80]!r}: {error}") from error


def _inside(outside: dict[str, Json], criteria: str, own: dict[str, list[str]]) -> Json:
    block: dict[str, Json] = {"match": criteria, "authenticationmethods": outside["authenticationmethods"]}
    for name in (*_MATCHABLE_INTS, *_MATCHABLE_WORDS):
        if name in own:
            text = " ".join(own[name])
            block[name] = _seconds(text, name) if name in _MATCHABLE_INTS else _word(name, text)
        elif name in outside:
            block[name] = outside[name]
    if "authenticationmethods" in own:
        block["authenticationmethods"] = list(own["authenticationmethods"])
    # the lists of a block take the place of those outside it
    return {**block, **{name: list(own.get(name, ())) or outside[name] for name in _USERS}}


def _seconds(text: str, name: str) -> int:
    """A number, or a time such as ``1h30m``."""
    if len(text) > 32 or not re.fullmatch(r"(?=.)(?:[0-9]+[smhdwSMHDW])*[0-9]*", text):
        raise ParseError(f"sshd: {name}: {text[:40]!r} is neither a number nor a time")
    return sum(int(digits) * _SECONDS[unit.lower()] for digits, unit in re.findall(r"([0-9]+)([a-zA-Z]?)", text))


_BLOCK = record(
    match=STR,
    authenticationmethods=ListOf(STR),
    **{name: optional(ListOf(STR)) for name in _USERS},
    **{name: optional(INT) for name in _MATCHABLE_INTS},
    **{name: optional(STR) for name in _MATCHABLE_WORDS},
)

# Only root's listeners, and not those of containers; the count of connections in their titles differs each night.
_STARTED = r"""
for process in /proc/[0-9]*; do
  { read -r name <"$process/comm"; } 2>/dev/null || continue
  if [ "$name" != sshd ] || [ "$(stat -c %u "$process" 2>/dev/null)" != 0 ]; then continue; fi
  if grep -qE 'docker|kubepods|libpod|lxc|machine' "$process/cgroup" 2>/dev/null; then continue; fi
  line=$({ tr '\000\n' '\t ' <"$process/cmdline"; } 2>/dev/null) || continue
  case $line in 'sshd: /'*|/*) printf '%s\n' "${line%% \[listener\]*}" ;; esac
done | sort -u || exit 1
"""

FACT = Fact(
    name="sshd",
    title=Text(en="Effective settings of the SSH server", ar="الإعدادات الفعلية لخادم SSH"),
    shape=record(
        installed=BOOL,
        port=optional(ListOf(INT)),
        **{name: optional(ListOf(STR)) for name in (*_LISTS, *_USERS)},
        authenticationmethods=optional(ListOf(STR)),
        **{name: optional(INT) for name in _INTS},
        **{name: optional(STR) for name in _WORDS},
        match_blocks=optional(ListOf(_BLOCK)),
    ),
    parse=parse,
    example={
        "installed": True,
        "permitrootlogin": "no",
        "port": [22],
        "maxauthtries": 4,
        "match_blocks": [{"match": "Group sftp", "authenticationmethods": ["any"], "permitrootlogin": "no", "maxauthtries": 4}],
    },
    probes={
        "linux": HostProbe(
            # An SSH server of another make, or the session itself, proves that `installed=no` would be untrue.
            script=(
                "if [ ! -x /usr/sbin/sshd ]; then\n"
                "  for other in /usr/local/sbin/sshd /usr/bin/sshd /usr/sbin/dropbear; do\n"
                '    [ ! -e "$other" ] || { echo "cannot ask the SSH server $other" >&2; exit 1; }\n'
                "  done\n"
                '  [ -z "${SSH_CONNECTION-}" ] || { echo "the SSH server of this session is not known" >&2; exit 1; }\n'
                "  printf 'installed=no\\nend\\n'\n"
                "  exit 0\n"
                "fi\n"
                "[ -x /etc/ssh ] || exit 1\n"
                "settings=$(as_root /usr/sbin/sshd -T) || exit 1\n"
                "if [ -d /etc/ssh/sshd_config.d ]; then\n"
                "  files=$(as_root /bin/grep -RH ^ /etc/ssh/sshd_config /etc/ssh/sshd_config.d)\n"
                "else\n"
                "  files=$(as_root /bin/grep -RH ^ /etc/ssh/sshd_config)\n"
                "fi\n"
                "[ $? -le 1 ] || exit 1\n"
                "printf 'installed=yes\\n%s\\n== files\\n' \"$settings\"\n"
                '[ -z "$files" ] || printf \'%s\\n\' "$files"\n'
                "echo '== started'\n" + _STARTED + "echo end\n"
            ),
            privileged=(
                "/usr/sbin/sshd -T",
                "/bin/grep -RH ^ /etc/ssh/sshd_config",
                "/bin/grep -RH ^ /etc/ssh/sshd_config /etc/ssh/sshd_config.d",
            ),
        )
    },
    version=4,
)
