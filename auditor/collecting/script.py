"""One POSIX sh script for all of a host's probes, and the least privilege that it needs."""

from __future__ import annotations

import functools
import itertools
import math
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from auditor.collecting.prelude import PRELUDE
from auditor.facts import Fact, HostProbe, by_name
from auditor.model import ProbeCall, Scalar

Lookup: TypeAlias = Callable[[str], Fact | None]

REMOTE_COMMAND = "exec /bin/sh"  # plain enough for every login shell, csh included; the script comes through stdin
BEGINNING = "auditor_main() {"  # how the script begins, and so its echo, where a terminal gives one
_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
_SUDOERS_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")


@dataclass(frozen=True, slots=True)
class HostCall:
    """A planned probe with the probe of the asset's platform that answers it; None when there is none."""

    call: ProbeCall
    probe: HostProbe | None


@functools.lru_cache(maxsize=64)  # hosts mostly share their probes
def host_calls(probes: tuple[ProbeCall, ...], platform: str, lookup: Lookup = by_name) -> tuple[HostCall, ...]:
    """Those of ``probes`` that are read on the host itself, in order; facts read from the network are left to the network."""
    calls = []
    for call in probes:
        fact = lookup(call.fact)
        if fact is None or fact.network is None:
            calls.append(HostCall(call, fact.probes.get(platform) if fact else None))
    return tuple(calls)


def build_script(
    probes: Sequence[ProbeCall],
    platform: str,
    marker: str,
    *,
    sudo: bool = True,
    longest: float = 3600.0,
    lookup: Lookup = by_name,
) -> str:
    """The whole script. Nothing of it runs before all of it has arrived, and no probe runs longer than ``longest`` seconds.

    Probes are numbered as ``host_calls`` lists them; those that the platform lacks are left out.
    """
    body = _body(tuple(probes), platform, sudo, longest, lookup)
    return f"{BEGINNING}\na_marker={shlex.quote(marker)}\n{body}"


@functools.lru_cache(maxsize=64)  # hosts with the same probes differ only in their marker
def _body(probes: tuple[ProbeCall, ...], platform: str, sudo: bool, longest: float, lookup: Lookup) -> str:
    functions: list[str] = []
    runs: list[tuple[int, int, int]] = []
    for index, item in enumerate(host_calls(probes, platform, lookup)):
        if item.probe is None:
            continue
        functions.append(_function(index, item.call, item.probe))
        # one byte more than is allowed tells a full output from one that was cut
        cut = 0 if item.probe.bounded else item.probe.max_bytes + 1
        runs.append((max(1, math.ceil(min(item.probe.timeout, longest))), index, cut))
    # those that may take long come last, so that a host's own deadline costs as few as it can
    limits = itertools.groupby(sorted(runs), key=lambda run: run[0])
    return "\n".join(
        (
            f"a_sudo={int(sudo)}",
            PRELUDE.strip("\n"),
            *functions,
            "a_all_probes() {",
            ":",  # `hosts test` asks nothing, and a shell refuses an empty body
            *(line for seconds, group in limits for line in (f"a_limit {seconds}", *(f"a_run {n} {cut}" for _, n, cut in group))),
            "}",
            "exec 3>&1 </dev/null",
            "( a_session ) 2>/dev/null 5>&1 >&3 | a_errors >&2 3>&-",
            "exit 0",
            "}",
            "auditor_main",
            "",
        )
    )


def _function(index: int, call: ProbeCall, probe: HostProbe) -> str:
    lines = [f"# {_comment(call.key)}", f"a_probe_{index}() {{"]
    lines += [f"arg_{_checked(name)}={shlex.quote(_shell_text(value))}" for name, value in call.args]
    return "\n".join((*lines, probe.script.strip("\n"), "}"))


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise ValueError(f"not a name of a fact's argument: {name!r}")
    return name


def _comment(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)[:120]


def _shell_text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if "\0" in text:
        raise ValueError("an argument of a fact holds a NUL")
    return text


def privileged_commands(probes: Iterable[ProbeCall], user: str, platform: str, lookup: Lookup = by_name) -> tuple[str, ...]:
    """The commands that these probes run as root, each once, in the order of the probes.

    ``$arg_name`` in a command stands for the argument of that name, ``$login`` for the user who logs in.
    """
    commands: dict[str, None] = {}
    for item in host_calls(tuple(probes), platform, lookup):
        if item.probe is not None:
            for command in item.probe.privileged:
                commands[_sudoers_command(command, user, dict(item.call.args))] = None
    return tuple(commands)


def sudoers_for(probes: Iterable[ProbeCall], user: str, platform: str = "linux", lookup: Lookup = by_name) -> str:
    """A sudoers file that permits ``user`` just what these probes run as root; "" when they need nothing."""
    if not _SUDOERS_USER.match(user):
        raise ValueError(f"not a user name: {user!r}")
    commands = privileged_commands(probes, user, platform, lookup)
    if not commands:
        return ""
    joined = ", \\\n    ".join(commands)
    # one alias for each user and platform, so that the texts for several of them make one file
    alias = "AUDITOR_" + re.sub(r"[^A-Z0-9]", "_", f"{user}_{platform}".upper())
    return (
        f"# What the auditor reads as root, and nothing else. Check with: visudo -cf FILE\n"
        f"Cmnd_Alias {alias} = \\\n    {joined}\n"
        f"Defaults:{user} !requiretty, !lecture\n"
        f"{user} ALL=(root) NOPASSWD: {alias}\n"
    )


def _sudoers_command(command: str, user: str, args: dict[str, Scalar]) -> str:
    words = shlex.split(command)
    if not words or not words[0].startswith("/"):
        raise ValueError(f"a privileged command needs an absolute path: {command!r}")
    given = {"login": user, **{f"arg_{name}": _shell_text(value) for name, value in args.items()}}
    resolved = [re.sub(r"\$\{?(login\b|arg_[a-z0-9_]+)\}?", lambda m: given.get(m[1], ""), word) for word in words]
    if any("\n" in word for word in resolved):
        raise ValueError(f"a privileged command holds a line end: {command!r}")
    # without arguments sudoers would permit any; "" means none
    return (
        " ".join([_escaped(resolved[0]), *(_escaped(word) for word in resolved[1:])])
        if len(words) > 1
        else f'{_escaped(words[0])} ""'
    )


def _escaped(word: str) -> str:
    """As sudoers reads it: its own separators and the wildcards of fnmatch taken literally; a backslash passes through both."""
    return re.sub(r"([,:=\s#*?\[\]!])", r"\\\1", word.replace("\\", "\\" * 4))
