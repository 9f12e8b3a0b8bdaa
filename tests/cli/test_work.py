"""Officers and the committee at work: every move through the program, as the people named in auditor.toml."""

from __future__ import annotations

import json
import pwd
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.ledger import Ledger
from auditor.workflow.inspection import plan_now
from auditor.workflow.workspace import open_workspace

from .conftest import Called, Workspace

OFFICER, INTERIOR, PLANNING, STRANGER = (u.pw_name for u in sorted(pwd.getpwall(), key=lambda u: u.pw_uid)[1:5])
PEOPLE = f"""
[people.{OFFICER}]
name = {{en = "Sara", ar = "سارة"}}
roles = ["officer"]
department = "example"

[people.{INTERIOR}]
name = {{en = "Huda", ar = "هدى"}}
roles = ["committee"]
ministry = "Interior"

[people.{PLANNING}]
name = {{en = "Bilal", ar = "بلال"}}
roles = ["committee"]
ministry = "Planning"
"""
UNTIL = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()


def do(workspace: Workspace, user: str, *args: str, lang: str = "en") -> Called:
    return workspace.call(*args, lang=lang, SUDO_UID=str(pwd.getpwnam(user).pw_uid))


def done(workspace: Workspace, user: str, *args: str) -> str:
    called = do(workspace, user, *args)
    assert called.returncode == 0, called.stderr.decode()
    return called.stdout.decode()


def found(workspace: Workspace, *args: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(done(workspace, OFFICER, "findings", "list", "--format", "json", *args))
    return listed


@pytest.fixture
def failing(workspace: Workspace) -> Workspace:
    """Both files open, audited once, and people named."""
    with (workspace.root / "auditor.toml").open("a") as file:
        file.write(PEOPLE)
    workspace.guarded.chmod(0o644)
    workspace.lesser.chmod(0o644)
    assert workspace.call("audit").returncode == 1
    return workspace


@pytest.fixture
def high(failing: Workspace) -> str:
    (finding,) = found(failing, "--severity", "high")
    return str(finding["id"])


def test_a_sunday_morning(failing: Workspace, high: str, lent: Path) -> None:
    """From acknowledged to closed: the claim is believed when a scan says so, and the history tells who did what."""
    proof = lent / "ticket.txt"
    proof.write_text("change 4711\n")
    done(failing, OFFICER, "findings", "acknowledge", high)
    done(failing, OFFICER, "findings", "assign", high, "--to", OFFICER)
    done(failing, OFFICER, "findings", "plan", high, "--date", UNTIL, "--steps", "chmod on the next window")
    done(failing, OFFICER, "findings", "attach", high, "--file", str(proof))
    done(failing, INTERIOR, "findings", "comment", high, "--text", "please hurry")
    done(failing, OFFICER, "findings", "claim", high, "--note", "done at eight")
    called = do(failing, OFFICER, "verify", high)
    assert (called.returncode, b"stays open: it still fails" in called.stdout) == (1, True)
    assert found(failing, "--severity", "high")[0]["state"] == "in_progress"
    failing.guarded.chmod(0o600)
    assert "is closed: fixed" in done(failing, OFFICER, "verify", high)
    shown = json.loads(done(failing, OFFICER, "findings", "show", high, "--format", "json"))
    assert [e["kind"].removeprefix("finding_") for e in shown["history"]] == [
        *("opened", "acknowledged", "assigned", "planned", "attached", "commented", "claimed", "refuted", "closed")
    ]
    assert {e["actor"] for e in shown["history"]} >= {OFFICER, INTERIOR}
    assert failing.call("ledger", "verify").returncode == 0
    assert [f["state"] for f in found(failing)] == ["open"]  # the other one was not touched


def test_what_was_attached_comes_out_again(failing: Workspace, high: str, lent: Path) -> None:
    """The very bytes, and never over another file."""
    proof, folder = lent / "ticket.txt", lent / "out"
    proof.write_bytes(b"change 4711\n")
    done(failing, OFFICER, "findings", "attach", high, "--file", str(proof))
    (held,) = json.loads(done(failing, OFFICER, "findings", "files", high, "--format", "json"))
    assert (held["name"], held["size"], held["by"]) == ("ticket.txt", 12, OFFICER)
    done(failing, OFFICER, "findings", "files", high, "--save", str(folder))
    (saved,) = folder.iterdir()
    assert (saved.read_bytes(), saved.name) == (b"change 4711\n", f"{held['sha256'][:12]}-ticket.txt")
    assert do(failing, OFFICER, "findings", "files", high, "--save", str(folder)).returncode == 2


def test_the_summary_warns_of_what_presses(failing: Workspace, high: str) -> None:
    """Claims without proof, exceptions about to end, and what is excepted is not among the worst."""
    soon = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    done(failing, OFFICER, "findings", "claim", "--check", "lesser-file", "--yes")
    assert "Claimed to be fixed and not proved yet: 1" in done(failing, OFFICER, "runs", "show", "latest")
    done(failing, OFFICER, "exceptions", "propose", high, "--reason", "r", "--control", "c", "--until", soon)
    for user in (INTERIOR, PLANNING):
        done(failing, user, "exceptions", "approve", "E-1")
    told = done(failing, OFFICER, "runs", "show", "latest")
    assert ("Exceptions that end soon: E-1" in told, "Excepted, still failing: 1" in told) == (True, True)
    assert "The worst of 1 open findings, as they stand now" in told


def test_verifying_narrows_the_run(failing: Workspace, high: str) -> None:
    """It is no audit: the newest whole run stays the newest."""
    do(failing, OFFICER, "verify", high)
    assert json.loads(failing.call("runs", "show", "latest", "--format", "json").stdout)["run"]["id"] == 1


def test_who_may_not_resume_a_run_is_told_who_may(failing: Workspace, high: str) -> None:
    """Regression: an officer was told to run what only an operator may, and to do so while the run was under way."""
    with (failing.root / "auditor.toml").open("a") as file:
        file.write('[people.olga]\nname = {en = "Olga", ar = "علا"}\nroles = ["operator"]\n')
    now, plan = datetime.now(UTC), plan_now(open_workspace(failing.root))
    with Ledger.open(failing.ledger) as ledger, ledger.lock(actor="night", now=now):
        ledger.begin_run(plan, (), actor="night", now=now)
        refused = do(failing, OFFICER, "verify", high)
        assert (refused.returncode, b"wait until it ends" in refused.stderr, b"--resume" in refused.stderr) == (2, True, False)
    refused = do(failing, OFFICER, "verify", high)
    assert (refused.returncode, b"`auditor audit --resume` (olga)" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("user", "args", "said"),
    [
        (STRANGER, ("findings", "acknowledge"), "not named in auditor.toml"),
        (INTERIOR, ("findings", "claim"), "needs the role officer"),
        (OFFICER, ("findings", "assign", "--to", STRANGER), "no officer of example"),
        (OFFICER, ("findings", "plan", "--date", "2020-01-01", "--steps", "x"), "is past"),
        (STRANGER, ("verify",), "not named in auditor.toml"),
    ],
)
def test_what_is_refused_changes_nothing(failing: Workspace, high: str, user: str, args: tuple[str, ...], said: str) -> None:
    """With the reason, exit code 2, and no entry in the journal."""
    before = entries(failing)
    called = do(failing, user, *args, high)
    assert (called.returncode, said in called.stderr.decode()) == (2, True), called.stderr.decode()
    assert entries(failing) == before


def entries(workspace: Workspace) -> int:
    with sqlite3.connect(workspace.ledger) as other:
        return int(other.execute("SELECT count(*) FROM journal").fetchone()[0])


def test_many_at_once_by_filter(failing: Workspace) -> None:
    """Nobody is asked where nobody can answer; what cannot be moved is told and left."""
    refused = do(failing, OFFICER, "findings", "start", "--department", "example")
    assert (refused.returncode, b"--yes" in refused.stderr) == (2, True)
    done(failing, OFFICER, "findings", "start", "--check", "lesser-file", "--yes")
    told = done(failing, OFFICER, "findings", "start", "--department", "example", "--yes")
    assert told.count("work begun") == 1
    assert "Not possible for" in told
    assert "start is no legal move" in told
    assert {f["state"] for f in found(failing)} == {"in_progress"}


def test_where_nothing_could_be_done_the_exit_code_says_so(failing: Workspace, high: str) -> None:
    """Regression: what was refused with 2 by id ended with 0 by filter, though no finding was moved."""
    done(failing, OFFICER, "findings", "acknowledge", high)
    before = entries(failing)
    for named in ((high,), ("--severity", "high", "--yes"), ("--severity", "high")):
        called = do(failing, OFFICER, "findings", "acknowledge", *named)
        assert (called.returncode, b"no legal move" in called.stdout + called.stderr) == (2, True), called.stderr
    assert entries(failing) == before
    partly = do(failing, OFFICER, "findings", "acknowledge", "--department", "example", "--yes")
    assert (partly.returncode, b"Not possible for" in partly.stdout) == (0, True)


def test_a_mistyped_assignee_is_not_nothing(failing: Workspace, high: str) -> None:
    """Regression: "Nothing to show." with exit code 0, which reads as work done. Who has left still bears their findings."""
    called = do(failing, OFFICER, "findings", "list", "--assignee", f"{OFFICER}x")
    assert called.returncode == 2
    assert f"nothing is named '{OFFICER}x' among the people; did you mean '{OFFICER}'?" in " ".join(
        called.stderr.decode().split()
    )
    assert found(failing, "--assignee", OFFICER) == []
    done(failing, OFFICER, "findings", "assign", high, "--to", OFFICER)
    path = failing.root / "auditor.toml"
    path.write_text(path.read_text().replace(f"[people.{OFFICER}]", f"[people.{STRANGER}]"))
    listed = json.loads(do(failing, STRANGER, "findings", "list", "--assignee", OFFICER, "--format", "json").stdout)
    assert [f["id"] for f in listed] == [high]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.exe", b"MZ", "not kept"),
        ("x.pdf", b"MZ", "not what its name says"),
        ("x.txt", b"\x00\x01", "not what its name says"),
        ("x.txt", b"", "is empty"),
        ("x.docx", b"PK\x03\x04word/vbaProject.bin", "macros"),
        ("x.log", b"a" * 10_000_001, "larger than 10 MB"),
    ],
)
def test_files_that_are_not_kept(failing: Workspace, high: str, lent: Path, name: str, content: bytes, said: str) -> None:
    """What cannot be opened safely, or is not what it says, stays out of the ledger."""
    path = lent / name
    path.write_bytes(content)
    called = do(failing, OFFICER, "findings", "attach", high, "--file", str(path))
    assert (called.returncode, said in called.stderr.decode()) == (2, True), called.stderr.decode()


def test_an_exception_from_request_to_revocation(failing: Workspace, high: str) -> None:
    """Both ministries; the finding stands in a column of its own, and does not make the exit code."""
    request = ("exceptions", "propose", high, "--reason", "moves in May", "--control", "filtered", "--until", UNTIL)
    done(failing, OFFICER, *request)
    assert "another ministry" in done(failing, INTERIOR, "exceptions", "approve", "E-1")
    assert do(failing, INTERIOR, "exceptions", "approve", "E-1").returncode == 2
    assert do(failing, OFFICER, "exceptions", "approve", "E-1").returncode == 2
    assert "is active" in done(failing, PLANNING, "exceptions", "approve", "e-1")
    assert [f["id"] for f in found(failing, "--state", "excepted")] == [high]
    failing.lesser.chmod(0o600)
    assert failing.call("audit").returncode == 0  # what is left is excepted
    done(failing, INTERIOR, "exceptions", "revoke", "E-1", "--reason", "the filter is gone")
    assert [f["state"] for f in found(failing)] == ["open"]
    shown = done(failing, OFFICER, "exceptions", "show", "E-1")
    assert "the filter is gone" in shown
    assert failing.call("ledger", "verify").returncode == 0
    assert json.loads(done(failing, OFFICER, "exceptions", "list", "--format", "json")) == []
    assert len(json.loads(done(failing, OFFICER, "exceptions", "list", "--all", "--format", "json"))) == 1


def test_an_expired_exception_is_over_before_anything_is_shown(failing: Workspace, high: str) -> None:
    """By itself, the day after its last; whoever may only read is still shown the findings."""
    today = datetime.now(UTC).date().isoformat()
    done(failing, OFFICER, "exceptions", "propose", high, "--reason", "r", "--control", "c", "--until", today)
    for user in (INTERIOR, PLANNING):
        done(failing, user, "exceptions", "approve", "E-1")
    assert [f["id"] for f in found(failing, "--state", "excepted")] == [high]
    path = failing.root / "inventories" / "example.yaml"  # where it is tomorrow already, or soon
    zone = "Pacific/Kiritimati" if datetime.now(UTC).hour >= 10 else "UTC"
    path.write_text(path.read_text().replace("timezone: UTC", f"timezone: {zone}"))
    expected = [] if zone != "UTC" else [high]
    assert [f["id"] for f in found(failing, "--state", "excepted")] == expected
    (held,) = json.loads(done(failing, OFFICER, "exceptions", "list", "--all", "--format", "json"))
    assert held["state"] == ("expired" if zone != "UTC" else "active")


def test_the_policy_bounds_an_exception(failing: Workspace, high: str) -> None:
    """Ninety days for a high severity, says the stock policy."""
    late = (datetime.now(UTC) + timedelta(days=91)).date().isoformat()
    called = do(failing, OFFICER, "exceptions", "propose", high, "--reason", "x", "--control", "y", "--until", late)
    assert (called.returncode, b"allows 90 days" in called.stderr) == (2, True)


def test_a_host_that_was_scrapped(failing: Workspace) -> None:
    """It must leave the inventory first; then its findings close, with the reason."""
    asset = found(failing)[0]["asset"]
    assert do(failing, OFFICER, "retire", asset, "--reason", "scrapped").returncode == 2
    path = failing.root / "inventories" / "example.yaml"
    path.write_text(path.read_text().replace(f"uid: {asset}", "uid: another-machine"))
    assert "2 findings" in done(failing, OFFICER, "retire", asset, "--reason", "scrapped on Monday")
    assert {f["resolution"] for f in found(failing, "--state", "closed")} == {"retired"}
    assert failing.call("ledger", "verify").returncode == 0


def test_a_check_that_left_the_policy(failing: Workspace) -> None:
    """Regression: what it had left open stayed so for ever, and neither claims nor scans nor people could end it."""
    before = found(failing)
    check = before[0]["check"]
    committee = ("retire", "--check", check, "--reason", "the committee took it out on Monday")
    assert b"runs the check" in do(failing, INTERIOR, *committee).stderr
    policies = list((failing.root / "policies").glob("*.yaml"))
    (path,) = [p for p in policies if "controls:" in p.read_text()]
    whole = path.read_text()
    path.write_text(f"{whole}\nexcluded_checks: [{check}]\n")
    asked = do(failing, OFFICER, "verify", before[0]["id"])
    assert asked.returncode == 2
    assert f"auditor retire --check {check} --reason TEXT" in " ".join(asked.stderr.decode().split())
    shown = done(failing, OFFICER, "findings", "show", before[0]["id"])
    assert (f"auditor retire --check {check}" in shown, "auditor verify" in shown) == (True, False)
    assert do(failing, OFFICER, *committee).returncode == 2
    assert len(found(failing)) == len(before)
    assert f"of the check {check}" in done(failing, INTERIOR, *committee)
    assert {f["resolution"] for f in found(failing, "--state", "closed")} == {"policy_changed"}
    assert failing.call("ledger", "verify").returncode == 0
    path.write_text(whole)
    # on the very observation that failed: the policy alone has changed
    assert failing.call("reevaluate", "--apply").returncode == 0
    assert {f["state"] for f in found(failing, "--check", check)} == {"reopened"}


def test_an_asset_or_a_check_is_retired(failing: Workspace) -> None:
    """One of the two has to be named."""
    for named in ((), ("x", "--check", "y")):
        assert do(failing, INTERIOR, "retire", *named, "--reason", "z").returncode == 2


@pytest.mark.parametrize("edit", [
    "UPDATE records SET data = replace(data, 'Planning', 'Interior')",
    "UPDATE records SET id = 'E-2'",
    "DELETE FROM records",
    "INSERT INTO records SELECT kind, 'E-9', data FROM records",
    "UPDATE findings SET state = 'open' WHERE state = 'excepted'",
    "UPDATE findings SET exception = '' WHERE state = 'excepted'",
    "UPDATE findings SET assignee = 'nobody'",
    "DELETE FROM blobs WHERE data = CAST('evidence' AS BLOB)",
])  # fmt: skip
def test_edits_of_what_people_decided_are_found(failing: Workspace, high: str, lent: Path, edit: str) -> None:
    """Nobody approves an exception with an editor."""
    proof = lent / "proof.txt"
    proof.write_text("evidence")
    done(failing, OFFICER, "findings", "attach", high, "--file", str(proof))
    done(failing, OFFICER, "exceptions", "propose", high, "--reason", "r", "--control", "c", "--until", UNTIL)
    done(failing, INTERIOR, "exceptions", "approve", "E-1")
    done(failing, PLANNING, "exceptions", "approve", "E-1")
    assert failing.call("ledger", "verify").returncode == 0
    other = sqlite3.connect(failing.ledger)
    assert other.execute(edit).rowcount > 0
    other.commit()
    other.close()
    assert failing.call("ledger", "verify").returncode == 4


def test_everything_is_said_in_arabic_too(failing: Workspace, high: str) -> None:
    """A refusal and a success."""
    assert "أُسندت" not in do(failing, OFFICER, "findings", "acknowledge", high, lang="ar").stderr.decode()
    refused = do(failing, OFFICER, "findings", "acknowledge", high, lang="ar").stderr.decode()
    assert "غير جائز" in refused


def test_no_key_is_made_for_a_seal_that_cannot_be(failing: Workspace, tmp_path: Path) -> None:
    """Regression: where the seal could not be written, a key lay there already, and the next try was refused for it; so too where
    another key is trusted."""
    key, seal = tmp_path / "seal.pem", tmp_path / "none" / "seal.json"
    make = ("ledger", "seal", "--key", str(key), "--new-key", "--output")
    assert do(failing, INTERIOR, *make, str(seal)).returncode == 2
    assert not key.exists()
    toml = failing.root / "auditor.toml"
    whole = toml.read_text()
    toml.write_text(whole + f'[ledger]\nseal_key = "{"A" * 43}="\n')
    refused = do(failing, INTERIOR, *make, str(tmp_path / "seal.json"))
    assert (refused.returncode, b"names as seal_key" in refused.stderr) == (2, True), refused.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("seal")] == []
    toml.write_text(whole)
    done(failing, INTERIOR, *make, str(tmp_path / "seal.json"))


def test_a_sealed_ledger_is_held_against_its_seal(failing: Workspace, tmp_path: Path) -> None:
    """Made, checked, and refused when the end of the journal is gone or the key is another."""
    key, seal = tmp_path / "seal.pem", tmp_path / "seal.json"
    refused = do(failing, OFFICER, "ledger", "seal", "--key", str(key), "--new-key", "--output", str(seal))
    assert (refused.returncode, key.exists()) == (2, False)
    told = done(failing, INTERIOR, "ledger", "seal", "--key", str(key), "--new-key", "--output", str(seal))
    assert re.search(r"For the minutes: ([0-9A-Z]{5}-){3}[0-9A-Z]{5}", told)
    assert failing.call("ledger", "verify", "--seal", str(seal)).returncode == 0
    assert do(failing, INTERIOR, "ledger", "seal", "--key", str(key), "--output", str(seal)).returncode == 2
    text = seal.read_text()
    seal.write_text(text.replace('"by": "', '"by": "x'))
    assert failing.call("ledger", "verify", "--seal", str(seal)).returncode == 4
    seal.write_text(text)
    with (failing.root / "auditor.toml").open("a") as file:
        file.write(f'\n[ledger]\nseal_key = "{"A" * 43}="\n')
    assert b"another key" in failing.call("ledger", "verify", "--seal", str(seal)).stdout


def test_what_an_exception_covers_is_said(failing: Workspace, high: str) -> None:
    """Regression: one for a tag that no asset carries was taken without a word, the last day of a false positive was taken and
    never held, and one for a whole department was listed without a scope."""
    args = ("--department", "example", "--check", "guarded-file", "--reason", "x", "--control", "y", "--until", UNTIL)
    told = done(failing, OFFICER, "exceptions", "propose", *args, "--tag", "nosuchtag")
    assert "No asset of example carries the tag nosuchtag" in told
    assert "covers" not in done(failing, OFFICER, "exceptions", "propose", *args)
    assert "the whole department" in done(failing, OFFICER, "exceptions", "list")
    refused = do(failing, OFFICER, "exceptions", "propose", high, "--false-positive", "--reason", "x", "--until", UNTIL)
    assert (refused.returncode, b"a false positive has no last day" in refused.stderr) == (2, True)


def test_what_an_officer_wrote_as_a_tag_steers_no_terminal(failing: Workspace) -> None:
    """Regression: the tag alone was shown as it was written, beside an asset and a subject that were made harmless."""
    args = ("--department", "example", "--check", "guarded-file", "--reason", "x", "--control", "y", "--until", UNTIL)
    done(failing, OFFICER, "exceptions", "propose", *args, "--tag", "a\x1b[31m\u202eb")
    shown = done(failing, INTERIOR, "exceptions", "show", "E-1")
    assert ("\\x1b[31m" in shown, "\x1b[31m" in shown, "\u202e" in shown) == (True, False, False)


def test_a_plan_after_the_last_day_is_remarked_on(failing: Workspace, high: str) -> None:
    """Regression: it was taken without a word."""
    told = done(failing, OFFICER, "findings", "plan", high, "--date", "2030-01-01", "--steps", "x")
    assert "before the day of this plan" in told
    soon = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert "before the day" not in done(failing, OFFICER, "findings", "plan", high, "--date", soon, "--steps", "x")


def test_a_day_is_asked_for_as_people_write_it(failing: Workspace, high: str) -> None:
    """Regression: click told people of '%Y-%m-%d', in English in Arabic too. Arabic digits are days as well."""
    refused = do(failing, OFFICER, "findings", "plan", high, "--date", "1/2/2026", "--steps", "x")
    assert (refused.returncode, b"write it as YYYY-MM-DD" in refused.stderr, b"%Y" in refused.stderr) == (2, True, False)
    assert do(failing, OFFICER, "findings", "plan", high, "--date", "٢٠٣٠-٠١-٠١", "--steps", "x").returncode == 0
