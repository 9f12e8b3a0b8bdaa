"""The catalogue of controls is whole, and says honestly which of them no check decides."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from auditor.loading import load_workspace
from auditor.model import Evidence
from auditor.reporting.catalogue import covered

CATALOGUE = load_workspace(Path(__file__).parents[2]).catalogue


def test_all_93_controls() -> None:
    """Annex A of ISO/IEC 27001:2022 has 37 organizational, 8 people, 14 physical and 34 technological controls."""
    assert CATALOGUE is not None
    themes = Counter(control.theme for control in CATALOGUE.framework.controls)
    assert themes == {"organizational": 37, "people": 8, "physical": 14, "technological": 34}
    assert Counter(c.evidence for c in CATALOGUE.framework.controls) == {
        Evidence.TECHNICAL: 6,
        Evidence.HYBRID: 48,
        Evidence.ATTESTATION: 39,
    }


def test_statements_are_our_own_and_differ() -> None:
    """Each control states its requirement in both languages, in words of its own."""
    assert CATALOGUE is not None
    for language in ("en", "ar"):
        statements = [control.statement.to(language) for control in CATALOGUE.framework.controls]  # type: ignore[arg-type]
        assert len(set(statements)) == 93
        assert min(len(statement) for statement in statements) > 60


def test_the_policy_of_record_cites_an_article_for_every_control() -> None:
    """The national policy puts all controls in force, each under its article."""
    assert CATALOGUE is not None
    policy = CATALOGUE.policies[CATALOGUE.settings.policy_of_record]
    assert set(policy.controls) == {control.id for control in CATALOGUE.framework.controls}
    assert all(policy.controls.values())


def test_every_check_speaks_for_some_control_and_for_few() -> None:
    """A check that is mapped to a dozen controls speaks for none."""
    assert CATALOGUE is not None
    uses = Counter(mapping.check for control in CATALOGUE.framework.controls for mapping in control.checks)
    assert set(uses) == set(CATALOGUE.checks)
    assert max(uses.values()) <= 3


def test_every_control_has_as_many_checks_as_its_class_needs() -> None:
    """Two for a technical control, one for a hybrid one; the page docs/controls/README.md shows the same."""
    assert CATALOGUE is not None
    assert [control.id for control in CATALOGUE.framework.controls if not covered(control)] == []
