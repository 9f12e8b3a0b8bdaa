"""What each command answers, to people, to programs and to spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.cli.summaries import _first_sentence
from tests.cli.conftest import COMMAND, Workspace, environment
from tests.collecting.conftest import needs_lab, start_sshd, stop

REMOTE = "department: remote\ntitle: {{en: Remote, ar: بعيدة}}\nhosts:\n  - {{uid: remote-1, name: remote-1, {connection}}}\n"
LISTS = [
    ("audit", "runs", "list"),
    ("audit", "runs", "show"),
    ("audit", "findings", "list"),
    ("audit", "hosts", "list"),
    ("audit", "plan"),
    ("audit", "check", "list"),
    ("audit", "check", "show", "guarded-file"),
    ("audit", "check", "test"),
    ("audit", "control", "list"),
    ("audit", "control", "show", "A.8.9"),
    ("audit", "policy", "show"),
    ("audit", "policy", "show", "--department", "example"),
    ("audit", "fact", "list"),
    ("audit", "fact", "show", "file_stat"),
    ("audit", "ledger", "verify"),
    ("audit", "reevaluate"),
]


def value(workspace: Workspace, *args: str) -> Any:
    """The JSON that a command answers."""
    done = workspace.call(*args, "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == b""
    return json.loads(done.stdout)


def sheet(text: bytes) -> list[list[str]]:
    """A CSV as a spreadsheet reads it."""
    assert text.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("args", [a[1:] for a in LISTS], ids=" ".join)
def test_every_list_speaks_to_people_programs_and_spreadsheets(audited: Workspace, args: tuple[str, ...]):
    """Each list and show command answers in three formats, and its JSON is the same in both languages."""
    in_english = audited.call(*args, "--format", "json")
    in_arabic = audited.call(*args, "--format", "json", lang="ar")
    assert in_english.returncode == in_arabic.returncode == 0, in_english.stderr
    json.loads(in_english.stdout)
    if args[0] not in ("plan", "reevaluate"):  # the plan holds the moment of planning
        assert in_english.stdout == in_arabic.stdout
    for lang in ("en", "ar"):
        table = audited.call(*args, lang=lang)
        assert table.returncode == 0, table.stderr
        assert table.stdout.strip()
        assert b"\x1b" not in table.stdout
    if args[0] != "ledger":
        sheet(audited.call(*args, "--format", "csv").stdout)


def test_the_language_may_stand_before_or_after_the_command(audited: Workspace):
    """People write it in either place; a language there is none of is refused."""
    before = audited.call("--lang", "ar", "findings", "list")
    after = audited.call("findings", "list", "--lang=ar")
    assert before.stdout == after.stdout
    assert "الملاحظة" in before.stdout.decode()
    assert audited.call("findings", "list", "--lang", "fr").returncode == 2


def test_the_summary_of_a_run_holds_what_was_promised(audited: Workspace):
    """Programs may rely on these keys."""
    shown = value(audited, "runs", "show", "latest")
    assert {"run", "policy", "coverage", "hosts", "verdicts", "departments"} <= set(shown)
    states = {"planned", "reached", "unreachable", "denied", "untrusted", "no_shell", "timed_out", "skipped"}
    assert states <= set(shown["hosts"])
    assert shown["hosts"]["planned"] == shown["hosts"]["reached"] == 1
    assert shown["coverage"] == {"judged": 2, "planned": 2, "not_applicable": 0, "share": 1.0}
    assert shown["verdicts"]["fail"] == 2
    (department,) = shown["departments"]
    assert department["id"] == "example"
    assert department["coverage"]["share"] == 1.0
    assert department["index"] == 0.0
    assert shown["complete"] is True


def test_an_index_that_is_not_shown_says_why(workspace: Workspace):
    """A narrowed run has no index, gives the reason, and never becomes latest."""
    assert workspace.call("audit").returncode == 0
    done = workspace.call("audit", "--check", "guarded-file", "--format", "json")
    assert done.returncode == 0, done.stderr
    (department,) = json.loads(done.stdout)["departments"]
    assert (department["index"], department["withheld"]) == (None, "narrowed")
    assert [run["narrowed"] for run in value(workspace, "runs", "list")] == [True, False]
    assert value(workspace, "runs", "show", "latest")["run"]["id"] == 1


def test_findings_as_programs_read_them(audited: Workspace):
    """A list of objects with the promised keys and raw values, the worst first."""
    found = value(audited, "findings", "list")
    promised = {"id", "department", "asset", "check", "subject", "severity", "state", "controls", "observed", "expected"}
    assert all(promised | {"first_seen", "last_seen"} <= set(finding) for finding in found)
    assert [finding["check"] for finding in found] == ["guarded-file", "lesser-file"]
    assert found[0] | {"severity": "high", "state": "open", "controls": ["A.8.9"], "observed": "0644"} == found[0]


@pytest.mark.parametrize(
    ("filters", "number"),
    [
        (("--severity", "low"), 1),
        (("--check", "guarded-file", "--check", "lesser-file"), 2),
        (("--control", "A.8.9"), 2),
        (("--asset", "example-this-machine"), 2),
        (("--department", "example", "--severity", "high"), 1),
        (("--state", "closed"), 0),
        (("--state", "all"), 2),
    ],
)
def test_findings_can_be_filtered(audited: Workspace, filters: tuple[str, ...], number: int):
    """Filters narrow; the same one given twice widens."""
    assert len(value(audited, "findings", "list", *filters)) == number


def test_a_finding_by_a_beginning_of_its_id(audited: Workspace):
    """People copy what they see; the history tells when it was opened."""
    whole = value(audited, "findings", "list")[0]["id"]
    shown = value(audited, "findings", "show", whole[:8])
    assert shown["id"] == whole
    assert [event["kind"] for event in shown["history"]] == ["finding_opened"]
    told = audited.call("findings", "show", whole, lang="ar").stdout.decode()
    assert "اسحب هذه الصلاحية" in told


def test_findings_in_a_spreadsheet(audited: Workspace):
    """Titles and labels in the reader's language."""
    titles, *rows = sheet(audited.call("findings", "list", "--format", "csv", lang="ar").stdout)
    assert "الخطورة" in titles
    assert any("عالية" in row for row in rows)


def test_a_mended_file_closes_its_finding_and_reevaluate_changes_nothing(workspace: Workspace):
    """The command line shows what the lifecycle does; judging anew what was observed shows no change."""
    workspace.guarded.chmod(0o644)
    assert workspace.call("audit").returncode == 1
    workspace.guarded.chmod(0o600)
    assert workspace.call("audit").returncode == 0
    (closed,) = value(workspace, "findings", "list", "--state", "closed")
    assert closed["resolution"] == "fixed"
    assert value(workspace, "reevaluate") == []


def test_a_run_that_is_no_audit_is_shown_for_what_it_is(workspace: Workspace):
    """Regression: of one department's run an index over all was told, and to show a reevaluation was an internal error."""
    assert workspace.call("audit", "--department", "example").returncode == 0
    shown = workspace.call("runs", "show", "1").stdout.decode()
    assert ("No index over all departments: the run was not of everything." in shown, "Index over all" in shown) == (True, False)
    assert workspace.call("reevaluate", "--apply").returncode == 0
    shown = workspace.call("runs", "show", "2")
    assert (shown.returncode, b"it judged anew what had been seen before, and has no summary" in shown.stdout) == (0, True)
    assert [r["index"] for r in json.loads(workspace.call("runs", "list", "--format", "json").stdout)] == [None, None]


def test_validate_tells_editors_where(full: Workspace, workspace: Workspace):
    """The stock workspace is right; a mistake is given by file, line and column, for people and for editors."""
    assert full.call("validate").returncode == 0
    assert value(full, "validate") == []
    path = workspace.root / "inventories" / "example.yaml"
    path.write_text(path.read_text().replace("criticality: low", "criticality: lowest"))
    done = workspace.call("validate", "--format", "json")
    assert done.returncode == 2
    (mistake,) = json.loads(done.stdout)
    line = path.read_text().split("\n").index("    criticality: lowest") + 1
    assert (mistake["file"], mistake["line"], mistake["column"]) == ("inventories/example.yaml", line, 18)


def test_the_script_of_a_host_is_a_script(full: Workspace):
    """What would run is printed without touching the host, and a shell can read it."""
    script = full.call("plan", "--script", "example-this-machine")
    assert script.returncode == 0
    assert subprocess.run(["sh", "-n"], input=script.stdout, timeout=20, check=False).returncode == 0
    assert full.call("plan", "--script", "this-machine").stdout[:20] == script.stdout[:20]


def test_the_sudoers_lines_are_sudoers_lines(full: Workspace):
    """visudo takes them, where there is one."""
    copy = Workspace(Path(shutil.copytree(full.root, full.root.parent / "remote")))
    copy.inventory("remote", REMOTE.format(connection="address: 10.0.0.1, user: auditor"))
    lines = copy.call("plan", "--sudoers")
    assert lines.returncode == 0, lines.stderr
    assert b"NOPASSWD" in lines.stdout
    visudo = shutil.which("visudo", path="/usr/sbin:/sbin:/usr/bin")
    if visudo:
        done = subprocess.run([visudo, "-cf", "-"], input=lines.stdout, capture_output=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr


def test_a_plan_tells_which_department_is_not_in_it(workspace: Workspace):
    """Sudoers lines from a plan that lacks a department would read as all that is needed."""
    workspace.inventory("tourism", "department: tourism\ntitle: {en: Tourism, ar: السياحة}\nhosts:\n  - {uid: x, adress: 1}\n")
    for args in (("plan",), ("plan", "--sudoers"), ("plan", "--format", "json")):
        done = workspace.call(*args)
        assert b"Set aside, because its files are wrong: tourism" in done.stdout + done.stderr


def test_cases_that_do_not_hold_are_shown(workspace: Workspace):
    """``check test`` ends with 0 when every case gives its verdict, else with 1 and the case's name."""
    assert workspace.call("check", "test").returncode == 0
    path = workspace.root / "checks" / "files" / "guarded-file.yaml"
    path.write_text(path.read_text().replace("expect: '!guarded.other_readable'", "expect: 'guarded.mode != \"0777\"'"))
    done = workspace.call("check", "test", "guarded-file")
    assert done.returncode == 1
    assert b"open to all" in done.stdout


def test_the_catalogue_is_whole(full: Workspace):
    """All 93 controls and every check are listed; a control without a check says that people decide it."""
    controls = {c["id"]: c for c in value(full, "control", "list")}
    assert len(controls) == 93
    assert {c["decided_by"] for c in controls.values()} <= {"manual", "checks", "both"}
    assert controls["A.5.1"]["decided_by"] == "manual"
    checks = value(full, "check", "list")
    assert len(checks) == len(list((full.root / "checks").rglob("*.yaml")))
    assert all(check["controls"] for check in checks)


def test_a_fact_can_be_read_now(workspace: Workspace):
    """The value, the JSON with how it was read, and what the probe printed."""
    call = ("fact", "show", "file_stat", "--host", "this-machine", "--arg", f"path={workspace.guarded}")
    assert json.loads(workspace.call(*call).stdout)["mode"] == "0600"
    assert json.loads(workspace.call(*call, "--format", "json").stdout)["value"]["exists"] is True
    assert b"mode=600" in workspace.call(*call, "--raw").stdout
    assert workspace.call("fact", "show", "file_stat", "--host", "this-machine").returncode == 2
    assert workspace.call("fact", "show", "nonsense", "--host", "this-machine").returncode == 2


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_filled_template_becomes_an_inventory(workspace: Workspace, kind: str):
    """The template is written, filled in, imported; the host is listed; a second import changes nothing."""
    template = workspace.root / f"hosts.{kind}"
    assert workspace.call("inventory", "template", str(template)).returncode == 0
    fill(template)
    call = ("inventory", "import", str(template), "--department", "tourism", "--title-en", "Tourism", "--title-ar", "السياحة")
    done = workspace.call(*call)
    assert done.returncode == 0, done.stderr
    assert workspace.call("validate").returncode == 0
    (host,) = value(workspace, "hosts", "list", "--department", "tourism")
    assert (host["uid"], host["address"]) == ("tourism-web-1", "10.9.0.7")
    written = (workspace.root / "inventories" / "tourism.yaml").read_text()
    assert workspace.call(*call).returncode == 0
    assert (workspace.root / "inventories" / "tourism.yaml").read_text() == written
    assert yaml.safe_load(written)["department"] == "tourism"


def fill(template: Path) -> None:
    """One host, in the columns that are there."""
    row = {"uid": "tourism-web-1", "name": "web-1", "address": "10.9.0.7"}
    if template.suffix == ".csv":
        titles = sheet(template.read_bytes())[0]
        with template.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow([row.get(name(title), "") for title in titles])
        return
    from openpyxl import load_workbook

    book = load_workbook(template)
    page = book.worksheets[0]
    page.append([row.get(name(str(cell.value)), "") for cell in page[1]])
    book.save(template)


def name(title: str) -> str:
    """A column's name; its title says it in both languages."""
    return title.partition(" / ")[0]


def test_an_import_with_a_wrong_row_writes_nothing(workspace: Workspace):
    """The place is named, and no half inventory is left."""
    source = workspace.root / "hosts.csv"
    source.write_text("uid,name,address\nok-1,ok,10.9.0.1\nbad-1,bad,10.9.0.999\n")
    done = workspace.call("inventory", "import", str(source), "--department", "t", "--title-en", "T", "--title-ar", "ت")
    assert done.returncode == 2
    assert re.search(rb"hosts\.csv:3:", done.stderr)
    assert not (workspace.root / "inventories" / "t.yaml").exists()


@needs_lab
@pytest.mark.lab
def test_a_host_is_trusted_and_then_reached(workspace: Workspace, tmp_path: Path):
    """An unknown key is refused with the command to run; that command shows fingerprints and asks; then the login works."""
    server = start_sshd(tmp_path / "sshd")
    try:
        connection = f"address: 127.0.0.1, port: {server.port}, user: root, key: {server.key}, agent: false"
        workspace.inventory("remote", REMOTE.format(connection=connection))
        refused = workspace.call("hosts", "test", "remote-1")
        assert refused.returncode == 3
        assert b"auditor hosts trust remote-1" in b" ".join(refused.stdout.split())
        fingerprint = subprocess.run(
            ["ssh-keygen", "-lf", tmp_path / "sshd" / "host_ed25519.pub"], capture_output=True, check=True
        ).stdout.split()[1]
        shown = workspace.call("hosts", "trust", "remote-1", "--yes")
        assert shown.returncode == 0, shown.stderr
        assert fingerprint in shown.stdout
        reached = workspace.call("hosts", "test", "remote-1")
        assert reached.returncode == 0, reached.stdout
        again = workspace.call("hosts", "trust", "remote-1")
        assert again.returncode == 0
        assert b"on record already" in again.stdout
    finally:
        stop(server.process)


@needs_lab
@pytest.mark.lab
def test_trust_takes_a_supplied_file_and_nothing_without_consent(workspace: Workspace, tmp_path: Path):
    """A no leaves known_hosts as it was; a known_hosts file from the administrators is taken in bulk."""
    server = start_sshd(tmp_path / "sshd")
    try:
        connection = f"address: 127.0.0.1, port: {server.port}, user: root, key: {server.key}, agent: false"
        workspace.inventory("remote", REMOTE.format(connection=connection))
        assert workspace.shell("hosts", "trust", "remote-1").returncode != 0
        assert not (workspace.root / "known_hosts").exists()
        kind, blob = (tmp_path / "sshd" / "host_ed25519.pub").read_text().split()[:2]
        supplied = tmp_path / "supplied"
        supplied.write_text(f"[127.0.0.1]:{server.port} {kind} {blob}\n")
        done = workspace.call("hosts", "trust", "--from", str(supplied))
        assert done.returncode == 0, done.stderr
        assert workspace.call("hosts", "test", "remote-1").returncode == 0
    finally:
        stop(server.process)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_scripts(full: Workspace, shell: str):
    """Each is a script of its shell, read by that shell where there is one, and calls auditor."""
    done = full.shell("completion", shell)
    assert done.returncode == 0, done.stderr
    assert b"_AUDITOR_COMPLETE" in done.stdout
    found = shutil.which(shell)
    if found:
        assert subprocess.run([found, "-n"], input=done.stdout, timeout=20, check=False).returncode == 0


def test_completion_completes(full: Workspace):
    """What the shell asks is answered: commands and options by name."""
    for words, expected in (("auditor fin", b"findings"), ("auditor audit --dep", b"--department")):
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_AUDITOR_COMPLETE": "bash_complete"}
        assert expected in full.shell(**asked).stdout


def test_a_mistyped_filter_is_refused(audited: Workspace) -> None:
    """Regression: `findings list --check nope` must not answer that there is nothing."""
    for option, value in (("--check", "ssh-rot-login"), ("--department", "nope"), ("--asset", "nope"), ("--control", "A.9.99")):
        told = audited.call("findings", "list", option, value)
        assert told.returncode == 2
        assert value.encode() in told.stderr


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_commands_can_be_copied(full: Workspace, lang: str) -> None:
    """Regression: on a narrow terminal the commands of a remedy were wrapped, and in Arabic set to the right."""
    written = yaml.safe_load((full.root / "checks/ssh/ssh-root-login.yaml").read_text())["remediation"]["shell"].strip()
    shown = full.call("check", "show", "ssh-root-login", lang=lang, COLUMNS="60").stdout.decode()
    assert f"\n{written}\n" in shown


def test_what_to_do_is_a_whole_sentence() -> None:
    """Regression: a remedy was cut at a semicolon, and what was left of it did nothing."""
    text = "Set `x = 1; y = 2` in /etc/x.conf, e.g. by hand; then restart the service. Test it."
    assert _first_sentence(text) == "Set `x = 1; y = 2` in /etc/x.conf, e.g. by hand; then restart the service."
    assert _first_sentence("اضبط القيمة في الملف؛ ثم أعد التشغيل. واختبر ذلك.") == "اضبط القيمة في الملف؛ ثم أعد التشغيل."


def test_names_that_lead_nowhere_say_what_was_looked_for(audited: Workspace, tmp_path: Path) -> None:
    """Regression: a workspace that is not there was a file that cannot be read, and a wrong name did not say whose name."""
    called = audited.call("-C", str(tmp_path / "nosuch"), "status")
    assert (called.returncode, b"there is no folder" in called.stderr) == (2, True)
    for option, kind in (("department", "departments"), ("asset", "assets"), ("check", "checks"), ("control", "controls")):
        called = audited.call("findings", "list", f"--{option}", "nosuch")
        assert (called.returncode, f"nothing is named 'nosuch' among the {kind}" in called.stderr.decode()) == (2, True)
    called = audited.call("exceptions", "show", "E-99")
    assert "among the exceptions" in called.stderr.decode()


def test_a_missing_value_is_explained_once(workspace: Workspace) -> None:
    """Regression: There is no value (unreachable): unreachable: …"""
    there = "{connection: ssh, address: 127.0.0.1, port: 1, user: x, uid: gone-1, name: gone-1}"
    workspace.inventory("gone", f"department: gone\ntitle: {{en: Gone, ar: غائبة}}\nhosts: [{there}]\n")
    (workspace.root / "known_hosts").write_text("")
    told = workspace.call("fact", "show", "sshd", "--host", "gone-1").stdout.decode()
    assert "There is no value (" in told
    assert "unreachable: " not in told


def test_a_fact_is_shown_with_its_probe_as_it_runs(full: Workspace) -> None:
    """Regression: the probe came as one wrapped paragraph with its line ends as letters; ``--raw`` of no host was passed over."""
    shown = full.call("fact", "show", "file_stat").stdout.decode()
    assert '\nif exists "$arg_path"; then\n  echo exists=yes\n' in shown
    for option in (("--raw",), ("--arg", "path=/etc/motd")):
        refused = full.call("fact", "show", "file_stat", *option)
        assert (refused.returncode, f"{option[0]} is for a value" in refused.stderr.decode()) == (2, True), refused.stderr


def test_parameters_are_shown_as_files_have_them(full: Workspace, tmp_path: Path) -> None:
    """Regression: people were shown Python's notation of lists and mappings, and relaxations with all they say on one line."""
    assert "allowed: [" in full.call("check", "show", "ssh-root-login").stdout.decode()
    copy = Workspace(Path(shutil.copytree(full.root, tmp_path / "workspace")))
    overlay = copy.root / "policies" / "departments" / "example.yaml"
    overlay.parent.mkdir(exist_ok=True)
    overlay.write_text(
        "department: example\npolicy: national-2026\nrelaxations:\n  - check: ssh-max-auth-tries\n    params: {max: 6}\n"
        "    justification: {en: Old clients, ar: أجهزة قديمة}\n    approver: The committee\n    until: 2999-12-31\n"
    )
    shown = copy.call("policy", "show", "--department", "example")
    assert shown.returncode == 0, shown.stderr
    text = shown.stdout.decode()
    assert ("{'" in text, "['" in text) == (False, False)
    lines = [line.strip() for line in text.split("Relaxed until 2999-12-31")[1].splitlines()]
    assert lines == ["ssh-max-auth-tries", "max: 6", "Old clients", "Approved by: The committee"]


@pytest.mark.parametrize("value", ["ar_SA.UTF-8", "AR", "en_US.UTF-8"])
def test_a_language_is_known_by_the_name_of_its_locale(workspace: Workspace, value: str) -> None:
    """As people have it from LANG, and in capitals; for help and for what commands say alike."""
    told = workspace.call("hosts", "list", "--department", "example", lang=value)
    assert told.returncode == 0, told.stderr
    assert ("Asset" in told.stdout.decode()) == value.startswith("en")


def test_a_language_that_is_none_is_blamed_on_what_names_it(workspace: Workspace) -> None:
    """Regression: a wrong AUDITOR_LANG was called a wrong --lang, which nobody had written."""
    told = workspace.call("hosts", "list", lang="fr")
    assert told.returncode == 2
    assert "AUDITOR_LANG" in told.stderr.decode()
    assert "--lang" not in told.stderr.decode().replace("--help", "")
    given = workspace.call("--lang", "fr", "hosts", "list")
    assert (given.returncode, "--lang" in given.stderr.decode()) == (2, True)


def test_next_steps_work_when_pasted(audited: Workspace, tmp_path: Path) -> None:
    """Regression: after ``auditor -C demo audit``, ``auditor findings show F-…`` was named, which there found no workspace."""
    root = str(audited.root)
    elsewhere = {**environment(), "COLUMNS": "400"}
    shown = subprocess.run([*COMMAND, "-C", root, "runs", "show"], cwd=tmp_path, env=elsewhere, capture_output=True, timeout=60)
    told = shown.stdout.decode()
    pasted = re.findall(r"auditor (-C \S+ findings (?:list|show F-\w+))", told)
    assert len(pasted) == 2, told
    for words in pasted:
        done = subprocess.run([*COMMAND, *words.split()], cwd=tmp_path, env=elsewhere, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
    wrong = subprocess.run([*COMMAND, "-C", root, "findings", "show", "F-0"], env=elsewhere, capture_output=True, timeout=60)
    assert f"`auditor -C {root} findings list`" in wrong.stderr.decode()
    assert "-C" not in audited.shell("runs", "show").stdout.decode()
    assert "-C" not in audited.call("runs", "show").stdout.decode()  # AUDITOR_WORKSPACE is still there for the next call
