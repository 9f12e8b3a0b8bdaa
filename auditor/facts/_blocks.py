"""Configuration of words, ``;`` and ``{ }`` as nginx reads it, as a tree of directives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from auditor.errors import ParseError

# `//` and `/*` are no comments: an address without its scheme starts with the one, a pattern may with the other.
_TOKEN = re.compile(r"\s+|#[^\n]*|\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|([{};])|((?:\\.|[^\s;{}\"'\\])+)", re.DOTALL)
_DEEPEST = 30


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: its words, and those inside its braces, None when it has none."""

    words: tuple[str, ...]
    inner: tuple[Directive, ...] | None = None
    source: str = field(default="", compare=False)


def parse_blocks(text: str, source: str, fact: str) -> tuple[Directive, ...]:
    """The directives of a text. Raises ParseError on braces that do not close and words that do not end."""
    stack: list[tuple[tuple[str, ...], list[Directive]]] = [((), [])]
    words: list[str] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ParseError(f"{fact}: {source}: cannot be read at {text[at : at + 40]!r}")
        at = match.end()
        quoted = match[1] if match[1] is not None else match[2]
        if quoted is not None:
            words.append(quoted)
        elif match[3] == ";":
            if words:
                stack[-1][1].append(Directive(tuple(words), None, source))
            words = []
        elif match[3] == "{":
            if len(stack) > _DEEPEST:
                raise ParseError(f"{fact}: {source}: braces are nested too deeply")
            stack.append((tuple(words), []))
            words = []
        elif match[3] == "}":
            if len(stack) == 1 or words:
                raise ParseError(f"{fact}: {source}: a brace closes what did not open, or a line does not end")
            head, inner = stack.pop()
            stack[-1][1].append(Directive(head, tuple(inner), source))
        elif match[4] is not None:
            words.append(match[4])
    if len(stack) != 1 or words:
        raise ParseError(f"{fact}: {source}: the text ends inside a block or a line")
    return tuple(stack[0][1])
