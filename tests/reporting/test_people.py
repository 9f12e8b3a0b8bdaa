"""Papers of the committee name people as people know them, and say of one event the same day wherever it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from auditor.model import Catalogue, ReportFormat, ReportKind, Tongue
from auditor.workflow.circulars import issue_circular
from auditor.workflow.reports import from_snapshot
from tests.cli.conftest import Workspace

from .made import as_text, parsed, report

LATE = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)  # the 23rd already in Riyadh, where both departments are


def called(catalogue: Catalogue, *args: str, language: str = "en") -> str:
    done = Workspace(catalogue.settings.root).call(*args, lang=language, AUDITOR_BIDI="terminal")
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_formal_papers_name_people(seeded: Catalogue) -> None:
    """Regression: the annex and circulars said by which login an exception was approved and a circular issued."""
    (row,) = parsed(report(seeded, ReportKind.ANNEX, ReportFormat.JSON, Tongue.BOTH))["tables"]["exceptions"]
    shown = row["approved"]["shown"]
    assert all(told in shown["en"] for told in ("Huda", "huda", "Interior", "Bilal", "bilal", "Planning"))
    assert all(told in shown["ar"] for told in ("هدى", "huda", "بلال", "bilal"))
    issued = parsed(report(seeded, ReportKind.CIRCULAR, ReportFormat.JSON, Tongue.BOTH))["facts"]["circular-R-1"]["by"]
    assert ("Huda" in issued["shown"]["en"], "هدى" in issued["shown"]["ar"], issued["value"]) == (True, True, "huda")
    plan = parsed(report(seeded, ReportKind.PLAN, ReportFormat.JSON))["tables"]["plan"]
    assert {r["owner"]["shown"] for r in plan if r["owner"]["value"] == "sara"} == {"Sara (\u2068sara\u2069)"}


def test_where_an_exception_holds_is_parted_once(seeded: Catalogue) -> None:
    """Regression: between a host and a subject stood two blanks where the exception names no tag."""
    made = report(seeded, ReportKind.ANNEX, ReportFormat.JSON)
    (held,) = made.snapshot.exceptions
    named = replace(made.snapshot, exceptions=(replace(held, subject="root"),))
    rows = parsed(from_snapshot(named, made.stamp.options, ReportFormat.JSON))["tables"]["exceptions"]
    assert rows[0]["where"]["value"] == "health-db-1 root"


def test_the_terminal_names_people_too(own: Catalogue) -> None:
    """Regression: "Approved by bin, Interior", though auditor.toml says what bin is called."""
    assert {"Huda", "Bilal", "Sara"} <= {
        w for w in called(own, "exceptions", "show", "E-1").replace("│", " ").split() if w.isalpha()
    }
    assert "هدى" in called(own, "exceptions", "show", "E-1", language="ar")
    assert "Huda" in called(own, "circular", "show", "R-1")


def test_a_circular_of_several_checks_names_them_all(own: Catalogue) -> None:
    """Regression: a circular over two checks carried the title of the first alone, in the list, at the terminal and on paper."""
    checks = ("ssh-root-login", "ssh-max-auth-tries", "ssh-x11-forwarding")
    titles = [own.checks[c].title for c in checks]
    two = issue_circular(own, "huda", checks[:2], ("health",), date(2026, 12, 20), now=LATE)
    assert (two.title.en, two.title.ar) == (f"{titles[0].en}; {titles[1].en}", f"{titles[0].ar}؛ {titles[1].ar}")
    three = issue_circular(own, "huda", checks, ("health",), date(2026, 12, 20), now=LATE)
    assert three.title.en == f"{titles[0].en}; and 2 more recommendations"
    alone = issue_circular(own, "huda", checks[:1], ("health",), date(2026, 12, 20), now=LATE)
    assert alone.title == titles[0]


def test_one_event_has_one_date(own: Catalogue) -> None:
    """Regression: a circular was issued on the 22nd at the terminal, which counted by UTC, and on the 23rd elsewhere."""
    issue_circular(own, "huda", ("ssh-root-login",), ("health", "finance"), date(2026, 12, 20), now=LATE)
    assert "2026-11-23" in called(own, "circular", "list")
    assert "2026-11-23" in called(own, "circular", "show", "R-2")
    told = parsed(report(own, ReportKind.CIRCULAR, ReportFormat.JSON))
    assert told["facts"]["circular-R-2"]["issued"]["value"] == "2026-11-23"
    page = as_text(report(own, ReportKind.CIRCULAR, ReportFormat.HTML))
    assert "As of 2026-11-22 12:00 UTC+03:00" in page
