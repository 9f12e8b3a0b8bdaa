"""Closing a campaign while others work on: what is frozen is of one moment, and frozen once."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.model import Catalogue
from auditor.workflow import campaigns
from auditor.workflow.campaigns import close_campaign, frozen_campaign, one_campaign
from auditor.workflow.queries import FindingFilter, list_findings, reading
from auditor.workflow.remediation import Chosen, carry_out, commenting
from auditor.workflow.scores import Scores, scores_of
from tests.reporting.seed import NOW, seed


def test_what_is_frozen_is_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression, figures that contradict each other: they, the findings and the head of the journal were read one after the
    other, with what people did between them."""
    found = seed(tmp_path / "workspace")
    finding = list_findings(found, FindingFilter(departments=("health",)))[0]
    with reading(found) as ledger:
        before = ledger.head()

    def meanwhile(ledger: Ledger, catalogue: Catalogue, **more: object) -> Scores:
        scored = scores_of(ledger, catalogue, **more)  # type: ignore[arg-type]
        carry_out(found, "sara", commenting("seen"), Chosen((finding.id,)), now=NOW)
        return scored

    monkeypatch.setattr(campaigns, "scores_of", meanwhile)
    frozen = frozen_campaign(found, close_campaign(found, "huda", "C-1", now=NOW))
    assert isinstance(frozen, dict)
    assert frozen["journal"] == {"seq": before[0], "head": before[1]}


def test_a_campaign_is_closed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression, a record that is replaced: whether it is closed was asked before, and not where it was written."""
    found = seed(tmp_path / "workspace")
    frozen: list[str] = []

    def meanwhile(ledger: Ledger, catalogue: Catalogue, **more: object) -> Scores:
        monkeypatch.setattr(campaigns, "scores_of", scores_of)
        frozen.append(close_campaign(found, "huda", "C-1", now=NOW).frozen)
        return scores_of(ledger, catalogue, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(campaigns, "scores_of", meanwhile)
    with pytest.raises(UsageError, match="closed already"):
        close_campaign(found, "huda", "C-1", now=NOW)
    assert one_campaign(found, "C-1").frozen == frozen[0]
