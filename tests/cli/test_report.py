"""``auditor report`` as people call it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from auditor.model import ReportKind
from tests.reporting.seed import seed

from .conftest import Workspace


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("seeded") / "workspace"
    seed(root)
    return Workspace(root)


@pytest.mark.parametrize("kind", list(ReportKind), ids=lambda kind: kind.value)
@pytest.mark.parametrize("lang", ["ar", "en"])
def test_every_kind_is_shown_at_a_terminal(seeded: Workspace, kind: ReportKind, lang: str) -> None:
    """Without an option at all."""
    called = seeded.call("report", kind.value, lang=lang)
    assert (called.returncode, called.stderr) == (0, b"")
    assert "SHA-256" in called.stdout.decode()


def test_a_file_is_written_verified_and_found_out(seeded: Workspace, tmp_path: Path) -> None:
    """Exit code 0 for a report that matches, 4 for one that does not, 2 for a file that is none."""
    path = tmp_path / "summary.pdf"
    called = seeded.call("report", "summary", "--format", "pdf", "--output", str(path), "--language", "both")
    assert (called.returncode, path.read_bytes()[:5]) == (0, b"%PDF-")
    assert called.stdout.decode() == f"Written: {path}\n"
    verified = seeded.call("report", "verify", str(path))
    assert (verified.returncode, "matches the ledger: audit 3" in verified.stdout.decode()) == (0, True)
    content = path.read_bytes()
    path.write_bytes(content[:900] + b"x" + content[901:])
    assert seeded.call("report", "verify", str(path)).returncode == 4
    path.write_bytes(b"nothing")
    assert seeded.call("report", "verify", str(path)).returncode == 2


def test_the_output_goes_to_a_pipe_where_no_file_is_named(seeded: Workspace) -> None:
    """JSON and PDF alike."""
    told = json.loads(seeded.call("report", "league", "--format", "json").stdout)
    assert told["kind"] == "league"
    assert seeded.shell("report", "league", "--format", "pdf").stdout[:5] == b"%PDF-"


def test_findings_can_be_put_together_by_host(seeded: Workspace) -> None:
    """One chapter a host, each remedy once."""
    text = seeded.call("report", "findings", "--by", "host", "--department", "health").stdout.decode()
    assert ("What to do, by host" in text, "finance-db-1" in text) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("summary", "--department", "nowhere"), "there is no department 'nowhere'"),
        (("summary", "--run", "9"), "there is no run 9"),
        (("summary", "--campaign", "C-9"), "nothing is named 'C-9'"),
        (("circular", "--circular", "R-9"), "nothing is named 'R-9'"),
        (("summary", "--run", "9999-12-31"), "neither the number of a run nor a day"),  # regression: OverflowError
        (("delta", "--since", "yesterday"), "neither the number of a run nor a day"),
        (("delta", "--since", "2020-01-01"), "no audit had ended by then"),
        (("delta", "--since", "3", "--until", "1"), "the later point lies before the earlier one"),
        (("delta", "--run", "1"), "there is no earlier audit"),
        (("summary", "--output", "x.pdf"), "say how the file is to be written"),
        (("summary", "--format", "pdf", "--output", "/proc/x/y.pdf"), "cannot be written"),
        (("summary", "--template", "/nowhere", "--format", "html"), "is no folder"),
    ],
)
def test_what_cannot_be_done_is_said(seeded: Workspace, arguments: tuple[str, ...], told: str) -> None:
    """With exit code 2, in one sentence."""
    called = seeded.call("report", *arguments)
    assert (called.returncode, told in called.stderr.decode()) == (2, True), called.stderr.decode()


def test_there_is_no_report_before_an_audit(workspace: Workspace) -> None:
    """The message says what to do first."""
    called = workspace.call("report", "summary")
    assert (called.returncode, "auditor audit" in called.stderr.decode()) == (4, True)


def test_delta_between_two_days(seeded: Workspace) -> None:
    """Days mean the last run that had ended by them."""
    called = seeded.call("report", "delta", "--since", "2026-11-08", "--until", "2026-11-15", "--format", "json")
    figures = json.loads(called.stdout)["figures"]
    # people's moves of the eighth are within that day; two findings were fixed a week later and one was new
    assert {name: figure["value"] for name, figure in figures.items()} == {
        "new": 1,
        "reopened": 0,
        "fixed": 3,
        "closed": 0,
        "still": 3,
        "unseen": 0,
    }


def test_everything_in_a_zip(seeded: Workspace, tmp_path: Path) -> None:
    """Named as it is written, and refused where something is there already."""
    path = tmp_path / "all.zip"
    called = seeded.call("report", "all", "--output", str(path), lang="ar")
    assert (called.returncode, path.exists()) == (0, True)
    assert "health/scorecard.pdf" in called.stdout.decode()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    refused = seeded.call("report", "all", "--output", str(tmp_path / "full"))
    assert (refused.returncode, "there already" in refused.stderr.decode()) == (2, True)


def test_a_closed_campaign_is_reported_as_it_was_frozen(seeded: Workspace, tmp_path: Path) -> None:
    """Whatever happens afterwards."""
    root = tmp_path / "workspace"
    shutil.copytree(seeded.root, root)
    own = Workspace(root)
    people = (root / "auditor.toml").read_text(encoding="utf-8").replace("[people.huda]", "[people.root]")
    (root / "auditor.toml").write_text(people, encoding="utf-8")
    assert own.call("campaign", "close", "C-1", SUDO_UID="0").returncode == 0
    one = json.loads(own.call("report", "plan", "--campaign", "C-1", "--format", "json").stdout)
    more = people + '\n[people.daemon]\nname = {en = "Dina", ar = "دينا"}\nroles = ["officer"]\ndepartment = "health"\n'
    (root / "auditor.toml").write_text(more, encoding="utf-8")
    own.call("findings", "acknowledge", "--department", "health", "--yes", SUDO_UID="1")
    two = json.loads(own.call("report", "plan", "--campaign", "C-1", "--format", "json").stdout)
    assert one["tables"] == two["tables"]
    assert (one["stamp"]["seq"], one["stamp"]["as_of"]) == (two["stamp"]["seq"], two["stamp"]["as_of"])


def test_the_schema_is_printed(seeded: Workspace) -> None:
    """For programs that read reports."""
    assert json.loads(seeded.call("report", "schema").stdout)["title"] == "A report in JSON"


@pytest.mark.parametrize("target", [("summary", "--format", "html", "--output"), ("all", "--output")], ids=["one", "all"])
def test_no_folder_is_made_that_was_mistyped(seeded: Workspace, tmp_path: Path, target: tuple[str, ...]) -> None:
    """Regression: ``--output /nosuch/x.html`` made the folder, at the top of the file system where root called."""
    wanted = tmp_path / "nosuch" / "x.html"
    called = seeded.call("report", *target, str(wanted))
    assert (called.returncode, "there is no folder" in called.stderr.decode()) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_cannot_be_written_is_told_in_one_line(seeded: Workspace) -> None:
    """Regression: a traceback of the library that sets type came after it, since Python had taken that apart before its fonts."""
    called = seeded.shell("report", "all", "--output", "/proc/auditor")
    assert (called.returncode, called.stderr.count(b"\n")) == (2, 1), called.stderr
    assert b"cannot be written: No such file or directory" in called.stderr


@pytest.mark.parametrize("arguments", [("--since", "3"), ("--since", "latest"), ("--since", "1", "--until", "1")])
def test_an_audit_is_not_compared_with_itself(seeded: Workspace, arguments: tuple[str, ...]) -> None:
    """Regression: "From audit 1 to audit 1", and nothing had changed."""
    called = seeded.call("report", "delta", *arguments)
    assert (called.returncode, "is the earlier and the later point" in called.stderr.decode()) == (2, True)
