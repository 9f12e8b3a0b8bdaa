"""The same ledger gives the same bytes, and a report that does not match its ledger is found out."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.model import Catalogue, EventKind, ReportFormat, ReportKind, Tongue
from auditor.reporting import lettering
from auditor.reporting.plain import as_csv
from auditor.reporting.stamps import read_stamp
from auditor.workflow.bundles import make_bundle
from auditor.workflow.queries import FindingFilter, list_findings
from auditor.workflow.remediation import Chosen, carry_out, moving
from auditor.workflow.reports import from_snapshot, moment, verify_report
from auditor.workflow.stamped import input_hashes
from auditor.workflow.workspace import open_workspace

from .made import report
from .seed import NIGHTS, NOW, night

FILES = [f for f in ReportFormat if f is not ReportFormat.TERMINAL]


@pytest.mark.parametrize("written", FILES, ids=lambda written: written.value)
def test_the_same_ledger_gives_the_same_bytes(seeded: Catalogue, written: ReportFormat) -> None:
    """Twice in one process; ``test_goldens`` compares across machines."""
    assert report(seeded, ReportKind.FINDINGS, written).content == report(seeded, ReportKind.FINDINGS, written).content


def test_a_pdf_is_the_same_in_another_process(seeded: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: its fonts told when a process had unpacked them, so that every genuine PDF counted as changed."""
    found = []
    for second in (1_700_000_000.0, 1_800_000_000.0):
        lettering.unpacked.cache_clear()
        lettering.on_paper.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr("time.time", lambda second=second: second)
            found.append(report(seeded, ReportKind.SUMMARY, ReportFormat.PDF).content)
    assert found[0] == found[1]


@pytest.mark.parametrize("written", FILES, ids=lambda written: written.value)
def test_a_report_is_verified_and_any_change_of_it_is_found(seeded: Catalogue, written: ReportFormat, tmp_path: Path) -> None:
    """A file as it was made matches; with one letter of a title changed it does not; without its stamp it is no report."""
    path = tmp_path / f"report.{written.value}"
    content = report(seeded, ReportKind.FINDINGS, written, Tongue.BOTH).content
    path.write_bytes(content)
    assert read_stamp(path).format is written
    assert verify_report(seeded, path).ok
    path.write_bytes(_altered(content))
    found = verify_report(seeded, path)
    assert (found.ok, "was changed" in found.problem) == (False, True)


def test_a_spreadsheet_with_marks_is_verified_still(seeded: Catalogue, tmp_path: Path) -> None:
    """Reports in CSV had marks of direction around dates, which programs took for a part of them; now they have none."""
    made = report(seeded, ReportKind.FINDINGS, ReportFormat.CSV, Tongue.AR)
    assert "\u200e" not in made.content.decode()
    old = as_csv(made.document, made.stamp, marked=True)
    assert "\u200e" in old
    path = tmp_path / "report.csv"
    path.write_bytes(old.encode())
    assert verify_report(seeded, path).ok


def _altered(content: bytes) -> bytes:
    if content.startswith(b"PK"):
        return content + b"\n"
    if b"health-web-1" in content:
        return content.replace(b"health-web-1", b"health-web-2", 1)
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_a_file_that_is_no_report_is_refused(seeded: Catalogue, tmp_path: Path) -> None:
    """With a sentence, whatever it is."""
    for content in (b"", b"{}", b"[]", b'{"runs": 3}', b"PK", b"%PDF-1.7", b"<html></html>", b"\xff\xfe"):
        path = tmp_path / "file"
        path.write_bytes(content)
        with pytest.raises(UsageError, match="carries no stamp"):
            verify_report(seeded, path)


@pytest.mark.parametrize(
    "content",
    [
        b'{"runs": []}',
        b'{"assessment-results": {"metadata": {"props": []}}}',
        b'{"assessment-results": {"metadata": {"props": ["x"]}}}',
        b'{"stamp": []}',
        b'{"a": ' * 100_000,
    ],
    ids=("sarif", "oscal", "props", "stamp", "deep"),
)
def test_json_of_others_is_refused(seeded: Catalogue, tmp_path: Path, content: bytes) -> None:
    """Regression: an internal error (IndexError, StopIteration, RecursionError), as if the auditor were to blame."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="carries no stamp"):
        verify_report(seeded, path)


@pytest.mark.parametrize(
    ("offset", "byte"),
    [(30 + len("docProps/core.xml"), 0xFF), (8, 99), (4, 200), (6, 1)],
    ids=("content", "method", "version", "encrypted"),
)
def test_a_damaged_workbook_is_refused(seeded: Catalogue, tmp_path: Path, offset: int, byte: int) -> None:
    """Regression: an internal error (zlib.error, NotImplementedError, RuntimeError) where a copy had gone wrong."""
    path = tmp_path / "report.xlsx"
    content = bytearray(report(seeded, ReportKind.SUMMARY, ReportFormat.XLSX).content)
    first, last = content.index(b"docProps/core.xml") - 30, content.rindex(b"docProps/core.xml") - 46
    content[first + offset] = byte
    if offset < 30:  # stands in the archive's list of its files too, two bytes further on
        content[last + offset + 2] = byte
    path.write_bytes(content)
    with pytest.raises(UsageError, match="carries no stamp"):
        verify_report(seeded, path)


def test_yesterdays_report_still_matches_after_todays_work(own: Catalogue, tmp_path: Path) -> None:
    """The journal gives back what stood then: a finding acknowledged since does not make a liar of the report."""
    path = tmp_path / "plan.json"
    path.write_bytes(report(own, ReportKind.PLAN, ReportFormat.JSON).content)
    reopened = next(f for f in list_findings(own, FindingFilter(departments=("health",))) if f.state.value == "reopened")
    carry_out(own, "sara", moving(EventKind.FINDING_ACKNOWLEDGED), Chosen((reopened.id,)), now=NOW + timedelta(days=1))
    assert report(own, ReportKind.PLAN, ReportFormat.JSON).content != path.read_bytes()
    assert verify_report(own, path).ok


def test_a_report_of_another_ledger_is_found_out(seeded: Catalogue, own: Catalogue, tmp_path: Path) -> None:
    """Its entry of the journal has another hash there."""
    reopened = next(f for f in list_findings(own, FindingFilter(departments=("health",))) if f.state.value == "reopened")
    carry_out(own, "sara", moving(EventKind.FINDING_ACKNOWLEDGED), Chosen((reopened.id,)), now=NOW)
    path = tmp_path / "report.html"
    path.write_bytes(report(own, ReportKind.SUMMARY, ReportFormat.HTML).content)
    assert verify_report(own, path).ok
    assert "not made from this ledger" in verify_report(seeded, path).problem


def test_changed_files_are_named_as_the_reason(own: Catalogue, tmp_path: Path) -> None:
    """Nobody calls a report forged because a check's wording was mended since."""
    path = tmp_path / "report.csv"
    path.write_bytes(report(own, ReportKind.LEAGUE, ReportFormat.CSV).content)
    inventory = own.settings.root / "inventories" / "health.yaml"
    inventory.write_text(inventory.read_text(encoding="utf-8") + "\n# a comment\n", encoding="utf-8")
    assert "changed since" in verify_report(open_workspace(own.settings.root), path).problem


def _named_since(own: Catalogue) -> Catalogue:
    """Another person is named, and waits are longer."""
    path = own.settings.root / "auditor.toml"
    person = '\n[people.newcomer]\nname = {en = "New", ar = "جديد"}\nroles = ["viewer"]\n'
    path.write_text(path.read_text(encoding="utf-8") + person, encoding="utf-8")
    return open_workspace(own.settings.root)


@pytest.mark.parametrize("kind", [ReportKind.LEAGUE, ReportKind.ANNEX], ids=lambda kind: kind.value)
def test_naming_a_person_leaves_reports_verifiable(own: Catalogue, kind: ReportKind, tmp_path: Path) -> None:
    """Regression: a person named in auditor.toml, who is in no report, made every earlier report unverifiable."""
    path = tmp_path / "report.json"
    path.write_bytes(report(own, kind, ReportFormat.JSON).content)
    assert verify_report(_named_since(own), path).ok


def test_a_report_stamped_with_the_whole_settings_is_verified_still(own: Catalogue, tmp_path: Path) -> None:
    """Reports of before, whose stamp covers every byte of auditor.toml: with today's, and with one that a run keeps."""
    whole = input_hashes(own, dict(own.sources)["auditor.toml"])
    made = report(own, ReportKind.ANNEX, ReportFormat.JSON)
    old = from_snapshot(replace(made.snapshot, inputs=whole), made.stamp.options, ReportFormat.JSON)
    path = tmp_path / "report.json"
    path.write_bytes(old.content)
    assert verify_report(own, path).ok
    assert verify_report(_named_since(own), path).ok
    settings = own.settings.root / "auditor.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("Joint Compliance", "Other"), encoding="utf-8")
    assert "changed since" in verify_report(open_workspace(own.settings.root), path).problem


@pytest.mark.parametrize(("run", "index"), [("1", 66.6), ("2", 68.0), ("3", 54.3)])
def test_any_run_can_be_reported_as_it_stood(seeded: Catalogue, run: str, index: float) -> None:
    """With its own findings, exceptions and index."""
    made = report(seeded, ReportKind.SUMMARY, ReportFormat.JSON, run=run)
    assert made.snapshot.index == pytest.approx(index, abs=0.1)
    assert made.stamp.as_of == NIGHTS[int(run) - 1] + timedelta(minutes=5)
    states = {s.finding.state.value for s in made.snapshot.standings}
    assert ("excepted" in states) == (run != "1")


def test_the_moment_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """SOURCE_DATE_EPOCH decides; nonsense in it is refused."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert moment() == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        moment()


def _a_night_and_a_move(root: Path) -> None:
    """What others do while reports are written: much is mended, something is new, and an officer acknowledges a finding."""
    catalogue = open_workspace(root)
    seen = {"health-web-1": {"maxauthtries": "6"}, "health-db-1": {}, "finance-app-1": {"loglevel": "QUIET"}, "finance-db-1": {}}
    night(catalogue, NOW + timedelta(hours=1), seen)
    reopened = next(f for f in list_findings(catalogue, FindingFilter(departments=("health",))) if f.state.value == "reopened")
    carry_out(catalogue, "sara", moving(EventKind.FINDING_ACKNOWLEDGED), Chosen((reopened.id,)), now=NOW + timedelta(hours=2))


def test_all_reports_of_a_bundle_tell_of_one_state_of_the_ledger(own: Catalogue, tmp_path: Path) -> None:
    """Another process writes a whole night, and a move, after the first file: every later file still tells of what stood before,
    to the byte. A summary that counts other findings than the departments' own files would contradict them."""
    before = make_bundle(own, tmp_path / "before", tongue=Tongue.EN, now=NOW)
    heard: list[str] = []

    def meanwhile(name: str) -> None:
        heard.append(name)
        if len(heard) == 1:
            other = get_context("spawn").Process(target=_a_night_and_a_move, args=(own.settings.root,))
            other.start()
            other.join()
            assert other.exitcode == 0

    during = make_bundle(own, tmp_path / "during", tongue=Tongue.EN, now=NOW, written=meanwhile)
    assert len(heard) == len(before.files)
    assert before.files == during.files
    later = make_bundle(own, tmp_path / "later", tongue=Tongue.EN, now=NOW)
    changed = {name for (name, digest), (_name, now) in zip(before.files, later.files, strict=True) if digest != now}
    assert changed >= {"summary.html", "health/findings.xlsx", "finance/findings.xlsx"}


def test_a_bundle_holds_everything_and_is_reproducible(seeded: Catalogue, tmp_path: Path) -> None:
    """Folder and zip hold the same files, each verified, and the zip is the same twice."""
    folder = make_bundle(seeded, tmp_path / "all", tongue=Tongue.AR, now=NOW)
    names = {name for name, _digest in folder.files}
    assert {
        "summary.pdf",
        "league.html",
        "annex.xlsx",
        "delta.html",
        "circulars.pdf",
        "health/scorecard.pdf",
        "finance/plan.xlsx",
    } <= names
    for name in sorted(names)[::4]:
        assert verify_report(seeded, tmp_path / "all" / name).ok
    listed = (tmp_path / "all" / "SHA256SUMS").read_text().splitlines()
    assert {re.split(" +", line)[1] for line in listed} == names
    packed = [make_bundle(seeded, tmp_path / name, tongue=Tongue.AR, now=NOW) for name in ("a.zip", "b.zip")]
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert [b.files for b in packed] == [folder.files] * 2
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert set(archive.namelist()) == names | {"SHA256SUMS"}
    with pytest.raises(UsageError, match="there already"):
        make_bundle(seeded, tmp_path / "all", tongue=Tongue.AR, now=NOW)
