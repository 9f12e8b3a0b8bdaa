"""Help with text of two directions on a terminal, and with text that comes from hosts and may be hostile.

Which terminals order Arabic themselves, by what is documented of them:

- VTE (GNOME Terminal and kin) since 0.58: announcement of 1 July 2019 on gnome-announce-list, "GNOME Terminal 3.33.3 brings
  RTL/BiDi support". It sets VTE_VERSION, 5800 for 0.58.0.
- Konsole, mlterm, PuTTY, macOS Terminal: "BiDi in terminal emulators", terminal-wg.pages.freedesktop.org/bidi, prior work.
- mintty: its manual, "Bidi". kitty turns each right-to-left word round while shaping it (its manual, ``force_ltr``), so words
  must not be turned round for it.
- Windows Terminal does not: issues 538 and 18659 of microsoft/terminal. Nor do xterm.js, alacritty, foot, xterm and the console.

Over SSH none of this is passed on; then ``bidi`` in auditor.toml decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

from auditor.text.catalogue import current

_FSI, _PDI = "\u2068", "\u2069"
_OWN = dict.fromkeys((0x200E, 0x2068, 0x2069))
_RTL_CLASSES = frozenset({"R", "AL"})
_INVISIBLE = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LEFT_OPEN = re.compile("[\u202a\u202b\u202d\u202e\u2066-\u2068]")
_LATIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_ENDS = ".,:;!?"
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Arabic number signs and their like are formatting characters that are seen.
_SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
_NEVER_PRINTED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def isolate(text: str) -> str:
    """Set a foreign piece of text apart, so that its direction and that of the sentence around it do not mix.

    Text that is not ours goes through ``safe`` first: a stray isolate in it would end this one.
    """
    return f"{_FSI}{text}{_PDI}" if text else text


def unmarked(text: str) -> str:
    """Without our own marks of direction, for cells of programs and spreadsheets: there nothing stands around a value."""
    return text.translate(_OWN)


def isolate_latin(line: str) -> str:
    """Isolate every Latin passage of a line, so that a path keeps its first slash and an option its hyphens where they stand.

    Only letters have a direction of their own: signs at the ends of a passage would take that of the Arabic around it.
    """
    return "".join(isolate(piece) if latin else piece for piece, latin in _pieces(line))


def passages(text: str) -> Iterator[tuple[str, bool]]:
    """``text`` on an Arabic page in pieces, each with whether it is to be set apart, from left to right: every Latin passage, and
    the whole of a text that has letters and none of them Arabic."""
    if has_rtl(text):
        yield from _pieces(text)
    else:
        yield text, any(c.isalpha() for c in text)


def safe(text: str, *, lines: bool = False) -> str:
    """Make characters that steer a terminal, or hide, visible: ESC becomes ``\\x1b`` and U+202E ``‹U+202E›``.

    With ``lines``, line feeds and tabs stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if lines and c in "\n\t" else _shown(c) for c in text)


# The library orders brackets and does not turn them (0.6). A mark behind each, which goes where it goes, tells which are to be.
_AFTER = "\ufe20"
_PAIRS = "()[]{}<>«»‹›≤≥"
_MIRRORED = str.maketrans(_PAIRS, "".join(_PAIRS[i ^ 1] for i in range(len(_PAIRS))))
_BRACKET = re.compile(f"[{re.escape(_PAIRS)}]")
_ORDERED = re.compile(f"{_AFTER}({_BRACKET.pattern})|({_BRACKET.pattern}){_AFTER}")


def visual(line: str) -> str:
    """One line as a terminal that does not order Arabic must be given it: letters joined, in the order they are seen.

    The line's direction is that of the current language. Wrap before this, never after.
    """
    if not has_rtl(line):
        return _INVISIBLE.sub("", line)
    # Imported here because the two cost more than the rest of a short command, and most commands need neither.
    from arabic_reshaper import reshape
    from bidi import get_display

    joined = _BRACKET.sub(rf"\g<0>{_AFTER}", reshape(_closed(line)))
    ordered = get_display(joined, base_dir="R" if current() == "ar" else "L")
    faced = _ORDERED.sub(_facing, ordered if isinstance(ordered, str) else ordered.decode())
    return _INVISIBLE.sub("", faced.replace(_AFTER, ""))


def _facing(match: re.Match[str]) -> str:
    """A bracket as it is seen: where the order was turned round, what was put behind it stands before it."""
    return match[2] or match[1].translate(_MIRRORED)


def has_rtl(text: str) -> bool:
    """Whether anything in ``text`` reads from right to left."""
    return not text.isascii() and any(unicodedata.bidirectional(c) in _RTL_CLASSES for c in text)


def terminal_orders_bidi(environ: Mapping[str, str]) -> bool:
    """Whether the terminal behind these environment variables is known to order right-to-left text by itself."""
    vte = environ.get("VTE_VERSION", "")
    if vte.isdecimal() and vte.isascii() and len(vte) < 9:
        return int(vte) >= 5800
    if any(environ.get(name) for name in ("KONSOLE_VERSION", "MLTERM", "KITTY_WINDOW_ID")):
        return True
    if environ.get("TERM_PROGRAM") in {"Apple_Terminal", "mintty"}:
        return True
    return environ.get("TERM", "").startswith(("mlterm", "putty", "konsole", "xterm-kitty"))


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _NEVER_PRINTED or char in _SEEN:
        return char
    if char in _ESCAPES:
        return _ESCAPES[char]
    return f"\\x{ord(char):02x}" if ord(char) < 0xA0 else f"‹U+{ord(char):04X}›"


def _pieces(line: str) -> Iterator[tuple[str, bool]]:
    """A line in pieces, each with whether it is a Latin passage."""
    done = 0
    for found in _LATIN.finditer(line):
        start, end = _bounds(found[0])
        if start < end:
            yield line[done : found.start() + start], False
            yield found[0][start:end], True
            done = found.start() + end
    yield line[done:], False


def _bounds(text: str) -> tuple[int, int]:
    """Where a passage begins and ends, but for the stops and brackets that are the sentence's own; nowhere without a letter."""
    if not any(c.isalpha() for c in text):
        return 0, 0
    inner = text.lstrip(_ENDS + " ")
    start, end = len(text) - len(inner), len(text)
    while True:
        inner = text[start:end]
        if inner.endswith((" ", "(")) or (inner.endswith(")") and inner.count(")") > inner.count("(")):
            end -= 1
        elif inner.startswith((" ", ")")) or (inner.startswith("(") and inner.count("(") > inner.count(")")):
            start += 1
        elif inner[-1] in _ENDS and not inner.endswith("..."):
            end -= 1
        else:
            return start, end


def _closed(line: str) -> str:
    """Isolates that are opened in pairs stay; a line whose pairs are broken by wrapping is ordered without any."""
    depth = 0
    for char in line:
        if _LEFT_OPEN.match(char):
            depth += 1
        elif char in "\u202c\u2069":
            depth -= 1
        if depth < 0:
            break
    return line if depth == 0 else re.sub("[\u202a-\u202e\u2066-\u2069]", "", line)
