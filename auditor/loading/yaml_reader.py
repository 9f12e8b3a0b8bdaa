"""YAML as people mean it: YAML 1.2 scalars, every place kept, and nothing that surprises or explodes.

Events of PyYAML's C parser are composed here rather than by its constructor: only so can duplicate keys, merge keys, tags and
alias bombs be refused where they stand, and nesting be capped before it reaches anybody's stack.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

import yaml

from auditor.loading.document import Document, Place
from auditor.loading.mistake import Mistake
from auditor.model import Json
from auditor.text import N_, _

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_ALIASED = 10_000
"""How many values aliases may repeat in one file: plenty for people, nothing for a bomb."""

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_DECIMAL = re.compile(r"-?[0-9]{1,17}\.[0-9]{1,17}")
_TAB = re.compile(r" *\t")
_INT64 = range(-(2**63), 2**63)
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None, "~": None, "": None}


PROBLEMS = (
    N_("while parsing a block mapping"),
    N_("while parsing a block collection"),
    N_("while parsing a flow mapping"),
    N_("while parsing a flow sequence"),
    N_("while parsing a block node"),
    N_("while parsing a flow node"),
    N_("while parsing a quoted scalar"),
    N_("while parsing a node"),
    N_("while scanning a simple key"),
    N_("while scanning a quoted scalar"),
    N_("while scanning a plain scalar"),
    N_("while scanning a block scalar"),
    N_("while scanning for the next token"),
    N_("while scanning an anchor"),
    N_("while scanning an alias"),
    N_("while scanning a tag"),
    N_("while scanning a directive"),
    N_("did not find expected key"),
    N_("did not find expected '-' indicator"),
    N_("did not find expected ',' or ']'"),
    N_("did not find expected node content"),
    N_("did not find expected <document start>"),
    N_("did not find expected alphabetic or numeric character"),
    N_("could not find expected ':'"),
    N_("mapping values are not allowed in this context"),
    N_("mapping keys are not allowed in this context"),
    N_("block sequence entries are not allowed in this context"),
    N_("found character that cannot start any token"),
    N_("found unexpected end of stream"),
    N_("found unexpected document indicator"),
    N_("found unexpected ':'"),
    N_("found unknown escape character"),
    N_("found a tab character that violates indentation"),
    N_("found a tab character where an indentation space is expected"),
    N_("found undefined tag handle"),
)
"""What libyaml says of what it cannot read, where it was, then what; the rest of its words is told as it says them."""

_OUR_WORDS = {"did not find expected ',' or '}'": N_("did not find the expected comma or closing brace")}
"""A lone brace would not do in the catalogue, whose messages are formats."""


class RefusedError(Exception):
    """Nothing sensible can be read any further."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message = line, column, message


def read_yaml(data: bytes, file: str, department: str | None = None) -> tuple[Document | None, tuple[Mistake, ...]]:
    """The document in ``data``, None when it cannot be read; and the mistakes found. Never raises, whatever the bytes."""
    mistakes: list[Mistake] = []
    try:
        text = decode(data)
        value, place = _Composer(text, mistakes, file, department).compose()
    except RefusedError as error:
        return None, (*mistakes, Mistake(file, error.line, error.column, error.message, department))
    return Document(file, text, value, place, department), tuple(mistakes)


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, not too long, without control characters."""
    if len(data) > MAX_BYTES:
        raise RefusedError(
            1, 1, _("the file is {size} bytes long; at most {most} are read: split it").format(size=len(data), most=MAX_BYTES)
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _position(data[: error.start].decode("utf-8-sig", "replace"))
        raise RefusedError(line, column, _("the file is not UTF-8 here; save it as UTF-8")) from error
    found = _FORBIDDEN.search(text)
    if found:
        line, column = _position(text[: found.start()])
        message = _("the control character {character} is not allowed; remove it")
        raise RefusedError(line, column, message.format(character=f"U+{ord(found[0]):04X}"))
    return text


def scalar(text: str) -> Json:
    """What a plain scalar stands for.

    A number leaves text only when it would be written back exactly as it stands. So ``0640`` stays text (a mode), and so
    does ``5.10`` (a section or a version: as a number it would turn into 5.1), ``1e3`` and ``+5``. ``5.1`` and ``-3`` are
    numbers.

    Where a text is wanted and a number was read, or the other way round, the schema's mistake says to add or drop quotes.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        number = int(text)
        return number if str(number) == text and number in _INT64 else text
    if _DECIMAL.fullmatch(text):
        decimal = float(text)
        return decimal if repr(decimal) == text else text
    return text


def _position(before: str) -> tuple[int, int]:
    """Line and column, counted from 1, of what follows ``before``."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _joined(first: Json, place: Place, second: Json, beside: Place) -> tuple[Json, Place]:
    """Two lists under one key as one, so that what is wrong in the second is told too; of anything else, the first."""
    if not isinstance(first, list) or not isinstance(second, list):
        return first, place
    further: dict[str | int, Place] = {len(first) + index: beside.children[index] for index in range(len(second))}
    return [*first, *second], place._replace(children={**place.children, **further})


class _Composer:
    """Turns the parser's events into a value and its places."""

    def __init__(self, text: str, mistakes: list[Mistake], file: str, department: str | None) -> None:
        self._text = text
        self._mistakes = mistakes
        self._file, self._department = file, department
        self._count = 0
        self._aliased = 0
        self._anchors: dict[str, tuple[Json, Place, int] | None] = {}
        self._shared: dict[str, str] = {}  # texts by themselves: an inventory says the same of each of its hosts

    def compose(self) -> tuple[Json, Place]:
        """The only document of the stream."""
        parser = yaml.CSafeLoader(self._text)
        self._next: Callable[[], Any] = parser.get_event
        try:
            return self._stream()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if mark and mark.index >= len(self._text) and error.context_mark:
                mark = error.context_mark  # what was never closed says more than the end of the file
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            if any(map(_TAB.match, self._text.split("\n")[line - 1 : line])):
                raise RefusedError(line, 1, _("a tab stands before this line's text; YAML is indented by spaces")) from error
            problem = " ".join(_(_OUR_WORDS.get(part, part)) for part in (error.context, error.problem) if part)
            raise RefusedError(line, column, _("this is not valid YAML: {problem}").format(problem=problem)) from error
        except yaml.YAMLError as error:
            raise RefusedError(1, 1, _("this is not valid YAML: {problem}").format(problem=type(error).__name__)) from error
        finally:
            parser.dispose()

    def _stream(self) -> tuple[Json, Place]:
        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None, Place(1, 1)
        if event.tags:
            self._refuse(event, _("%TAG is not allowed: files hold plain values only"))
        value = self._node(self._next(), 0)
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._refuse(event, _("a second document starts here; a file holds one: remove --- or move it to a file of its own"))
        return value

    def _node(self, event: Any, depth: int) -> tuple[Json, Place]:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None:
            self._refuse(event, _("tags are not allowed: files hold plain values only; remove what starts with !"))
        if depth > MAX_DEPTH:
            self._refuse(event, _("values are nested more than {most} deep").format(most=MAX_DEPTH))
        anchor, before = event.anchor, self._count
        if anchor is not None:
            self._anchors[anchor] = None
        self._count += 1
        if isinstance(event, yaml.ScalarEvent):
            composed = self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            composed = self._mapping(event, depth)
        else:
            composed = self._sequence(event, depth)
        if anchor is not None:
            self._anchors[anchor] = (*composed, self._count - before)
        return composed

    def _alias(self, event: Any) -> tuple[Json, Place]:
        # The alias's name is never repeated in the message: `password: *hunter2` is a password that begins with a star.
        if event.anchor not in self._anchors:
            self._refuse(event, _("this alias (*) names no anchor (&) before it; a text that begins with * needs quotes"))
        known = self._anchors[event.anchor]
        if known is None:
            self._refuse(event, _("this alias (*) stands inside the value that it repeats"))
        value, place, weight = known
        self._count += weight
        self._aliased += weight
        if self._aliased > MAX_ALIASED:
            self._refuse(event, _("aliases (*) repeat more than {most} values; write them out").format(most=MAX_ALIASED))
        return value, place

    def _scalar(self, event: Any) -> tuple[Json, Place]:
        mark, style, text = event.start_mark, event.style or "", self._shared.setdefault(event.value, event.value)
        if style in ('"', "|", ">"):
            found = _FORBIDDEN.search(text)
            if found:
                message = _("the text holds the control character {character}, which is not allowed")
                self._refuse(event, message.format(character=f"U+{ord(found[0]):04X}"))
        place = Place(mark.line + 1, mark.column + 1, style)
        return (text if style else scalar(text)), place

    def _mapping(self, event: Any, depth: int) -> tuple[Json, Place]:
        value: dict[str, Json] = {}
        keys: dict[str, tuple[int, int]] = {}
        children: dict[str | int, Place] = {}
        twice: set[str] = set()
        start = event.start_mark
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, mark = self._key(event), event.start_mark
            inner, place = self._node(self._next(), depth + 1)
            position = (mark.line + 1, mark.column + 1)
            if key in value:
                message = _("the key {key} stands twice in this mapping, first in line {line}; keep one").format(
                    key=key, line=keys[key][0]
                )
                self._mistakes.append(Mistake(self._file, *position, message, self._department))
                if key not in twice:  # once: a file of nothing but one key must not be copied again and again
                    value[key], children[key] = _joined(value[key], children[key], inner, place)
                twice.add(key)
                continue
            value[key], keys[key], children[key] = inner, position, place
        return value, Place(start.line + 1, start.column + 1, "", keys, children)

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, _("a key must be a plain word, not a list, a mapping or an alias"))
        if event.tag is not None or event.anchor is not None:
            self._refuse(event, _("a key takes neither a tag (!) nor an anchor (&)"))
        key = str(event.value)
        if key == "<<" and not event.style:
            self._refuse(event, _("merge keys (<<) are not allowed: write the keys out"))
        if not key or _FORBIDDEN.search(key):
            self._refuse(event, _("this key is empty or holds a control character"))
        return key

    def _sequence(self, event: Any, depth: int) -> tuple[Json, Place]:
        value: list[Json] = []
        children: dict[str | int, Place] = {}
        start = event.start_mark
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            inner, place = self._node(event, depth + 1)
            children[len(value)] = place
            value.append(inner)
        return value, Place(start.line + 1, start.column + 1, "", {}, children)

    def _refuse(self, event: Any, message: str) -> NoReturn:
        raise RefusedError(event.start_mark.line + 1, event.start_mark.column + 1, message)
