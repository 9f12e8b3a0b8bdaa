"""The family of facts is the folder: nothing is registered by accident, nothing forgotten."""

from __future__ import annotations

from pathlib import Path

import auditor.facts
from auditor.facts import FACTS
from auditor.facts.shape import conform

FOLDER = Path(auditor.facts.__file__).parent
NOT_FACTS = {"__init__", "interface", "registry", "shape"}


def test_the_tuple_is_the_folder() -> None:
    """One module a fact, each in the tuple, in alphabetical order."""
    modules = {path.stem for path in FOLDER.glob("*.py")} - NOT_FACTS
    names = [fact.name for fact in FACTS]
    assert set(names) == {name for name in modules if not name.startswith("_")}
    assert names == sorted(names)


def test_every_fact_can_be_read_and_explained() -> None:
    """Each has a probe, a title in both languages and an example of its shape."""
    for fact in FACTS:
        assert fact.probes or fact.network, fact.name
        assert fact.title.en, fact.name
        assert fact.title.ar, fact.name
        assert conform(fact.shape, fact.example, fact.name) == fact.example
