"""A form goes to the department, comes back, is decided, counts, and lapses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from openpyxl import load_workbook

from auditor.lifecycle.attestations import lapse
from auditor.model import AnswerState, AttestedAnswer
from auditor.model.codec import from_json

from .conftest import Workspace
from .test_work import INTERIOR, OFFICER, PEOPLE, PLANNING, do, done

TODAY = datetime.now(UTC).date()
REVIEW = (TODAY + timedelta(days=300)).isoformat()


@pytest.fixture
def asked(workspace: Workspace) -> Workspace:
    """Audited, with everything in order, and people named."""
    with (workspace.root / "auditor.toml").open("a") as file:
        file.write(PEOPLE)
    assert workspace.call("audit").returncode == 0
    return workspace


def fill(workspace: Workspace, folder: Path, lang: str = "en", **cells: str) -> Path:
    """The XLSX form with A.5.1 answered."""
    form = folder / "form.xlsx"
    form.unlink(missing_ok=True)
    assert do(workspace, OFFICER, "attest", "template", str(form), "--department", "example", lang=lang).returncode == 0
    (folder / "policy.txt").write_text("signed")
    given = {"E": "implemented", "F": "signed in January", "G": REVIEW, "H": "policy.txt", "I": "2026-01-15", **cells}
    book = load_workbook(form)
    sheet = book.worksheets[0]
    assert sheet["A3"].value == "A.5.1"
    for column, value in given.items():
        sheet[f"{column}3"] = value
    book.save(form)
    return form


def answers(workspace: Workspace) -> dict[str, Any]:
    listed = json.loads(done(workspace, OFFICER, "attest", "list", "--department", "example", "--format", "json"))
    return {row["control"]: row["answer"] for row in listed}


def index(workspace: Workspace) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(done(workspace, OFFICER, "score", "--format", "json"))
    return listed["departments"][0]


@pytest.mark.parametrize(("lang", "word"), [("en", "Implemented"), ("ar", "مطبّق")])
def test_from_form_to_index(asked: Workspace, lent: Path, lang: str, word: str) -> None:
    """Answered is not accepted; accepted counts; the evidence is kept; the statement of applicability shows who attested."""
    before = index(asked)
    assert "1 answer is kept" in done(asked, OFFICER, "attest", "import", str(fill(asked, lent, lang, E=word)))
    assert answers(asked)["A.5.1"]["state"] == "answered"
    assert index(asked)["attested_share"] == 0.0
    assert do(asked, OFFICER, "attest", "accept", "example", "A.5.1").returncode == 2  # not by the department itself
    done(asked, INTERIOR, "attest", "accept", "example", "A.5.1")
    after = index(asked)
    assert (after["attested_share"] > 0, after["automated_share"]) == (True, before["automated_share"])
    soa = json.loads(done(asked, OFFICER, "soa", "example", "--format", "json"))
    (line,) = (row for row in soa if row["control"] == "A.5.1")
    assert (line["level"], line["attested_by"], line["evidence"][0]["name"]) == ("fully", OFFICER, "policy.txt")
    assert asked.call("ledger", "verify").returncode == 0


def test_a_returned_answer_counts_no_more_and_says_why(asked: Workspace, lent: Path) -> None:
    """The reason reaches the department."""
    done(asked, OFFICER, "attest", "import", str(fill(asked, lent)))
    done(asked, INTERIOR, "attest", "accept", "example", "A.5.1")
    done(asked, PLANNING, "attest", "return", "example", "A.5.1", "--reason", "not signed")
    assert (answers(asked)["A.5.1"]["state"], answers(asked)["A.5.1"]["reason"]) == ("returned", "not signed")
    assert index(asked)["attested_share"] == 0.0


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"E": "yes"}, "E3: 'yes' is no answer"),
        ({"G": "soon"}, "G3: soon is no day"),
        ({"G": ""}, "G3: the review date is missing"),
        ({"G": "2020-01-01"}, "no later than"),
        ({"G": "2099-01-01"}, "no later than"),
        ({"F": ""}, "needs its justification"),
        ({"H": ""}, "needs evidence"),
        ({"H": "missing.pdf"}, "cannot be read"),
        ({"H": "../policy.txt"}, "H3: ../policy.txt must lie beside the form"),
        ({"F": "=1+1"}, "F3: this cell holds a formula"),
        ({"A": "A.9.9"}, "A.9.9 is no control"),
        ({"I": "2026-02-30"}, "I3: 2026-02-30 is no day"),
    ],
)
def test_a_bad_row_is_named_by_its_cell_and_nothing_is_kept(
    asked: Workspace, lent: Path, cells: dict[str, str], said: str
) -> None:
    """All or nothing."""
    called = do(asked, OFFICER, "attest", "import", str(fill(asked, lent, **cells)))
    assert (called.returncode, said in called.stderr.decode()) == (2, True), called.stderr.decode()
    assert answers(asked)["A.5.1"] is None


def test_a_form_in_yaml(asked: Workspace, lent: Path) -> None:
    """The same questions, and mistakes by line."""
    form = lent / "form.yaml"
    done(asked, OFFICER, "attest", "template", str(form), "--department", "example")
    value = yaml.safe_load(form.read_text())
    value["answers"][0] |= {"answer": "partly", "justification": "half done", "review": REVIEW}
    form.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False))
    done(asked, OFFICER, "attest", "import", str(form))
    assert answers(asked)["A.5.1"]["answer"] == "partly"
    form.write_text("answers: 7\n")
    assert do(asked, OFFICER, "attest", "import", str(form)).returncode == 2


def test_another_department_s_officer_cannot_answer(asked: Workspace, lent: Path) -> None:
    """The form says whose it is, and the person whose they are."""
    form = fill(asked, lent)
    assert do(asked, INTERIOR, "attest", "import", str(form)).returncode == 2


def test_an_answer_lapses_after_its_review_date(asked: Workspace, lent: Path) -> None:
    """On the day after, it counts as none."""
    done(asked, OFFICER, "attest", "import", str(fill(asked, lent)))
    held = from_json(AttestedAnswer, answers(asked)["A.5.1"])
    assert lapse([held], {"example": held.review}, datetime.now(UTC)) == ()
    (event,) = lapse([held], {"example": held.review + timedelta(days=1)}, datetime.now(UTC))
    assert from_json(AttestedAnswer, event.data["record"]).state is AnswerState.LAPSED  # type: ignore[arg-type]


def test_every_term_of_a_control(asked: Workspace) -> None:
    """What makes the share, one line for each asset and check."""
    told = json.loads(done(asked, OFFICER, "score", "--department", "example", "--explain", "A.8.9", "--format", "json"))
    assert {t["check"]: t["kind"] for t in told["terms"]} == {"guarded-file": "pass", "lesser-file": "pass"}
    assert told["score"]["share"] == 1.0
    assert "by checks: " in done(asked, OFFICER, "score", "--department", "example", "--explain", "A.8.9")
    assert do(asked, OFFICER, "score", "--explain", "A.8.9").returncode == 2


def test_all_that_is_wrong_with_a_form_is_told_at_once(asked: Workspace, lent: Path) -> None:
    """Regression: a control nobody asks about, a missing file and a missing justification were each named only once what stood
    before them was mended."""
    form = fill(asked, lent, E="perhaps", F="", G="2020-01-01", H="missing.pdf; gone.pdf; ../else.pdf")
    book = load_workbook(form)
    book.worksheets[0]["A3"] = "A.5.99"
    book.save(form)
    found = do(asked, OFFICER, "attest", "import", str(form))
    assert found.returncode == 2
    for told in (
        "A.5.99 is no control that this department is asked about",
        "'perhaps' is no answer",
        "an answer needs its justification",
        "the review date must lie after today",
        "missing.pdf",
        "gone.pdf",
        "else.pdf must lie beside the form",
    ):
        assert told in found.stderr.decode(), told


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("nowhere", "A.5.1"), "there is no department 'nowhere'"),
        (("example", "A.5.11"), "A.5.11 is no control that this department is asked about; did you mean A.5.1?"),
        (("example", "A.5.1"), "example has not answered A.5.1 yet"),
    ],
)
def test_what_cannot_be_accepted_says_why(asked: Workspace, args: tuple[str, str], said: str) -> None:
    """Regression: each of these was told as "nothing is named 'example:A.5.1' among the answers"."""
    called = do(asked, INTERIOR, "attest", "accept", *args)
    assert (called.returncode, said in called.stderr.decode()) == (2, True), called.stderr.decode()


def test_files_joined_by_a_comma_are_told_apart(asked: Workspace, lent: Path) -> None:
    """Regression: two names with a comma between them were one file that is not there, and nothing said what separates them."""
    form = fill(asked, lent, H="policy.txt, minutes.txt")
    called = do(asked, OFFICER, "attest", "import", str(form))
    assert called.returncode == 2
    assert "several files are separated by ;" in called.stderr.decode()
    assert "separated by ;" in str(load_workbook(form).worksheets[0]["H2"].value)
    text = lent / "form.yaml"
    done(asked, OFFICER, "attest", "template", str(text), "--department", "example")
    assert "files: names of files beside this form, separated by ;" in text.read_text().splitlines()[0]


@pytest.mark.parametrize(
    "args", [("attest", "template", "form.csv", "--department", "example"), ("inventory", "template", "hosts.ods")]
)
def test_a_form_is_not_written_under_the_name_of_another_kind(asked: Workspace, lent: Path, args: tuple[str, ...]) -> None:
    """Regression: YAML was written as form.csv and CSV as hosts.ods, which no program opens."""
    path = lent / args[2]
    called = asked.call(*args[:2], str(path), *args[3:])
    assert (called.returncode, b"name it so" in called.stderr, path.exists()) == (2, True, False), called.stderr
