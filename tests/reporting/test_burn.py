"""The past of open findings is shown as it was known, and no further back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from auditor.model import Catalogue, ReportFormat, ReportKind
from auditor.reporting.document import Chart, Lines
from auditor.workflow.reports import Made, from_snapshot

from .made import report


def known(made: Made) -> dict[date, float | None]:
    """Open findings by day, as the chart of health shows them until now."""
    (picture,) = (b.picture for b in made.document.blocks if isinstance(b, Chart) and b.id == "burn-health")
    assert isinstance(picture, Lines)
    return {day: value for day, value in zip(picture.days, picture.series[0].values, strict=True) if day <= date(2026, 11, 22)}


def test_nothing_is_shown_of_weeks_before_the_first_audit(seeded: Catalogue) -> None:
    """Regression: weeks in which nothing had been audited stood at no open finding, as if the first audit had broken things."""
    found = known(report(seeded, ReportKind.SCORECARD, ReportFormat.JSON, departments=("health",)))
    assert {found[date(2026, 11, 8) - timedelta(weeks=week)] for week in range(1, 7)} == {None}
    assert found[date(2026, 11, 8)] == 3.0


def test_a_finding_is_not_open_while_it_was_closed(seeded: Catalogue) -> None:
    """Regression: two that were mended for a week and came back counted as open through that week."""
    found = known(report(seeded, ReportKind.SCORECARD, ReportFormat.JSON, departments=("health",)))
    assert [found[date(2026, 11, day)] for day in (8, 15, 22)] == [3.0, 1.0, 3.0]


def test_without_a_whole_audit_only_today_is_known(seeded: Catalogue) -> None:
    """Findings may be of runs of some hosts alone, which tell nothing of the others."""
    made = report(seeded, ReportKind.SCORECARD, ReportFormat.JSON, departments=("health",))
    lone = from_snapshot(replace(made.snapshot, trend=()), made.stamp.options, ReportFormat.JSON)
    assert {day: value for day, value in known(lone).items() if value is not None} == {date(2026, 11, 22): 3.0}
