"""Why auditor.toml cannot be read is told in the reader's language."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from auditor.errors import ConfigurationError
from auditor.loading import load_settings, toml_words
from auditor.text import catalogue, using

WRONG = (
    "= 1",
    "a = ",
    "a",
    "a b = 1",
    "[t",
    "[[t",
    "a = 1 2",
    "a = 1\na = 2",
    "a = [1",
    "a = {b = 1",
    'a = "x',
    'a = "\\x"',
    'a = "\\uZZZZ"',
    'a = "\\uD800"',
    'a = """\\x"""',
    "a = '''x",
    'a = """x',
    'a = "x\n"',
    "a = 2027-02-30",
    "[t]\n[t]",
    "a = {}\na.b = 1",
    "[t]\na.b = 1\n[t.a]",
    "[t.a]\n[t]\na.b = 1",
    "a. = 1",
    "a = {b = 1, b = 2}",
    "a = 1\x00",
    "a = '\x01'",
    "# \x01",
)


def test_every_sentence_of_the_reader_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: «ليس هذا TOML صالحًا: Invalid value». Each sentence that the reader has for these is one of ours, and ours
    are its sentences."""
    asked: list[str] = []
    monkeypatch.setattr(toml_words, "_", lambda message: asked.append(message) or message)
    for text in WRONG:
        with pytest.raises(tomllib.TOMLDecodeError) as wrong:
            tomllib.loads(text)
        toml_words.told(str(wrong.value).partition(" (at ")[0])
    ours = {*toml_words.PROBLEMS, *(sentence for _pattern, sentence in toml_words.NAMING)}
    assert set(asked) == ours


def test_a_key_is_told_as_it_is_written() -> None:
    """The reader names it as a tuple of Python."""
    assert toml_words.told("Cannot declare ('ledger', 'path') twice") == "Cannot declare ledger.path twice"


def test_a_settings_file_that_is_no_toml_is_told_in_the_readers_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the reason stood in English behind the Arabic of the rest."""
    (tmp_path / "auditor.toml").write_text("[audit]\nconcurrency = x\n")

    class Arabic:
        def gettext(self, message: str) -> str:
            return {"Invalid value": "قيمة غير صالحة"}.get(message, message)

    monkeypatch.setattr(catalogue, "_catalogue", lambda _language: Arabic())
    with using("ar"), pytest.raises(ConfigurationError) as told:
        load_settings(tmp_path)
    assert str(told.value.mistakes[0]) == "auditor.toml:2:15: this is not valid TOML: قيمة غير صالحة"
