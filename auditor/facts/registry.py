"""The whole family of facts as one explicit tuple; a test compares it with the folder."""

from __future__ import annotations

from auditor.facts import sshd
from auditor.facts.interface import Fact

FACTS: tuple[Fact, ...] = (sshd.FACT,)

_BY_NAME = {fact.name: fact for fact in FACTS}


def by_name(name: str) -> Fact | None:
    """The fact of that name, or None."""
    return _BY_NAME.get(name)
