"""Ids of findings are fifty bits of a hash: in a nation two findings may have the same, and the night must go on."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module

import pytest

from auditor.errors import IntegrityError
from auditor.ledger import Ledger
from auditor.lifecycle import identity
from tests.workflow.test_judging import department, night, seen


def with_ports(many: int) -> str:
    """What nmap tells of a host on which so many ports are open, each of which fails."""
    ports = "".join(f'<port protocol="tcp" portid="{n}"><state state="open"/></port>' for n in range(1000, 1000 + many))
    return f'<host><status state="up"/><ports closed="{1000 + many}-1999">{ports}</ports></host>'


def test_many_at_once_cost_a_few_tries(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Subjects are what hosts say, and thousands whose ids are alike can be found: each was a transaction of its own."""
    monkeypatch.setattr(identity, "_LETTERS", 2)  # 1,024 ids
    begun: list[None] = []
    transaction = Ledger.transaction

    def counted(self: Ledger) -> AbstractContextManager[None]:
        begun.append(None)
        return transaction(self)

    monkeypatch.setattr(Ledger, "transaction", counted)
    night(ledger, 0, department("web"), seen("web", slice_=with_ports(300)))
    names = {finding.id for finding in ledger.findings()}
    assert len(names) == len(ledger.findings()) == 300
    assert 2 < len(begun) < 20
    assert ledger.verify().problem == ""


def test_the_next_night_finds_each_under_its_id(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is opened twice, and what is mended closes under the id that it has; findings of the department too."""
    monkeypatch.setattr(identity, "_LETTERS", 1)  # 32 ids
    hosts = department("web", "db", "mail", "dns")
    night(
        ledger,
        0,
        hosts,
        *(seen(uid, epoch, with_ports(6)) for uid, epoch in zip(("web", "db", "mail", "dns"), (1, 1, 2, 2), strict=True)),
    )
    before = {(f.asset, f.check, f.subject): f.id for f in ledger.findings()}
    assert len(set(before.values())) == len(before) == 26
    night(
        ledger,
        1,
        hosts,
        *(seen(uid, epoch, with_ports(2)) for uid, epoch in zip(("web", "db", "mail", "dns"), (1, 1, 3, 4), strict=True)),
    )
    assert {(f.asset, f.check, f.subject): f.id for f in ledger.findings()} == before
    assert sum(f.state.value == "closed" for f in ledger.findings()) == 4 * 4 + 1
    assert ledger.verify().problem == ""


def test_an_id_that_is_given_all_the_same_is_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again once, and nothing of it is written."""
    monkeypatch.setattr(import_module("auditor.lifecycle.reconcile"), "finding_id", lambda *_: "F-0000000000")
    with pytest.raises(IntegrityError, match="F-0000000000 is the id of two findings"):
        night(ledger, 0, department("web"), seen("web", slice_=with_ports(2)))
    assert ledger.findings() == ()
    assert ledger.verify().problem == ""
