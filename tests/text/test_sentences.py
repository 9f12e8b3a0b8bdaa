"""Recorded sentences are told again in Arabic; the patterns keep up with the code that makes the sentences."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.collecting.interface import STOPPED
from auditor.collecting.ssh_errors import ERRORS
from auditor.collecting.witnesses import _UNEVEN
from auditor.errors import ParseError
from auditor.evaluating import bounded
from auditor.evaluating.deciding import TOO_MANY
from auditor.evaluating.doubting import _SILENT, _UNSEEN
from auditor.evaluating.reading import Missing, Reading, not_too_long
from auditor.expressions import LONGEST
from auditor.text import sentences, using
from auditor.text.bidi import has_rtl
from auditor.text.sentences import CAUSES, PROOFS, SENTENCES, pattern_of, retell

COLLECTING = Path(__file__).parents[2] / "auditor" / "collecting"
RAISED = {
    "UnreachableError",
    "DeniedError",
    "UntrustedError",
    "DeadlineError",
    "TransportError",
    "BreachError",
    "ShellError",
    "not_reached",
}
MADE_ELSEWHERE = {"{} took too long."}  # by Clock, of one of three things that the patterns name


def sentences_in_code() -> list[str]:
    """Every sentence with which collecting explains an asset, its places filled with a word."""
    found = []
    for path in sorted(COLLECTING.glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or getattr(call.func, "id", "") not in RAISED:
                continue
            for argument in call.args:
                text = shape(argument)
                if text and " " in text and text not in MADE_ELSEWHERE:
                    found.append(text.replace("{}", "word"))
    return found


def shape(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


@pytest.mark.parametrize("sentence", sentences_in_code())
def test_every_recorded_sentence_is_known(sentence: str) -> None:
    """A new sentence in collecting needs a pattern, and with it an Arabic text."""
    if sentence in ("word: word.", "word."):
        return  # one of CAUSES, with a library's own words
    assert any(pattern_of(message).fullmatch(sentence) for message in SENTENCES), sentence


def test_causes_are_those_of_the_edge() -> None:
    """The table of translated exceptions and the sentences told again are the same."""
    assert {sentence for _, _, sentence in ERRORS} == set(CAUSES)
    assert STOPPED in SENTENCES


@pytest.mark.parametrize(
    "sentence",
    [
        "No connection to 10.1.1.1 port 22: no answer.",
        "The jump host b could not be used: b refused the login of 'auditor' (tried: key keys/lab).",
        "The host key of h has CHANGED: it shows ssh-ed25519 SHA256:x, which is not on record. "
        "Find out why before you accept it with: auditor hosts trust h",
        "The connection was refused: [Errno 111] Connection refused.",
        "The host closed the connection.",
    ],
)
def test_told_in_arabic_with_its_names(sentence: str) -> None:
    """Arabic readers are told why in Arabic; names, numbers and commands stay as they are."""
    with using("ar"):
        told = retell(sentence)
    assert has_rtl(told)
    assert told != sentence
    for word in ("10.1.1.1", "auditor hosts trust h", "keys/lab", "SHA256:x", "[Errno 111] Connection refused"):
        assert (word in sentence) == (word in told)
    with using("en"):
        assert retell(sentence) == sentence


def test_a_stranger_is_shown_as_it_is() -> None:
    """What no pattern fits is not hidden."""
    with using("ar"):
        assert retell("Something else.") == "Something else."


@pytest.mark.parametrize("name", ["reading accounts", "deciding it"])
@pytest.mark.parametrize(("bound", "value"), [("MEGABYTES", -1), ("SECONDS", 0.0), ("OF_ASSET", 0.0)])
def test_what_goes_beyond_its_bounds_is_told_in_arabic(
    name: str, bound: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An officer reads why a check is in error, in the words with which the bound itself says it."""
    monkeypatch.setattr(bounded, bound, value)

    def spin() -> None:
        while True:
            sum(range(1000))

    with pytest.raises(ParseError) as raised, bounded.allowance():
        bounded.bounded(spin, name)
    with using("ar"):
        told = retell(str(raised.value))
    assert has_rtl(told)
    assert "accounts" not in name or "accounts" in told


def test_too_many_things_are_told_in_arabic() -> None:
    readings = [not_too_long(Reading([0] * (LONGEST + 1), datetime.now(UTC)), "sshd")]
    told = [reading.detail for reading in readings if isinstance(reading, Missing)]
    with using("ar"):
        assert [has_rtl(retell(detail)) for detail in (*told, TOO_MANY)] == [True, True]


@pytest.mark.parametrize("sentence", [_SILENT, _UNSEEN, f"ntp_service: {_UNEVEN}"])
def test_why_silence_settles_nothing_is_told_in_arabic(sentence: str) -> None:
    """The record holds English; whoever reads Arabic is told the same."""
    with using("ar"):
        assert retell(sentence) != sentence


def test_by_what_the_login_was_tried_is_told_in_arabic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: "(جُرِّب: key /tmp/…)"; of several proofs each is told."""
    words = {
        "key {path}": "المفتاح {path}",
        "password": "كلمة المرور",
        "a second proof is asked for": "طُلب إثبات ثانٍ",
        "; ": "؛ ",
    }
    known = sentences._
    monkeypatch.setattr(sentences, "_", lambda message: words.get(message) or known(message))
    with using("ar"):
        proofs = "key keys/lab; password; keyboard-interactive; a second proof is asked for"
        told = retell(f"b refused the login of 'auditor' (tried: {proofs}).")
    assert "المفتاح \u2068keys/lab\u2069؛ كلمة المرور؛ \u2068keyboard-interactive\u2069؛ طُلب إثبات ثانٍ" in told


def test_every_proof_that_is_tried_is_known() -> None:
    """A new way to log in needs its Arabic name; ``keyboard-interactive`` is the protocol's own."""
    tree = ast.parse((COLLECTING / "ssh_login.py").read_text(encoding="utf-8"))
    first = [n.value.elts[0] for n in ast.walk(tree) if isinstance(n, ast.Yield) and isinstance(n.value, ast.Tuple)]
    told = {shape(node).replace("{}", "word") for node in first} - {"", "keyboard-interactive"}
    assert len(told) == 3
    assert all(any(pattern_of(message).fullmatch(proof) for message in PROOFS) for proof in told)
