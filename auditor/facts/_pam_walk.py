"""Whether a stack of PAM lets through whom one of its modules refuses, walked as libpam walks it.

What the other modules answer is not known, so that each may answer anything: whoever tries knows the password. Only those that
ask who somebody is have one answer, that for a person who is not root and in no group that PAM asks about.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from auditor.errors import ParseError
from auditor.facts._budget import Budget
from auditor.facts._pam import Module

_CONTROLS = {
    "required": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "bad"},
    "requisite": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "die"},
    "sufficient": {"success": "done", "new_authtok_reqd": "done", "default": "ignore"},
    "optional": {"success": "ok", "new_authtok_reqd": "ok", "default": "ignore"},
    "substack": {"default": "ignore"},  # its modules follow, a level deeper
}
_REFUSALS = {
    "pam_wheel": ("perm_denied",),
    "pam_pwhistory": ("maxtries",),
    "pam_pwquality": ("authtok_err",),
    "pam_faillock": ("auth_err",),
}
_OTHER_REFUSALS = ("auth_err", "user_unknown", "authinfo_unavail")  # wrong, never enrolled, no server that answers
_EXEMPTING = {  # who was never enrolled is let through, or everyone while no server answers
    "pam_google_authenticator": ("nullok",),
    "pam_u2f": ("nouserok", "alwaysok"),
    "pam_yubico": ("nullok", "alwaysok", "always_ok"),
    "pam_radius_auth": ("localifdown",),
    "pam_wheel": ("root_only",),  # whoever becomes another user than root
}
_PASSWORDS = ("pam_unix", "pam_sss", "pam_ldap", "pam_krb5", "pam_winbind")
_ASKING = ("pam_unix", "pam_pwquality", "pam_cracklib", "pam_passwdqc", "pam_pwhistory")  # for a new password
_UNJUDGED, _REFUSED, _ACCEPTED = "unjudged", "refused", "accepted"
_MAX_MODULES, _MAX_STATES = 100, 2_000  # real stacks have some dozens; a hostile host's may have any number
_CALLER_IS_ROOT = re.compile(r"\buid (?:=|eq) 0\b")
_SUCCESS = ("success", "new_authtok_reqd")
_UNSAID, _GOOD, _BAD, _SPOILT = "unsaid", "good", "bad", "spoilt"  # spoilt: an error that counts as `ok`, and is returned


@dataclass(frozen=True, slots=True)
class _State:
    """Before the module at ``at``: what the stack would return, what it would have before each substack, and what was judged."""

    at: int
    verdict: str
    saved: tuple[str, ...]
    judgement: str


@dataclass(frozen=True, slots=True)
class _Behaviour:
    """What is known of a module: what each of its answers does, which it may give, and which where it refuses somebody.

    ``asks``: it may ask for a new password, after one that was judged as well unless it does so ``once``.
    """

    name: str
    actions: dict[str, str]
    answers: tuple[str, ...]
    refusals: tuple[str, ...]
    asks: bool
    once: bool


class Walk:
    """A stack, and what its modules may answer, of which each is worked out once."""

    def __init__(self, stack: Sequence[Module], budget: Budget | None = None) -> None:
        self._stack = stack
        self._budget = budget or Budget("the ways through PAM's stack")
        self._known: dict[int, _Behaviour] = {}

    def binding(self, kind: str, judged: int) -> bool:
        """Whether nobody whom the module at ``judged`` refuses is let in, or has the password stored that it refuses.

        A password that was refused is forgotten, and whatever comes next asks for another unless it has ``use_authtok``. So do
        modules that try again after a password that is good for the judged one and not for themselves.
        """
        todo, seen = [_State(0, _UNSAID, (), _UNJUDGED)], set[_State]()
        while todo:
            state = todo.pop()
            if state in seen:
                continue
            seen.add(state)
            self._bound(seen)
            if state.at >= len(self._stack):
                if state.verdict == _GOOD and state.judgement != _ACCEPTED:
                    return False
                continue
            module = self._behaviour(state.at)
            if state.at == judged:
                todo += [self._after(state, answer, _REFUSED) for answer in module.refusals]
                if kind == "password":
                    todo.append(self._after(state, "success", _ACCEPTED))
                continue
            anew = kind == "password" and module.asks and (state.judgement == _REFUSED or not module.once)
            judgement = _UNJUDGED if anew else state.judgement
            stores = kind == "password" and module.name == "pam_unix"
            if stores and judgement == _UNJUDGED:
                return False
            for answer in module.answers:
                if not (stores and judgement == _REFUSED and answer in _SUCCESS):
                    todo.append(self._after(state, answer, judgement))
        return True

    def counting(self, counted: Collection[int]) -> bool:
        """Whether each wrong password comes by one of the modules at ``counted``: those that another refusal ends too.

        Raises ParseError where no module is known to ask for a password.
        """
        asking = next((name for name in _PASSWORDS if any(m.name == name for m in self._stack)), None)
        if asking is None:
            raise ParseError("no module of PAM's stack is known to ask for a password")
        todo, seen = [_State(0, _UNSAID, (), _UNJUDGED)], set[_State]()
        while todo:
            state = todo.pop()
            if state in seen or state.at in counted:
                continue
            seen.add(state)
            self._bound(seen)
            if state.at >= len(self._stack):
                if state.verdict != _GOOD and state.judgement == _REFUSED:
                    return False
                continue
            module = self._behaviour(state.at)
            todo += [self._after(state, answer, state.judgement) for answer in module.answers]
            if module.name == asking:
                todo.append(self._after(state, "auth_err", _REFUSED))
        return True

    def _bound(self, seen: Collection[_State]) -> None:
        if len(self._stack) > _MAX_MODULES or len(seen) > _MAX_STATES:
            raise ParseError("PAM's stack is too long to be followed")

    def _behaviour(self, at: int) -> _Behaviour:
        if at not in self._known:
            self._known[at] = _behaviour(self._stack[at])
        return self._known[at]

    def _after(self, state: _State, answer: str, judgement: str) -> _State:
        """One step: the module's action on what the stack returns, and where the stack goes on."""
        self._budget.spend()
        module, actions = self._stack[state.at], self._behaviour(state.at).actions
        action = actions.get(answer, actions.get("default", "bad"))
        level, verdict, at = module.level, state.verdict, state.at + 1
        saved = (*state.saved[:level], verdict) if module.control == "substack" else state.saved[:level]
        if action in ("ok", "done"):
            if verdict in (_UNSAID, _GOOD):
                verdict = _GOOD if answer in _SUCCESS else _SPOILT
            if action == "done" and verdict in (_GOOD, _SPOILT):
                at = _end(self._stack, state.at)
        elif action in ("bad", "die"):
            verdict = _BAD
            at = _end(self._stack, state.at) if action == "die" else at
        elif action == "reset":
            verdict = state.saved[level - 1] if level else _UNSAID
        elif action.isdigit():
            at, short = _jump(self._stack, state.at, int(action))
            verdict = _BAD if short else verdict
        elif action != "ignore":
            verdict = _BAD
        return _State(at, verdict, saved, judgement)


def _behaviour(module: Module) -> _Behaviour:
    once = module.name in ("pam_pwquality", "pam_cracklib", "pam_pwhistory") and module.argument("retry") in (None, "0", "1")
    return _Behaviour(
        name=module.name,
        actions=_actions(module),
        answers=(*_answers(module),),
        refusals=_refusals(module),
        asks=module.name in _ASKING and "use_authtok" not in module.arguments,
        once=once,
    )


def _refusals(module: Module) -> tuple[str, ...]:
    """What a module answers about whom it ought to keep out; with an option that exempts people, that they may come in."""
    exempting = _EXEMPTING.get(module.name, ())
    others = ("success", "ignore") if any(argument in exempting for argument in module.arguments) else ()
    return (*_REFUSALS.get(module.name, _OTHER_REFUSALS), *others)


def _actions(module: Module) -> dict[str, str]:
    if not module.control.startswith("["):
        return _CONTROLS.get(module.control, {"default": "bad"})
    pairs = (word.partition("=") for word in re.sub(r"\s*=\s*", "=", module.control.strip("[]")).split())
    return {answer: action for answer, _, action in pairs}


def _answers(module: Module) -> Iterator[str]:
    if module.name in ("pam_deny", "pam_rootok"):
        yield "auth_err"
    elif module.name == "pam_permit":
        yield "success"
    elif module.name == "pam_wheel":
        others = "success" if "trust" in module.arguments else "ignore"
        yield others if "deny" in module.arguments else "perm_denied"
        if "root_only" in module.arguments:
            yield "ignore"
    elif module.name == "pam_succeed_if" and "use_uid" in module.arguments and _CALLER_IS_ROOT.search(" ".join(module.arguments)):
        yield "auth_err"
    else:
        yield from sorted({"success", "ignore", "default", *_actions(module)})  # which walk is cut off must not change by itself


def _end(stack: Sequence[Module], at: int) -> int:
    """The first module after the stack or substack that ``at`` is in."""
    return next((i for i in range(at + 1, len(stack)) if stack[i].level < stack[at].level), len(stack))


def _jump(stack: Sequence[Module], at: int, count: int) -> tuple[int, bool]:
    """The module after the ``count`` next ones of the same level, and whether there are fewer."""
    level, i = stack[at].level, at
    while count and i + 1 < len(stack) and stack[i + 1].level >= level:
        i += 1
        while i + 1 < len(stack) and stack[i + 1].level > level:
            i += 1
        count -= 1
    return i + 1, count > 0
