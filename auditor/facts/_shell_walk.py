"""The commands of a shell's start file, each with whether an interactive log-on runs it; what only a shell can tell is open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_TOKEN = re.compile(
    r"""(?P<gap>[ \t]+|\\\n|(?<![^\s;&|()])\#[^\n]*)
    |(?P<mark>\n|;;&?|;&|&&|\|\||<<<|<<-?|[;&|()<>])
    |(?P<word>(?:\$\((?:[^()]|\([^()]*\))*\)|\$\{[^{}]*\}|\$(?![({])|`[^`]*`|'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s;&|()<>'"\\`$])+)""",
    re.VERBOSE | re.DOTALL,
)
_EXPANSION = re.compile(r"\$\{(\w+)(?::?[-+]\w*)?\}")
_ALWAYS = {
    "[ $PS1 ]",
    "[ -n $PS1 ]",
    "[ $- == *i* ]",
    "[ $- = *i* ]",
    "[ $- =~ i ]",
    "[ -z $BASHRCSOURCED ]",
    "[ -n $BASH_VERSION ]",
}
_NEVER = {"[ -z $PS1 ]", "[ $- != *i* ]", "false"}
_SUCCEEDS = re.compile(r"(?:true|:|export|readonly|typeset|declare|\w+=[^$`]*)\Z")
_DEEPEST = 50
_LOOPS = ("for", "select", "while", "until")
_CLOSED = {"fi": ("if",), "done": ("loop",), "esac": ("case",), "}": ("group", "function")}  # by the word that closes them


class Runs(Enum):
    """Whether a command runs: ``UNSET`` when the variable asked about has no value yet, ``OPEN`` when it cannot be told."""

    YES = "yes"
    NO = "no"
    UNSET = "unset"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command, or the head of a loop; words are as written, quotes included.

    Commands of the same ``block`` run together or not at all.
    """

    words: tuple[str, ...]
    runs: Runs
    block: tuple[int, ...] = ()


@dataclass(slots=True)
class _Frame:
    """A compound command. ``reading`` is its part before what it runs: a condition, or the subject or a pattern of a case."""

    kind: str
    outer: Runs
    runs: Runs
    block: int
    reading: str = ""
    condition: Runs | None = None
    joined: bool = True
    again: bool = False  # after the first branch

    def ask(self, told: Runs, mark: str) -> None:
        """One more command of the condition, which ends with ``mark``."""
        self.condition = _both(self.condition or Runs.YES, told) if self.joined else Runs.OPEN
        self.condition = Runs.OPEN if mark in ("||", "|", "&") else self.condition
        self.joined = mark == "&&"


def commands(text: str, variable: str) -> list[Command]:
    """What a file runs, in order. Where its structure is not understood, whether any of it runs is open."""
    walk = _Walk(variable)
    at, understood = 0, True
    text += "\n"
    while at < len(text) and understood:
        match = _TOKEN.match(text, at)
        if match is None:
            understood = False
            break
        if match["gap"] is None:
            understood = walk.word(match[0]) if match["word"] else walk.mark(match[0])
            understood = understood and len(walk.frames) <= _DEEPEST  # each command asks all that are open around it
        at = match.end()
    if understood and not walk.frames:
        return walk.found
    lines = [re.sub(r"^(?:(?:then|else|do|\{)\s+)+", "", line.strip()).split() for line in re.split(r"[;\n]|&&|\|\|", text)]
    return [Command(tuple(words), Runs.OPEN, (number,)) for number, words in enumerate(lines) if words]


class _Walk:
    """Takes a file word by word and mark by mark; each answers whether it understood."""

    def __init__(self, variable: str) -> None:
        self.found: list[Command] = []
        self.frames: list[_Frame] = []
        self._variable = variable
        self._words: list[str] = []
        self._guard = Runs.YES  # what `&&` and `||` say of the command that comes
        self._rest = Runs.YES  # what a `return` before says of all that comes
        self._blocks = self._list = 0  # the latest number, and that of the list that `&&` and `||` make
        self._defining = ""  # `name` of a function, then `brackets`, then `body`

    def word(self, word: str) -> bool:
        top = self.frames[-1] if self.frames else None
        if self._defining == "brackets":
            return False
        if self._defining == "name":
            self._defining = "body"
        elif top is not None and top.kind == "case" and top.reading:
            if top.reading == "pattern" and word == "esac":
                self.frames.pop()
            elif top.reading == "subject" and word == "in":
                top.reading = "pattern"
        elif self._words:
            self._words.append(word)
        else:
            return self._first(word, top)
        return True

    def _first(self, word: str, top: _Frame | None) -> bool:
        if word in _CLOSED:
            return bool(self.frames) and self.frames.pop().kind in _CLOSED[word]
        if word in ("then", "elif", "else"):
            return top is not None and top.kind == "if" and self._branch(top, word)
        if word == "if":
            self._open("if", Runs.YES, "condition")
        elif word == "case":
            self._open("case", Runs.OPEN, "subject")
        elif word == "{":
            body = self._defining == "body"
            self._open("function" if body else "group", Runs.OPEN if body else Runs.YES)
        elif word == "function":
            self._defining = "name"
        elif word != "do":
            if word in _LOOPS:
                self._open("loop", Runs.OPEN)
            self._words.append(word)
        return True

    def _branch(self, top: _Frame, word: str) -> bool:
        if word == "then":
            top.runs = top.runs if top.reading == "" else _both(top.runs, top.condition or Runs.OPEN)
        else:
            top.runs = Runs.OPEN if word == "elif" or top.again else _not(top.runs)
            top.again = True
        top.reading, top.condition, top.joined, top.block = ("condition" if word == "elif" else ""), None, True, self._number()
        return True

    def _open(self, kind: str, runs: Runs, reading: str = "") -> None:
        if self.frames and self.frames[-1].reading == "condition":
            self.frames[-1].ask(Runs.OPEN, ";")
        self.frames.append(_Frame(kind, self._guard, runs, self._number(), reading))
        self._guard, self._defining = Runs.YES, ""

    def _number(self) -> int:
        self._blocks += 1
        return self._blocks

    def mark(self, mark: str) -> bool:
        top = self.frames[-1] if self.frames else None
        if top is not None and top.kind == "case" and top.reading:
            top.reading = "" if mark == ")" else top.reading
            return True
        if mark == "(" and self._words:
            self._words, self._defining, named = [], "brackets", len(self._words)
            return named == 1
        if mark == "(" and self._defining == "body":
            self._defining = "brackets"
            return True
        if mark == "(":
            self._open("subshell", Runs.OPEN)
            return True
        if mark == ")" and self._defining == "brackets":
            self._defining = "body"
            return True
        if mark in ("<", ">", "<<<"):
            return True
        if mark.startswith("<<"):
            self._rest = _both(self._rest, Runs.OPEN)  # the lines that follow are text
            return True
        self._end(mark)
        if mark == ")":
            return bool(self.frames) and self.frames.pop().kind == "subshell"
        if mark in (";;", ";;&", ";&") and top is not None:
            top.reading, top.block = "pattern", self._number()
            return top.kind == "case"
        return mark not in (";;", ";;&", ";&")

    def _end(self, mark: str) -> None:
        """The command that ends here, and what its end says of the next one."""
        if not self._words:
            self._guard = self._guard if mark == "\n" else Runs.OPEN if mark in ("&&", "||", "|") else Runs.YES
            return
        runs = _both(self._guard, self._rest, *(_both(frame.outer, frame.runs) for frame in self.frames))
        told = _told(self._words, self._variable)
        if runs is not Runs.NO:
            block = (
                self._rest is not Runs.YES,
                self._list if self._guard is not Runs.YES else 0,
                *(f.block for f in self.frames),
            )
            self.found.append(Command(tuple(self._words), runs, block))
            if self._words[0] in ("return", "exit") and not {f.kind for f in self.frames} & {"function", "subshell"}:
                self._rest = Runs.NO if runs is Runs.YES else Runs.OPEN
        if self.frames and self.frames[-1].reading == "condition":
            self.frames[-1].ask(told, mark)
        self._list = self._list if mark == "&&" else self._number()
        self._guard = {"&&": _both(self._guard, told), "||": _not(told), "|": Runs.OPEN}.get(mark, Runs.YES)
        self._words = []


def _told(words: list[str], variable: str) -> Runs:
    """Whether a command succeeds: a test for an interactive shell does, and one for a variable without a value may."""
    text = _EXPANSION.sub(r"$\1", " ".join(words).replace('"', "").replace("'", ""))
    text = text.replace("[[ ", "[ ").replace(" ]]", " ]")
    text = f"[ {text[5:]} ]" if text.startswith("test ") else text
    if text == f"[ -z ${variable} ]":
        return Runs.UNSET
    return Runs.YES if text in _ALWAYS or _SUCCEEDS.match(words[0]) else Runs.NO if text in _NEVER else Runs.OPEN


def _not(runs: Runs) -> Runs:
    return {Runs.YES: Runs.NO, Runs.NO: Runs.YES}.get(runs, Runs.OPEN)


def _both(*all_of: Runs) -> Runs:
    for runs in (Runs.NO, Runs.OPEN, Runs.UNSET):
        if runs in all_of:
            return runs
    return Runs.YES
