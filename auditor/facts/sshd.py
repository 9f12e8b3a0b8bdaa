"""The SSH server's effective settings, as the daemon itself states them (``sshd -T``), so that Include and Match count.

``sshd -T`` answers for a connection that no Match block meets. What Match blocks change is therefore read from the
configuration files beside it: each block is one entry of ``match_blocks``, holding the settings in force inside it. Where there
is any, sshd is also asked (``-C``) what holds for root and for the login; each answer is an entry too. What the running server
was given on its command line (the crypto policy of RHEL 8) is unknown to ``sshd -T`` and overrides it.

Whoever asks ``sshd -T`` asks the files, not the server that runs: where they changed after that had read them, nothing is told.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._budget import Budget
from auditor.facts._lines import files, number, whole
from auditor.facts._sshd_blocks import APPENDED, MAIN, OLD_NAMES, blocks
from auditor.facts._sshd_probe import PRIVILEGED, ROOT, SCRIPT
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_LISTS = ("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms", "gssapikexalgorithms")
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
    "permittunnel",
    "loglevel",
    "banner",
)
_MATCHABLE = (*_MATCHABLE_INTS, *_MATCHABLE_WORDS)
_INTS = (*_MATCHABLE_INTS, "logingracetime")
_WORDS = (*_MATCHABLE_WORDS, "permituserenvironment", "gssapikeyexchange", "usepam", "strictmodes", "maxstartups", "printlastlog")
_WITH_ARGUMENT = "CEbcfghkopu"  # sshd's options that take one
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``sshd -T``'s lines, ``== files`` and the configuration files as ``path:line``, for each
    connection asked about ``== asked SPECIFICATION`` with sshd's lines or ``failed``, ``== started`` and the command lines of
    running servers.
    """
    lines = whole(output, "sshd")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("sshd: the first line says neither installed=yes nor installed=no")
    parts = _parts(lines[1:])
    if "files" not in parts:
        raise ParseError("sshd: the output does not hold the configuration files")
    stated = _settings(parts[""])
    value = {**stated, **_given(parts.get("started", []))}
    budget = Budget("sshd: the files and their Match blocks, with what is included and what holds in each,")
    found = blocks(files(parts["files"], "sshd"), budget)
    asked = {name.removeprefix("asked "): told for name, told in parts.items() if name.startswith("asked ")}
    if found:
        asked.setdefault(ROOT, ["failed"])
    answers = {spec: _settings(told) for spec, told in asked.items() if [line.strip() for line in told] != ["failed"]}
    value["match_blocks"] = [
        *(_inside(value, " & ".join(criteria), own, budget) for criteria, own in found),
        *(_answer(spec, told, stated, value) for spec, told in answers.items()),
    ]
    if len(answers) < len(asked):
        value["unanswered"] = [_command(spec) for spec in asked if spec not in answers]
    return value


def _parts(lines: list[str]) -> dict[str, list[str]]:
    """The lines under each ``== NAME``, and under "" those before the first."""
    part: list[str] = []
    parts = {"": part}
    for line in lines:
        if line.lstrip().startswith("== "):
            part = parts.setdefault(line.strip()[3:], [])
        else:
            part.append(line)
    return parts


def _settings(lines: list[str]) -> dict[str, Json]:
    ports: list[Json] = []
    appended: dict[str, list[Json]] = {name: [] for name in (*APPENDED, "authenticationmethods")}
    value: dict[str, Json] = {"installed": True}
    for line in lines:
        keyword, _, rest = line.strip().partition(" ")
        name, rest = keyword.lower(), rest.strip()
        if name in OLD_NAMES:
            # old servers print both names; the new one decides
            if OLD_NAMES[name] in value:
                continue
            name = OLD_NAMES[name]
        if name == "port":
            ports.append(number(rest, "sshd: port"))
        elif name in appended:
            appended[name].extend(rest.split())
        elif name in value and name not in OLD_NAMES.values():
            raise ParseError(f"sshd: {name} is stated twice")
        elif name in _LISTS:
            value[name] = [word.strip() for word in rest.split(",") if word.strip()]
        elif name in _INTS:
            value[name] = number(rest, f"sshd: {name}")
        elif name in _WORDS:
            value[name] = _word(name, rest)
    if "permitrootlogin" not in value or not ports:
        raise ParseError("sshd: the output of sshd -T is not whole: permitrootlogin or port is missing")
    return {**value, "port": ports, **appended}


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
        if letter == "f" and argument != MAIN:
            raise ParseError(f"sshd: the running server reads {argument[:80]!r}, which the probe does not ask")
        if letter == "o":
            name, equals, text = argument.partition("=")
            name = OLD_NAMES.get(name.lower(), name.lower())
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


def _inside(outside: dict[str, Json], criteria: str, own: dict[str, list[str]], budget: Budget) -> Json:
    block: dict[str, Json] = {"match": criteria, "authenticationmethods": outside["authenticationmethods"]}
    for name in _MATCHABLE:
        if name in own:
            text = " ".join(own[name])
            block[name] = _seconds(text, name) if name in _MATCHABLE_INTS else _word(name, text)
        elif name in outside:
            block[name] = outside[name]
    if "authenticationmethods" in own:
        block["authenticationmethods"] = list(own["authenticationmethods"])
    # the lists of a block take the place of those outside it
    block |= {name: list(own.get(name, ())) or outside[name] for name in APPENDED}
    for said in block.values():
        budget.line(*(map(str, said) if isinstance(said, list) else [str(said)]))
    return block


def _command(spec: str) -> str:
    return f"sshd -T -C {spec}"


def _answer(spec: str, told: dict[str, Json], stated: dict[str, Json], value: dict[str, Json]) -> Json:
    """What sshd says of one connection. Where it says what it says of every one, the server's command line may override it."""
    user = spec.partition(",")[0].removeprefix("user=")
    names = [name for name in (*_MATCHABLE, *APPENDED, "authenticationmethods") if name in told]
    own = {name: value[name] if told[name] == stated.get(name) else told[name] for name in names}
    return {"match": f"User {user} ({_command(spec)})", **own}


def _seconds(text: str, name: str) -> int:
    """A number, or a time such as ``1h30m``."""
    if len(text) > 32 or not re.fullmatch(r"(?=.)(?:[0-9]+[smhdwSMHDW])*[0-9]*", text):
        raise ParseError(f"sshd: {name}: {text[:40]!r} is neither a number nor a time")
    return sum(int(digits) * _SECONDS[unit.lower()] for digits, unit in re.findall(r"([0-9]+)([a-zA-Z]?)", text))


_BLOCK = record(
    match=STR,
    authenticationmethods=ListOf(STR),
    **{name: optional(ListOf(STR)) for name in APPENDED},
    **{name: optional(INT) for name in _MATCHABLE_INTS},
    **{name: optional(STR) for name in _MATCHABLE_WORDS},
)

FACT = Fact(
    name="sshd",
    title=Text(en="Effective settings of the SSH server", ar="الإعدادات الفعلية لخادم SSH"),
    shape=record(
        installed=BOOL,
        port=optional(ListOf(INT)),
        **{name: optional(ListOf(STR)) for name in (*_LISTS, *APPENDED)},
        authenticationmethods=optional(ListOf(STR)),
        **{name: optional(INT) for name in _INTS},
        **{name: optional(STR) for name in _WORDS},
        match_blocks=optional(ListOf(_BLOCK)),
        unanswered=optional(ListOf(STR)),
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
            script=SCRIPT,
            privileged=PRIVILEGED,
        )
    },
    version=6,
)
