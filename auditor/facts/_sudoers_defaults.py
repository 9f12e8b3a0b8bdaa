"""What sudo's Defaults lines say of a flag, of a setting and of one user's rules, in the order in which they are written."""

from __future__ import annotations

import re
from collections.abc import Callable

_PLAIN_NAME = r"[a-z_][\w.-]*"
_PLAIN_PATH = r"/[\w.+/-]*[\w.+-](?=[\\ ]|\Z)"


class Settings:
    """Defaults in the order written: the last one holds."""

    def __init__(self, defaults: list[tuple[str, str]], stands_for: Callable[[str], list[str]]) -> None:
        """``stands_for`` tells the commands behind a name."""
        self._defaults = [(scope, text.removeprefix(scope).strip()) for scope, text in defaults]
        self._on = self._off = -1
        self._off_for: dict[str, int] = {}
        self._never_asks = bool(self.value("exempt_group"))
        self._authenticate()
        self._set = self._unset = -1
        self._set_for: dict[str, int] = {}
        self._set_of: set[str] = set()
        self._always_set = False
        self._environment(stands_for)
        self._set_for_any = max(self._set_for.values(), default=-1)

    def flag(self, name: str, default: bool) -> bool:
        """Whether a flag holds for everyone: one exception, such as ``Defaults:clerk !use_pty``, makes it false."""
        value = default
        for scope, text in self._defaults:
            off = text.replace(" ", "") == f"!{name}"
            if off and scope:
                return False
            if off or (text == name and not scope):
                value = not off
        return value

    def value(self, name: str) -> str:
        """The text of a setting that holds for everyone, "" when it is not set."""
        value = ""
        for scope, text in self._defaults:
            key, equals, given = text.partition("=")
            if text.replace(" ", "") == f"!{name}":
                value = ""
                if scope:
                    return ""
            elif key.strip() == name and equals and not scope:
                value = given.strip().strip('"')
        return value

    def asks_password(self, who: str) -> bool:
        """Whether a rule without a tag asks ``who`` for a password; when in doubt it is said not to."""
        if self._never_asks:
            return False
        own = self._off_for.get(who, -1) if re.fullmatch(_PLAIN_NAME, who) else max(self._off_for.values(), default=-1)
        return max(self._off, own) <= self._on

    def sets_environment(self, who: str, command: str) -> bool:
        """Whether ``who`` may give a command without a tag any variable; when in doubt it is said that they may."""
        program = re.match(_PLAIN_PATH, command)
        if self._always_set or (self._set_of and (program is None or program[0] in self._set_of)):
            return True
        own = self._set_for.get(who, -1) if re.fullmatch(_PLAIN_NAME, who) else self._set_for_any
        return max(self._set, own) > self._unset

    def _environment(self, stands_for: Callable[[str], list[str]]) -> None:
        """Where any variable is allowed to all, to one user or of one program, and where to nobody: the last place of each."""
        for place, (scope, text) in enumerate(self._defaults):
            if text == "setenv":
                names = scope[1:].split(",")
                if scope[:1] == "!":
                    names = [command for name in names for command in stands_for(name)]
                programs = [found[0] for name in names if (found := re.match(_PLAIN_PATH, name))]
                if scope[:1] == ":" and all(re.fullmatch(_PLAIN_NAME, name) for name in names):
                    self._set_for |= dict.fromkeys(names, place)
                elif scope[:1] == "!" and len(programs) == len(names):
                    self._set_of.update(programs)
                else:
                    self._set = place
                    self._always_set |= scope[:1] in ("!", ">")  # sudo applies those after all others
            elif text.replace(" ", "") == "!setenv" and not scope:
                self._unset = place

    def _authenticate(self) -> None:
        """Where authentication is switched on for all, and off for all, or for one user alone: the last place of each."""
        for place, (scope, text) in enumerate(self._defaults):
            if text.replace(" ", "") == "!authenticate":
                names = scope[1:].split(",")
                # of a group, an alias or a number nobody can tell here whom it holds
                if scope[:1] == ":" and all(re.fullmatch(_PLAIN_NAME, name) for name in names):
                    self._off_for |= dict.fromkeys(names, place)
                else:
                    self._off = place
                    self._never_asks |= scope[:1] in ("!", ">")  # sudo applies those after all others
            elif text == "authenticate" and not scope:
                self._on = place
