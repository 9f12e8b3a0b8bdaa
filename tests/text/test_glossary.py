"""The glossary says what the program says, and what checks and controls say holds to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.loading import load_workspace
from auditor.model import FindingState, Reach, Severity, Text, VerdictKind
from auditor.text import using
from auditor.text.labels import label

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
HELD, AVOIDED = GLOSSARY.split("## Held by a test")[1].split("These words are not used")
ROW = re.compile(r"^\| ([^|]+?) \| ([^|]+?) \|$", re.MULTILINE)
CODE = re.compile(r"`[^`]*`|[\w.-]*[/_=.][\w/._=-]+|\b[A-Z]\w*[A-Z]\w*\b|\b\w+-\w[\w-]*\b")
MARKS = re.compile("[\u064b-\u0652\u0670]")


def rows(text: str) -> list[tuple[list[str], list[str]]]:
    """A table's rows as words on the left and on the right."""
    return [(re.split("[,،] ?", left), re.split("[,،] ?", right)) for left, right in ROW.findall(text)[2:]]


def texts() -> Iterator[tuple[str, Text]]:
    """Every text of checks and controls that is written in both languages."""
    catalogue = load_workspace(ROOT).catalogue
    assert catalogue is not None
    for check in catalogue.checks.values():
        yield from ((check.id, text) for text in (check.title, check.rationale, check.remediation))
    for control in catalogue.framework.controls:
        yield from ((control.id, text) for text in (control.title, control.statement, *(m.why for m in control.checks)))


TEXTS = tuple(texts())


def test_the_labels_that_people_meet_most_are_in_the_glossary_as_they_are() -> None:
    """Verdicts, severities, states and reach stand in docs/glossary.md in the words of the catalogue, beside their English."""
    known = re.findall(r"^\| (.+?) \| (.+?) \|", GLOSSARY, re.MULTILINE)
    for kind in (VerdictKind, Severity, FindingState, Reach):
        for value in kind:
            with using("en"):
                english = label(value)
            with using("ar"):
                arabic = label(value)
            assert any(english in left and arabic in right for left, right in known), (english, arabic)


@pytest.mark.parametrize(("english", "arabic"), rows(HELD), ids=lambda words: words[0])
def test_a_term_is_the_glossary_s_term(english: list[str], arabic: list[str]) -> None:
    """What an English text names, its Arabic names in the word agreed on."""
    named = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, english))})(?![\w-])", re.IGNORECASE)
    strayed = [
        (name, text.ar)
        for name, text in TEXTS
        if named.search(CODE.sub(" ", text.en)) and not any(word in MARKS.sub("", text.ar) for word in arabic)
    ]
    assert strayed == []


@pytest.mark.parametrize(("avoided", "better"), rows(AVOIDED), ids=lambda words: words[0])
def test_a_word_that_was_decided_against_is_not_used(avoided: list[str], better: list[str]) -> None:
    """One thing has one name in every text."""
    assert better
    assert [name for name, text in TEXTS if any(word in MARKS.sub("", text.ar) for word in avoided)] == []
