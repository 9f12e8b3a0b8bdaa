"""Which day it is where a finding is: people name days, and they begin at another instant in each zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.model import Catalogue
from auditor.workflow.circulars import issue_circular
from auditor.workflow.queries import FindingFilter, list_findings
from auditor.workflow.remediation import Chosen, carry_out, planning
from tests.reporting.seed import seed

LATE = datetime(2027, 3, 1, 22, 0, tzinfo=UTC)  # 2 March, one o'clock, in Riyadh
FIRST, SECOND, THIRD = (date(2027, 3, day) for day in (1, 2, 3))


@pytest.fixture
def found(tmp_path: Path) -> Catalogue:
    """Health in Riyadh, finance in UTC."""
    made = seed(tmp_path / "workspace")
    zones = {"health": "Asia/Riyadh", "finance": "UTC"}
    departments = tuple(replace(d, timezone=zones[d.id]) for d in made.inventory.departments)
    return replace(made, inventory=replace(made.inventory, departments=departments))


def test_a_plan_for_a_day_that_is_past_where_the_finding_is_is_refused(found: Catalogue) -> None:
    """Regression: the day was that of UTC, on which it was still to come."""
    chosen = Chosen((list_findings(found, FindingFilter(departments=("health",)))[0].id,))
    with pytest.raises(UsageError, match="is past"):
        carry_out(found, "sara", planning(found, FIRST, "upgrade"), chosen, now=LATE)
    (done,) = carry_out(found, "sara", planning(found, SECOND, "upgrade"), chosen, now=LATE)
    assert done.event is not None


def test_a_circular_gives_every_department_a_day_to_come(found: Catalogue) -> None:
    """Regression: the day was that of UTC; 2 March is today already for health, and to come for finance."""
    checks = ("ssh-max-auth-tries",)
    for departments in (("health",), ("finance", "health")):
        with pytest.raises(UsageError, match="no day to come"):
            issue_circular(found, "huda", checks, departments, SECOND, now=LATE)
        assert set(issue_circular(found, "huda", checks, departments, THIRD, now=LATE).due) == set(departments)
    assert issue_circular(found, "huda", checks, ("finance",), SECOND, now=LATE).due == {"finance": SECOND}
