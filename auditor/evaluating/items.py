"""What a check says of one item of its list, and of the whole where it has none."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from auditor.errors import ExpressionError
from auditor.evaluating.asking import Asking, Together, room
from auditor.evaluating.bounded import cut_short
from auditor.expressions import Binding, CompiledCheck, Gathering, Program, Value
from auditor.model import Json, Reason, Verdict, VerdictKind
from auditor.model.codec import canonical, to_json

_SUBJECT_LENGTH = 200
_SHOWN_LENGTH = 500
_PATH = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*")
_REMEMBERED = 20_000  # items under definitions


class Said(NamedTuple):
    """``verdict`` None: the check leaves the item out. ``named`` False: the item has no name, its subject is ""."""

    subject: str
    verdict: Verdict | None
    named: bool = True


class Items:
    """Judges items. Hosts differ in few of their accounts, packages and files: equal items under one definition are judged once.

    That holds for checks whose expressions on items see nothing else but the parameters, which the definition covers, the
    instant of the run, which is the same for all that is judged here, and other facts, whose values then count too.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Said] = {}
        self._last: tuple[list[Json], list[bytes]] = ([], [])

    def judge(self, compiled: CompiledCheck, definition: str, values: Mapping[str, Value], items: list[Json]) -> Iterator[Said]:
        """What the check says of each of ``items``. ``values`` are those of its variables."""
        seen = compiled.names if compiled.beside is None else compiled.beside
        at_once = room([values[name] for name in seen if name in values]) if len(items) > 1 else 1
        if compiled.beside is None:
            for start in range(0, len(items), at_once):
                yield from _judge(compiled, values, items[start : start + at_once])
            return
        # unlike equality, how values are shown tells 1, 1.0 and true apart
        ground = hashlib.blake2b(_bytes(f"{definition}{[values[name] for name in sorted(compiled.beside)]!r}"), digest_size=32)
        keys = [_under(ground, shown) for shown in self._shown(items)]
        for start in range(0, len(items), at_once):
            own = keys[start : start + at_once]
            new = {key: n for n, key in enumerate(own, start) if key not in self._known}
            said = dict(zip(new, _judge(compiled, values, [items[n] for n in new.values()]), strict=True))
            for key in own:
                yield said[key] if key in said else self._known[key]
            self._remember(said)

    def _remember(self, said: Mapping[bytes, Said]) -> None:
        if cut_short():
            return
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known |= said

    def _shown(self, items: list[Json]) -> list[bytes]:
        """Each item as it is shown; a host's accounts are gone through by one check after another."""
        if self._last[0] is not items:
            self._last = (items, [_bytes(repr(item)) for item in items])
        return self._last[1]


def _under(ground: hashlib.blake2b, shown: bytes) -> bytes:
    key = ground.copy()
    key.update(shown)
    return key.digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def listed(for_each: Program, values: Mapping[str, Value], gathering: Gathering | None = None) -> Value:
    """What a check iterates over. Raises ExpressionError.

    Most checks name a list as it stands (``nginx.servers``): it is taken from the values, without a way through CEL and back.
    """
    if gathering is not None:
        return gathering.value(values)
    if path := named_list(for_each):
        first, *fields = path
        found: Value = values.get(first)
        for name in fields:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, list):
            return found
    return for_each.value(Binding(values))


def named_list(for_each: Program) -> list[str]:
    """A variable and the fields that lead to the list which a check names as it stands; empty where its expression makes one."""
    source = for_each.source.strip()
    return source.split(".") if _PATH.fullmatch(source) else []


def _judge(compiled: CompiledCheck, values: Mapping[str, Value], items: list[Json]) -> list[Said]:
    """What the check says of each of some items."""
    together = Together(values, items)
    asked = together.each()
    named = [_named(compiled, item) for item in asked]
    together.keep([n for n, subject in enumerate(named) if isinstance(subject, str)])
    return [
        Said(subject, verdict_of(compiled, subject, item)) if isinstance(subject, str) else subject
        for subject, item in zip(named, asked, strict=True)
    ]


def _named(compiled: CompiledCheck, item: Asking) -> str | Said:
    """The item's subject; or all that is said of it, where it is left out or an error."""
    try:
        subject = subject_of(compiled.subject, item)
    except ExpressionError as raised:
        return Said("", error("", str(raised)), named=False)
    try:
        if compiled.where is not None and not item.holds(compiled.where):
            return Said(subject, None)
    except ExpressionError as raised:
        return Said(subject, error(subject, str(raised)))
    return subject


def verdict_of(compiled: CompiledCheck, subject: str, asked: Asking) -> Verdict:
    """Pass or fail; unknown where the observation does not decide it; or the error that kept it from being decided."""
    try:
        if compiled.decidable is not None and not asked.holds(compiled.decidable):
            shown = _shown(compiled.observed, asked)
            return Verdict(subject, VerdictKind.UNKNOWN, shown, reason=Reason.UNDECIDED)
        kind = VerdictKind.PASS if asked.holds(compiled.expect) else VerdictKind.FAIL
    except ExpressionError as raised:
        return error(subject, str(raised))
    return Verdict(subject, kind, _shown(compiled.observed, asked), _shown(compiled.expected, asked))


def error(subject: str, detail: str) -> Verdict:
    """What could not be decided, and why."""
    return Verdict(subject, VerdictKind.ERROR, reason=Reason.EXPRESSION_ERROR, detail=detail[:300])


def subject_of(program: Program | None, asked: Asking) -> str:
    """The name under which a finding is kept. Raises ExpressionError."""
    if program is None:
        return ""
    subject = asked.value(program)
    if not isinstance(subject, str):
        raise ExpressionError(f"`{program.source}` did not give a text")
    if len(subject) > _SUBJECT_LENGTH:
        # a name may be as long as a hostile host likes; cut it, but keep different names different
        return f"{subject[:_SUBJECT_LENGTH]}…{hashlib.sha256(subject.encode()).hexdigest()[:12]}"
    return subject


def _shown(program: Program | None, asked: Asking) -> Json:
    """What is shown to the officer beside the verdict; it decides nothing, so an error in it leaves it empty."""
    if program is None:
        return None
    try:
        value: Json = to_json(asked.value(program))
    except ExpressionError:
        return None
    if isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= _SHOWN_LENGTH):
        return value
    text = canonical(value).decode()
    if len(text) <= _SHOWN_LENGTH:
        return value
    first = _first_of(value) if isinstance(value, list) else []
    return {"first": first, "more": len(value) - len(first)} if isinstance(value, list) and first else f"{text[:_SHOWN_LENGTH]}…"


def _first_of(items: list[Json]) -> list[Json]:
    """As many as are shown of a long list: cut within an item, its text would be no list."""
    ends = itertools.accumulate(len(canonical(item)) + 1 for item in items)
    return [item for item, _end in zip(items, itertools.takewhile(lambda end: end <= _SHOWN_LENGTH, ends), strict=False)]
