"""Mistakes speak the reader's language, and what is compared or stored does not hang on it."""

from __future__ import annotations

import re

import pytest

from auditor.loading import KINDS, load_schema
from auditor.loading.expected import EXPECTED
from auditor.loading.importing.sheets import parse_csv
from auditor.text import using
from tests.loading.conftest import Workspace
from tests.loading.test_schemas import parts

HEALTH = "inventories/health.yaml"
STARTS_IN_ARABIC = re.compile("[\u0621-\u064a]")


def test_every_title_of_the_schemas_is_marked_for_translation() -> None:
    """A title that the table lacks would be said in English in the middle of an Arabic sentence; none is left over."""
    titles = {part["title"] for kind in KINDS for _way, part in parts(load_schema(kind), kind) if "title" in part}

    assert {title for _context, title in EXPECTED} == titles


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("22/tcp", "22"),
        ("address: 10.1.1.11", "address: 8.8.8.8"),
        ("address: 10.1.1.11", "adress: 10.1.1.11"),
        ("address: 10.1.1.11", "password: hunter2"),
        ("department: health", "department: Health"),
        ("department: health", "!x"),
    ],
)
def test_a_mistake_is_an_arabic_sentence_at_the_same_place(workspace: Workspace, old: str, new: str) -> None:
    """The place is the same in both languages, and the sentence begins in Arabic: its first letter tells its direction."""
    workspace.replace(HEALTH, old, new)
    english = workspace.mistakes()
    with using("ar"):
        arabic = workspace.mistakes()

    assert len(english) == len(arabic) > 0
    for said, other in zip(sorted(english), sorted(arabic), strict=True):
        assert said.split(": ")[0] == other.split(": ")[0]
        assert STARTS_IN_ARABIC.match(other.split(": ", 1)[1]), other


def test_an_import_names_no_place_that_its_file_does_not_have() -> None:
    """The loader's own way to a value is taken out wherever the sentence of a language puts it."""
    table = b'name,address,ports,criticality\nweb,10.0.0.1,99999/tcp,urgent\n"hosts[3].x",10.0.0.2,,hosts[7].y\n'
    with using("ar"):
        said = [mistake.message for mistake in parse_csv(table, "hosts.csv").mistakes]

    assert len(said) == 3
    assert all(STARTS_IN_ARABIC.match(message) for message in said)
    assert "hosts[" not in "".join(said).replace('"hosts[7].y"', "")
