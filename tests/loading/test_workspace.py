"""A whole workspace: what is loaded, what is set aside, what stops everything, and what the run's record keeps."""

from __future__ import annotations

import json
import os
import time
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from auditor.errors import ConfigurationError, UsageError
from auditor.loading import LoadResult, find_root, load_settings, load_workspace, stock_root
from auditor.model import AssetKind, Catalogue, Criticality, Relaxation, Severity, Stricter, Text
from tests.loading.conftest import CHECK, FILES, Workspace


def catalogue_of(result: LoadResult) -> Catalogue:
    assert result.catalogue is not None, result.mistakes
    return result.catalogue


def test_a_right_workspace_is_loaded_whole(workspace: Workspace) -> None:
    """Every file reaches the model: values, defaults, overlays, places and sources."""
    catalogue = catalogue_of(workspace.load())
    finance, health = catalogue.inventory.departments
    web, database, network = health.assets
    check = catalogue.checks["ssh-root-login"]

    assert catalogue.framework.controls[0].checks[0].check == "ssh-root-login"
    assert [(p.name, p.type, p.stricter) for p in check.params] == [
        ("allowed", "list", Stricter.SUBSET),
        ("tries", "int", Stricter.LOWER),
    ]
    assert (check.area, check.cases[2].given, check.cases[2].params) == ("ssh", {"sshd": {"golden": "debian12"}}, {"tries": 6})
    policy = catalogue.policies["national"]
    assert (policy.of_record, policy.controls, policy.params) == (True, {"A.8.9": "12/3"}, {"ssh-root-login": {"tries": 3}})
    assert policy.terms.days[Severity.CRITICAL] == 7
    assert catalogue.settings.policy_of_record == "national"
    assert catalogue.overlays["finance"].relaxations == (
        Relaxation(
            Text("Old clients", "أجهزة قديمة"), "The committee", date(2027, 3, 31), check="ssh-root-login", params={"tries": 6}
        ),
    )
    assert (health.timezone, finance.timezone) == ("Asia/Riyadh", "UTC")
    assert (web.zone, web.connection.user, web.connection.jump, web.ports) == (
        "servers", "auditor", ("bastion.example",), ("22/tcp", "443/tcp")
    )  # fmt: skip
    assert (database.zone, database.connection.jump, database.criticality) == ("inner", (), Criticality.HIGH)
    assert (network.kind, network.connection.method) == (AssetKind.NETWORK, "none")
    assert dict(catalogue.sources) == FILES


def test_a_department_with_wrong_files_is_set_aside_alone(workspace: Workspace) -> None:
    """The others are loaded; what was set aside is named with its mistakes, and leaves no trace in the sources."""
    workspace.replace("overlay.yaml", "tries: 2", "tries: 9")
    result = workspace.load()
    catalogue = catalogue_of(result)

    assert [department.id for department in catalogue.inventory.departments] == ["health"]
    assert catalogue.inventory.set_aside == (("finance", tuple(str(mistake) for mistake in result.mistakes)),)
    assert [mistake.department for mistake in result.mistakes] == ["finance"]
    assert "finance" not in catalogue.overlays
    assert "policies/departments/finance.yaml" not in dict(catalogue.sources)


@pytest.mark.parametrize("name", [name for name in FILES if "departments" not in name and "inventories" not in name])
def test_a_mistake_in_a_shared_file_stops_everything(workspace: Workspace, name: str) -> None:
    """Nothing may be judged by half a policy."""
    workspace.write(name, "nonsense: 1\n" if name.endswith(".yaml") else "nonsense = 1\n")
    result = workspace.load()

    assert result.catalogue is None
    assert {mistake.department for mistake in result.mistakes} == {None}
    assert name in {mistake.file for mistake in result.mistakes}


def test_an_overlay_of_a_department_without_inventory_is_a_mistake_once_there_are_inventories(workspace: Workspace) -> None:
    """A misspelt overlay would silently not be in force; a workspace without any inventory yet is no mistake."""
    (workspace.root / "inventories/finance.yaml").unlink()
    assert [str(mistake) for mistake in workspace.load().mistakes] == [
        "policies/departments/finance.yaml:1:13: unknown department finance"
    ]
    (workspace.root / "inventories/health.yaml").unlink()
    assert workspace.mistakes() == []


def test_of_two_policies_one_must_be_of_record(workspace: Workspace) -> None:
    """Only one moves findings, and which one is said, not guessed."""
    text = (workspace.root / "policies/national.yaml").read_text(encoding="utf-8")
    workspace.write("policies/draft.yaml", text.replace("id: national", "id: draft"))
    assert [m.split("; ")[0][:52] for m in workspace.mistakes()] == ["auditor.toml:1:1: there are several policies: say wh"]

    workspace.write("auditor.toml", '[policy]\nof_record = "nationel"\n')
    assert workspace.mistakes() == ["auditor.toml:2:13: unknown policy nationel; did you mean national?"]

    workspace.write("auditor.toml", '[policy]\nof_record = "draft"\n')
    policies = catalogue_of(workspace.load()).policies
    assert [(policy.id, policy.of_record) for policy in policies.values()] == [("draft", True), ("national", False)]


def test_a_check_keeps_its_hash_until_its_verdicts_may_change(workspace: Workspace) -> None:
    """Wording, severity, references and cases decide no verdict; facts and expressions do."""

    def digest(old: str, new: str) -> str:
        workspace.write("checks/ssh/ssh-root-login.yaml", CHECK)
        workspace.replace("ssh-root-login.yaml", old, new)
        return catalogue_of(workspace.load()).checks["ssh-root-login"].sha256

    before = digest("id:", "id:")
    assert digest("severity: high", "severity: low") == before
    assert digest("Nobody is root", "Somebody is root") == before
    assert digest("name: allowed", "name: yes") == before
    assert digest("facts: [sshd]", "facts: {sshd: {sshd: {}}}") == before
    assert digest("<= params.tries", "< params.tries") != before
    assert digest("observed: sshd.permitrootlogin", "observed: sshd.maxauthtries") != before


def test_an_empty_folder_is_told_what_it_lacks(tmp_path: Path) -> None:
    """A workspace that is none is no crash."""
    assert [str(mistake).split(";")[0] for mistake in load_workspace(tmp_path).mistakes] == [
        "auditor.toml:1:1: the file cannot be read: No such file or directory",
        "checks:1:1: there is no folder of checks here",
        "inventories:1:1: there is no folder of inventories here",
        "policies:1:1: there is no folder of policies here",
    ]


def test_what_cannot_be_read_is_a_mistake(workspace: Workspace) -> None:
    """A folder, a dangling link or a pipe where a file should be."""
    (workspace.root / "checks/ssh/folder.yaml").mkdir()
    (workspace.root / "inventories/interior.yaml").symlink_to("nowhere")
    os.mkfifo(workspace.root / "inventories/pipe.yaml")

    assert workspace.mistakes() == [
        "checks/ssh/folder.yaml:1:1: this is no file; a file is expected under this name",
        "inventories/interior.yaml:1:1: the file cannot be read: No such file or directory",
        "inventories/pipe.yaml:1:1: this is no file; a file is expected under this name",
    ]


def test_ten_thousand_hosts_load_in_seconds(workspace: Workspace) -> None:
    """24 departments, no file of them beyond the cap. The limit is generous, for a busy machine."""
    host = (
        "  - {{uid: {d}-{i}, name: web-{i}, address: 10.1.{a}.{b}, role: web, zone: dmz, criticality: high, tags: [production], "
        "ports: [22/tcp, 443/tcp], connection: ssh, public: false}}\n"
    )
    for number in range(24):
        hosts = "".join(host.format(d=f"d{number}", i=i, a=i // 250, b=i % 250 + 1) for i in range(417))
        head = f"department: d{number}\ntitle: {{en: Department, ar: جهة}}\nhosts:\n"
        workspace.write(f"inventories/d{number}.yaml", head + hosts)
    start = time.process_time()
    catalogue = catalogue_of(workspace.load())

    assert sum(len(department.assets) for department in catalogue.inventory.departments) == 24 * 417 + 4
    assert time.process_time() - start < 10


SETTINGS = """\
[auditor]
language = "en"
[paths]
ledger = "/var/lib/auditor/ledger.db"
inventories = "shared/inventories"
[policy]
of_record = "national"
[audit]
fail_severity = "high"
concurrency = 8
connect_timeout = 5
"""


def test_settings_fill_in_defaults_and_follow_their_folder(workspace: Workspace) -> None:
    """Every key may be left out; relative paths start where auditor.toml is."""
    workspace.write("auditor.toml", SETTINGS)
    found = load_settings(workspace.root / "auditor.toml")

    assert (found.language, found.bidi, found.fail_severity, found.concurrency) == ("en", "auto", "high", 8)
    assert (found.connect_timeout, found.login_timeout) == (5.0, 20.0)
    assert type(found.connect_timeout) is float
    assert found.ledger == Path("/var/lib/auditor/ledger.db")
    assert found.inventories == workspace.root / "shared/inventories"
    assert found.checks == workspace.root / "checks"
    assert found == load_settings(workspace.root)


@pytest.mark.parametrize(("given", "day"), [("", 6), ('reminder = "monday"', 0), ('reminder = "never"', None)])
def test_the_day_of_the_reminder(workspace: Workspace, given: str, day: int | None) -> None:
    """As date.weekday() counts; Sunday where nothing is said."""
    workspace.write("auditor.toml", f"[notify]\n{given}\n")
    assert load_settings(workspace.root).notify.reminder == day


def test_a_reminder_on_no_day_is_a_mistake(workspace: Workspace) -> None:
    """With what it could be."""
    workspace.write("auditor.toml", '[notify]\nreminder = "sun"\n')
    with pytest.raises(ConfigurationError) as raised:
        load_settings(workspace.root)
    assert "a day of the week such as sunday, or never" in raised.value.mistakes[0]


def test_a_webhook_s_secret_may_come_from_a_command(workspace: Workspace) -> None:
    """Instead of a variable, which cron does not have."""
    more = '[notify]\nwebhook = "https://example.org/x"\nwebhook_secret_command = "pass show hook"\n'
    workspace.write("auditor.toml", more)
    assert load_settings(workspace.root).notify.webhook_secret_command == "pass show hook"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[audit]\nconcurency = 4\n", "auditor.toml:2:1: unknown key concurency in audit; did you mean concurrency?"),
        ("[audit]\nconcurrency = 0\n", "auditor.toml:2:15: audit.concurrency is 0; expected a whole number from 1 to 1000"),
        ('[audit]\nfail_severity = "hihg"\n', 'auditor.toml:2:17: audit.fail_severity is "hihg"; expected critical'),
        ('[notify]\nsmtp = "h:99999"\nfrom = "a@b"\n', 'auditor.toml:2:8: notify.smtp is "h:99999"; expected a mail server as'),
        ('[notify]\nsmtp = "h:0"\nfrom = "a@b"\n', 'auditor.toml:2:8: notify.smtp is "h:0"; expected a mail server as host'),
        ("[adit]\n", "auditor.toml:1:2: unknown key adit; did you mean audit?"),
        ("audit = 5\n", "auditor.toml:1:9: audit is 5; expected a table"),
        ("[audit\n", "auditor.toml:1:7: this is not valid TOML"),
        ("a = 1\na = 2\n", "auditor.toml:2:6: this is not valid TOML"),
        ("a = \x1b", "auditor.toml:1:5: the control character U+001B is not allowed"),
    ],
)
def test_a_mistake_in_the_settings_is_told_where_it_stands(workspace: Workspace, text: str, expected: str) -> None:
    """As in YAML, and by load_settings as by load_workspace."""
    workspace.write("auditor.toml", text)

    assert workspace.mistakes()[0].startswith(expected)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(workspace.root)
    assert caught.value.mistakes[0].startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[nightly]\nwindow = nan\n", "auditor.toml:2:10: nightly.window is NaN; expected a number of seconds"),
        ("[nightly]\ngrace = inf\n", "auditor.toml:2:9: nightly.grace is Infinity; expected a number of seconds"),
        ("[audit]\nhost_timeout = -nan\n", "auditor.toml:2:16: audit.host_timeout is NaN; expected a number of seconds"),
        ("[audit]\nnetwork_rate = true\n", "auditor.toml:2:16: audit.network_rate is true; expected a number from 0 to 1000"),
    ],
)
def test_what_cannot_be_counted_with_is_no_number(workspace: Workspace, text: str, expected: str) -> None:
    """Regression, a night without end: no bound refuses nan. With such a window the lock was held for ever and doctor ended with
    an internal error; as a host's time it cost coverage."""
    workspace.write("auditor.toml", text)
    assert [mistake[: len(expected)] for mistake in workspace.mistakes()] == [expected]


@pytest.mark.parametrize("given", ["2026-01-01", "07:32:00", "2026-01-01T07:32:00Z", "{a = [2026-01-01]}"])
def test_a_day_in_the_settings_is_a_mistake_like_any_other(workspace: Workspace, given: str) -> None:
    """Regression: TOML has days and times, JSON has not, and every command ended with an internal error (TypeError)."""
    workspace.write("auditor.toml", f"[audit]\nconcurrency = {given}\n[people]\nx = [{given}, {given}]\n")
    first, second = workspace.mistakes()
    assert first.startswith("auditor.toml:2:15: audit.concurrency is ")
    assert "expected a whole number from 1 to 1000" in first
    assert second.startswith("auditor.toml:4:5: people.x is a list; expected a person")


def test_the_same_day_twice_is_told(workspace: Workspace) -> None:
    """Regression: as before, where what stands twice in a list is looked for."""
    person = '[people.sara]\nname = {en = "Sara", ar = "سارة"}\nroles = [2026-01-01, 2026-01-01]\n'
    workspace.write("auditor.toml", person)
    assert any('"2026-01-01" stands twice in people.sara.roles' in mistake for mistake in workspace.mistakes())


def test_a_picture_may_lie_in_a_home(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: of all paths in auditor.toml the logo's alone was not read so. An account that is not there is no crash."""
    monkeypatch.setenv("HOME", "/somewhere")
    workspace.write(
        "auditor.toml", '[report]\nlogo = "~/seal.png"\n[report.departments.health]\nlogo = "~no-such-user/seal.png"\n'
    )
    found = load_settings(workspace.root)
    assert found.letterhead.logo == Path("/somewhere/seal.png")
    assert found.letterheads["health"].logo == workspace.root / "~no-such-user/seal.png"


def test_the_root_is_found_from_anywhere_inside(workspace: Workspace) -> None:
    """As git does; outside of any workspace one is told what to do."""
    assert find_root(workspace.root / "checks" / "ssh") == workspace.root
    (workspace.root / "auditor.toml").unlink()
    with pytest.raises(UsageError, match="auditor init"):
        find_root(workspace.root)


def test_the_stock_workspace_is_right() -> None:
    """What is shipped loads without a single mistake, and holds the whole framework."""
    result = load_workspace(stock_root(), thorough=True)
    catalogue = catalogue_of(result)

    assert result.mistakes == ()
    assert len(catalogue.framework.controls) == 93
    policy = catalogue.policies["national-2026"]
    assert (policy.of_record, set(policy.controls)) == (True, {control.id for control in catalogue.framework.controls})
    assert len(set(policy.controls.values())) == 93
    assert len(catalogue.checks) >= 40
    assert {mapping.check for control in catalogue.framework.controls for mapping in control.checks} == set(catalogue.checks)
    assert catalogue.overlays["finance"].params
    assert catalogue.overlays["interior"].relaxations
    assert {(check.id, param.name) for check in catalogue.checks.values() for param in check.params if param.off_when_empty} == {
        ("account-administrators-approved", "approved"),
        ("dns-resolvers-approved", "approved"),
        ("service-critical-starts", "units"),
        ("ssh-keys-registered", "register"),
        ("time-servers-approved", "approved"),
        ("web-proxy-set", "approved"),
    }


_LEAVES = st.none() | st.booleans() | st.integers(-5, 100000) | st.sampled_from(
    ["", "x", "A.8.9", "ssh-root-login", "sshd", "high", "22/tcp", "10.1.1.1", "no", "list", "params.x", "finance", "صحة"]
)  # fmt: skip
_KEYS = st.sampled_from(
    ["id", "title", "en", "ar", "facts", "params", "cases", "given", "hosts", "networks", "uid", "address", "name", "policy",
     "department", "relaxations", "check", "control", "until", "sshd", "checks", "default", "type", "stricter", "x", "controls"]
)  # fmt: skip
_TREES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5), max_leaves=12
)


@given(name=st.sampled_from(sorted(FILES)), tree=_TREES, key=_KEYS)
@example(name="inventories/finance.yaml", tree=[None], key="hosts")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_anywhere_gives_a_catalogue_or_mistakes(workspace: Workspace, name: str, tree: object, key: str) -> None:
    """A file of any content at all, or a right file with one value replaced by any other: never an exception."""
    for file, content in FILES.items():
        workspace.write(file, content)
    if name.endswith(".toml"):
        return
    lines = FILES[name].split("\n")
    place = next((i for i, line in enumerate(lines) if line.startswith(f"{key}:")), None)
    text = json.dumps(tree, ensure_ascii=False)
    if place is None:
        workspace.write(name, text)
    else:
        end = next((i for i in range(place + 1, len(lines)) if not lines[i].startswith((" ", "-"))), len(lines))
        workspace.write(name, "\n".join([*lines[:place], f"{key}: {text}", *lines[end:]]))
    result = workspace.load()

    assert result.catalogue is not None or result.mistakes
    assert all(mistake.line > 0 and mistake.column > 0 for mistake in result.mistakes)


LOOSE = "department: health\npolicy: national\nparams:\n  ssh-root-login: {tries: 99}\n"
TIGHT = LOOSE.replace("99", "1")


def aside(catalogue: Catalogue) -> list[str]:
    return [department for department, _ in catalogue.inventory.set_aside]


def test_an_overlay_under_another_name_decides_nothing(workspace: Workspace) -> None:
    """Regression, false pass: it set aside its file's name, and was in force for the department that it named."""
    workspace.write("policies/departments/health.yaml", TIGHT)
    workspace.write("policies/departments/zz.yaml", LOOSE)
    catalogue = catalogue_of(workspace.load())

    assert aside(catalogue) == ["zz"]
    assert catalogue.overlays["health"].params == {"ssh-root-login": {"tries": 1}}
    assert "policies/departments/health.yaml" in dict(catalogue.sources)


@pytest.mark.parametrize("broken", ["", "nonsense: 1\n"])
def test_a_department_is_not_judged_without_the_overlay_that_may_be_its_own(workspace: Workspace, broken: str) -> None:
    """Regression, false pass: the one overlay of health is misnamed; health is set aside as for a broken one of its name."""
    workspace.write("policies/departments/helth.yaml", TIGHT + broken)
    result = workspace.load()
    catalogue = catalogue_of(result)

    assert aside(catalogue) == ["health", "helth"]
    assert "health" not in catalogue.overlays
    assert "policies/departments/helth.yaml:1:13: health has no overlay under its own name and may be meant" in "".join(
        str(mistake) for mistake in result.mistakes if mistake.department == "health"
    )


def test_one_departments_overlay_relaxes_nothing_for_another(workspace: Workspace) -> None:
    """Regression, false pass: an overlay of health that says finance gave finance the relaxations of health."""
    overlay = FILES["policies/departments/finance.yaml"]
    workspace.write("policies/departments/health.yaml", overlay.replace("params: {tries: 6}", "params: {tries: 60}"))
    catalogue = catalogue_of(workspace.load())

    assert aside(catalogue) == ["health"]
    assert [relaxation.params for relaxation in catalogue.overlays["finance"].relaxations] == [{"tries": 6}]


def test_an_inventory_under_another_name_is_no_second_department(workspace: Workspace) -> None:
    """Regression: two departments of one id shared the asset that stands for the department."""
    workspace.write("inventories/helth.yaml", FILES["inventories/health.yaml"])
    catalogue = catalogue_of(workspace.load())

    assert aside(catalogue) == ["helth"]
    assert [department.id for department in catalogue.inventory.departments] == ["finance", "health"]


@pytest.mark.parametrize(
    "more", ["", '\nmaintenance: [{from: "2026-01-01 00:00", until: "2026-01-02 00:00", reason: {en: a, ar: ع}}]']
)
def test_a_folder_of_zones_is_no_zone(workspace: Workspace, more: str) -> None:
    """Regression: one department's ``timezone: Asia`` stopped the night of every department."""
    workspace.replace("health.yaml", "Asia/Riyadh", f"Asia{more}")
    result = workspace.load()

    assert [str(m) for m in result.mistakes] == [
        "inventories/health.yaml:3:11: unknown time zone Asia; expected one such as Asia/Riyadh"
    ]
    assert aside(catalogue_of(result)) == ["health"]


def test_a_departments_file_in_a_folder_further_down_is_told(workspace: Workspace) -> None:
    """Regression: the department was no longer audited, and nothing said so. Hidden folders are git's own."""
    for folder in ("inventories", "policies/departments"):
        (workspace.root / folder / "north").mkdir()
        (workspace.root / folder / "finance.yaml").rename(workspace.root / folder / "north/finance.yaml")
    workspace.write("inventories/.github/workflow.yml", "")
    workspace.write("inventories/notes/readme.txt", "")
    result = workspace.load()

    said = "1:1: no file in a folder of this folder is read; move it to"
    assert [str(mistake) for mistake in result.mistakes] == [
        f"inventories/north/finance.yaml:{said} inventories/finance.yaml",
        f"policies/departments/north/finance.yaml:{said} departments/finance.yaml",
    ]
    assert aside(catalogue_of(result)) == ["finance"]


def test_a_department_cannot_turn_a_check_off_by_an_empty_list(workspace: Workspace) -> None:
    """Regression, false pass: it «tightened» the policy's list to nothing, and the check applied to none of its hosts."""
    workspace.replace("ssh-root-login.yaml", "applies: sshd.installed", "applies: sshd.installed && params.allowed.size() > 0")
    workspace.replace("overlay.yaml", 'allowed: ["no"]', "allowed: []")

    assert [mistake.split("; ")[0] for mistake in workspace.mistakes()] == [
        "policies/departments/finance.yaml:4:39: ssh-root-login allowed is [], which is looser than the policy"
    ]
    workspace.replace("national.yaml", "{tries: 3}", "{tries: 3, allowed: []}")
    workspace.replace("overlay.yaml", "allowed: []", 'allowed: ["yes"]')
    assert workspace.mistakes() == []


def test_an_overlay_for_another_policy_than_that_of_record_is_told(workspace: Workspace) -> None:
    """Regression: once the committee moved to a new policy, all that departments had tightened was gone without a word."""
    assert workspace.load().notes == ()
    workspace.write("policies/next.yaml", FILES["policies/national.yaml"].replace("id: national", "id: next"))
    workspace.write("auditor.toml", '[policy]\nof_record = "next"\n')
    result = workspace.load()

    assert [(str(note), note.severity) for note in result.notes] == [
        (
            "policies/departments/finance.yaml:2:9: the overlay is for national, which is not the policy of record: "
            "nothing that it says is in force",
            "warning",
        )
    ]
    assert (result.mistakes, aside(catalogue_of(result))) == ((), [])
    assert "policies/departments/finance.yaml" in dict(catalogue_of(result).sources)
