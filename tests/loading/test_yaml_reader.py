"""The YAML reader: what scalars mean, where things stand, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.loading import Document, Mistake, read_yaml
from auditor.loading.yaml_reader import MAX_ALIASED, MAX_BYTES
from auditor.model import Json


def value_of(text: str) -> Json:
    document, mistakes = read_yaml(text.encode(), "x.yaml")
    assert mistakes == ()
    assert document is not None
    return document.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("~", None),
        ("0", 0),
        ("90", 90),
        ("-3", -3),
        ("5.1", 5.1),
        ("0.6", 0.6),
        ("1.0", 1.0),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("True", "True"),
        ("0640", "0640"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("22:22", "22:22"),
        ("5.10", "5.10"),
        ("+5", "+5"),
        ("-0", "-0"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", "9223372036854775808"),
        ("9" * 5000, "9" * 5000),
        ("2027-03-31", "2027-03-31"),
        ("12:30:00", "12:30:00"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("''", ""),
    ],
)
def test_scalars_are_those_of_yaml_1_2_and_lose_nothing(text: str, expected: Json) -> None:
    """Only true, false, null and numbers that are written back as they stand leave text."""
    value = value_of(f"a: {text}")

    assert value == {"a": expected}
    assert type(value["a"]) is type(expected)


def test_keys_are_always_text() -> None:
    """A key such as 22 or true is a name, never a number."""
    assert value_of("{22: a, true: b, null: c}") == {"22": "a", "true": "b", "null": "c"}


def test_every_key_and_value_keeps_its_place() -> None:
    """Lines and columns count from 1, by character, also behind Arabic."""
    document, _ = read_yaml("a:\n  - {ب: x, c: 'y'}\n".encode(), "x.yaml")
    assert document is not None

    assert str(document.mistake(("a", 0, "c"), "m")) == "x.yaml:2:15: m"
    assert str(document.mistake(("a", 0, "c"), "m", at_key=True)) == "x.yaml:2:12: m"
    assert str(document.mistake(("a", 0), "m")) == "x.yaml:2:5: m"
    assert str(document.mistake(("a", 7), "m")) == "x.yaml:2:3: m"


@pytest.mark.parametrize(
    ("source", "line", "column", "place"),
    [
        ("e: abc", 1, 2, "1:5"),
        ("e: 'abc'", 1, 2, "1:6"),
        ('e: "abc"', 1, 2, "1:6"),
        ("e: 'a''c'", 1, 3, "1:4"),  # the escape hides the column
        ("e: |\n  abc\n    def\n", 1, 2, "2:4"),
        ("e: |\n  abc\n    def\n", 2, 3, "3:5"),
        ("e: >-\n  abc\n  def\n", 1, 6, "3:4"),
        ("e: >-\n  abc\n\n  def\n", 1, 6, "1:4"),  # an empty line folds otherwise
        ("e: abc\n  def\n", 1, 6, "2:4"),
        ("e: abc # c\n", 1, 2, "1:5"),
    ],
)
def test_a_place_inside_a_text_is_found_or_its_start_is_named(source: str, line: int, column: int, place: str) -> None:
    """An expression's mistake is pointed at in the file; where folding or escapes hide the column, at the text's start."""
    document, _ = read_yaml(source.encode(), "x.yaml")
    assert document is not None

    assert str(document.mistake_within(("e",), line, column, "m")) == f"x.yaml:{place}: m"


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (b"a: 1\nb: 2\na: 3", "x.yaml:3:1: the key a stands twice in this mapping, first in line 1"),
        (b"a: {b: 1, b: 2}", "x.yaml:1:11: the key b stands twice"),
        (b"a: !!python/object/apply:os.system [ls]", "x.yaml:1:4: tags are not allowed"),
        (b"a: !!str 5", "x.yaml:1:4: tags are not allowed"),
        (b"a: ! 5", "x.yaml:1:4: tags are not allowed"),
        (b"%TAG ! tag:x\n---\na: 1", "x.yaml:1:1: %TAG is not allowed"),
        (b"a: &x {b: 1}\nc:\n  <<: *x", "x.yaml:3:3: merge keys (<<) are not allowed"),
        (b"a: 1\n---\nb: 1", "x.yaml:2:1: a second document starts here"),
        (b"a: *nowhere", "x.yaml:1:4: this alias (*) names no anchor"),
        (b"a: &x [*x]", "x.yaml:1:8: this alias (*) stands inside the value that it repeats"),
        (b"[a]: 1", "x.yaml:1:1: a key must be a plain word"),
        (b"? {a: 1}\n: 2", "x.yaml:1:3: a key must be a plain word"),
        (b"'': 2", "x.yaml:1:1: this key is empty"),
        (b"a: &x b\n*x : 1", "x.yaml:2:1: a key must be a plain word"),
        (b"a: b\nc: \xff", "x.yaml:2:4: the file is not UTF-8 here"),
        ("a: ب\nc: ".encode() + b"\xc3\x28", "x.yaml:2:4: the file is not UTF-8 here"),
        ("a: b".encode("utf-16"), "x.yaml:1:1: the file is not UTF-8 here"),
        (b"a: \x1b[31m", "x.yaml:1:4: the control character U+001B is not allowed"),
        (b"a: b\x00", "x.yaml:1:5: the control character U+0000 is not allowed"),
        ("a: b\u2028c".encode(), "x.yaml:1:5: the control character U+2028 is not allowed"),
        (rb'a: "\0"', "x.yaml:1:4: the text holds the control character U+0000"),
        (rb'a: "\e"', "x.yaml:1:4: the text holds the control character U+001B"),
        (b"#" * (MAX_BYTES + 1), f"x.yaml:1:1: the file is {MAX_BYTES + 1} bytes long"),
        (b"[" * 1000, "x.yaml:1:34: values are nested more than 32 deep"),
        (b"- " * 1000, "x.yaml:1:67: values are nested more than 32 deep"),
        (b"a: b: c", "x.yaml:1:5: this is not valid YAML: "),
        (b"a: [1, 2", "x.yaml:1:4: this is not valid YAML: "),
        (b"a: b\n\tc: d", "x.yaml:2:1: a tab stands before this line's text; YAML is indented by spaces"),
    ],
)
def test_what_surprises_or_explodes_is_refused_where_it_stands(data: bytes, start: str) -> None:
    """Each refusal names file, line and column."""
    _, mistakes = read_yaml(data, "x.yaml")

    assert [str(mistake)[: len(start)] for mistake in mistakes] == [start]


def test_aliases_repeat_a_little_but_never_explode() -> None:
    """A bomb of nested aliases is refused before anything is made of it; a plain alias is not."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
    )
    _, mistakes = read_yaml(bomb.encode(), "x.yaml")

    assert [mistake.message for mistake in mistakes] == [f"aliases (*) repeat more than {MAX_ALIASED} values; write them out"]
    assert value_of("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}


def test_all_duplicate_keys_are_told_and_the_first_counts() -> None:
    """One look at the file is enough to mend them all."""
    document, mistakes = read_yaml(b"a: 1\na: 2\nb: 1\nb: 2", "x.yaml", "health")

    assert document is not None
    assert document.value == {"a": 1, "b": 1}
    assert [(mistake.line, mistake.column, mistake.department) for mistake in mistakes] == [(2, 1, "health"), (4, 1, "health")]


def test_windows_files_read_like_any_other(tmp_path: Path) -> None:
    """A byte-order mark and CRLF change neither values nor places."""
    document, mistakes = read_yaml(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "x.yaml")

    assert (document and document.value, mistakes) == ({"a": 1, "b": 2}, ())
    assert document is not None
    assert str(document.mistake(("b",), "m", at_key=True)) == "x.yaml:2:1: m"


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_give_a_document_or_mistakes(data: bytes) -> None:
    """Never another exception, and never nothing at all."""
    _holds(data)


_YAML = st.text(alphabet=list("ab01 -:,?[]{}#&*!|>'\"%@`<\\\n\t~.ب"), max_size=120)


@given(_YAML)
def test_any_text_near_yaml_gives_a_document_or_mistakes(text: str) -> None:
    """The same, where the parser's every corner is met."""
    _holds(text.encode())


def _holds(data: bytes) -> None:
    document, mistakes = read_yaml(data, "x.yaml")
    assert document is not None or mistakes
    assert all(isinstance(mistake, Mistake) and mistake.line > 0 and mistake.column > 0 for mistake in mistakes)
    if document is not None:
        _walk(document, document.value, ())


def _walk(document: Document, value: Json, keys: tuple[str | int, ...]) -> None:
    lines = document.text.splitlines() or [""]
    place = document.place_of(keys)
    assert 1 <= place.line <= len(lines) + 1
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        _walk(document, item, (*keys, key))


def test_what_a_file_says_again_and_again_is_held_once() -> None:
    """An inventory of thousands of hosts names the same login, key and role for each."""
    value: Any = value_of("- {user: the auditor, key: 'a b'}\n- {user: the auditor, key: a b}\n")
    one, other = value
    assert one == other == {"user": "the auditor", "key": "a b"}
    assert all(one[name] is other[name] for name in one)
