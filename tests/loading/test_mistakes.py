"""Every kind of mistake in a workspace: exactly where it is, what was expected, what was meant."""

from __future__ import annotations

import os
import pwd

import pytest

from tests.loading.conftest import CHECK as CHECK_TEXT
from tests.loading.conftest import FILES, Workspace

CHECK, CONTROL, POLICY = "checks/ssh/ssh-root-login.yaml", "policies/tiny/A.8.9.yaml", "policies/national.yaml"
FRAMEWORK, OVERLAY, HEALTH = "policies/tiny/framework.yaml", "policies/departments/finance.yaml", "inventories/health.yaml"


def spoil(workspace: Workspace, file: str, old: str, new: str) -> tuple[str, list[str]]:
    """Replace ``old`` by ``new``, in which ``¦`` marks where the mistake is expected: that place, and the mistakes found."""
    workspace.replace(file, old, new)
    path = workspace.root / file
    text = path.read_text(encoding="utf-8")
    before, _, after = text.partition("¦")
    path.write_text(before + after, encoding="utf-8")
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}", workspace.mistakes()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('webhook = "https://x.example"', "notify has webhook, which needs one of these beside it: webhook_secret_env, "),
        ('smtp = "mail.example:587"', "notify has smtp and no from: a mail address"),
        ('user = "auditor"', "notify has user and no smtp: a mail server as host:port"),
    ],
)
def test_a_key_that_needs_another_says_which(workspace: Workspace, text: str, told: str) -> None:
    """Regression: each of these was told as "notify has params but no check", which is a mistake of overlays."""
    workspace.write("auditor.toml", f"[notify]\n{text}\n")
    assert [mistake[: len(told) + len("auditor.toml:2:1: ")] for mistake in workspace.mistakes()] == [f"auditor.toml:2:1: {told}"]


def test_a_relaxation_with_parameters_of_no_check_says_so(workspace: Workspace) -> None:
    """The same of overlays, where the mistake began."""
    workspace.replace("overlay.yaml", "check: ssh-root-login\n    params", "control: A.8.9\n    params")
    (told,) = workspace.mistakes()
    assert told.startswith("policies/departments/finance.yaml:7:5: relaxations[0] has params and no check: ")


def test_a_check_that_no_control_names_is_noted(workspace: Workspace) -> None:
    """Regression: a check without a mapping was never run, and nothing ever said so. What the policy leaves out with its control
    is left out knowingly."""
    assert workspace.load().notes == ()
    workspace.write("checks/ssh/ssh-other.yaml", CHECK_TEXT.replace("id: ssh-root-login", "id: ssh-other"))
    (note,) = workspace.load().notes
    assert (note.file, note.severity) == ("checks/ssh/ssh-other.yaml", "warning")
    assert note.message == "no control names the check ssh-other, so that it is never run; map it in a control under policies/"
    workspace.write("policies/tiny/A.8.8.yaml", FILES[CONTROL].replace("A.8.9", "A.8.8").replace("ssh-root-login", "ssh-other"))
    assert workspace.load().notes == ()


def test_the_account_that_audits_is_noted_where_it_may_not(workspace: Workspace) -> None:
    """Regression: named in [people] for another role, the account of the ledger could no longer audit, and the nights ended."""
    account = pwd.getpwuid(os.getuid()).pw_name
    person = '[people.{account}]\nname = {{en = "A", ar = "ب"}}\nroles = ["committee"{more}]\nministry = "health"\n'
    workspace.write("auditor.toml", person.format(account=account, more=""))
    (note,) = workspace.load().notes
    assert str(note).startswith(f"auditor.toml:1:2: {account} owns the ledger and runs the nightly audit")
    workspace.write("auditor.toml", person.format(account=account, more=', "operator"'))
    assert workspace.load().notes == ()


def test_the_workspace_is_right_until_it_is_spoiled(workspace: Workspace) -> None:
    """Otherwise the tests below would prove little."""
    assert workspace.mistakes() == []


@pytest.mark.parametrize(
    ("file", "old", "new", "start", "count"),
    [
        (CHECK, "severity:", "¦severty:", "unknown key severty; did you mean severity?", 2),
        (CHECK, "severity: high", "severity: ¦hihg", 'severity is "hihg"; expected critical, high, medium or low; did you me', 1),
        (CHECK, "tries: {default: 4,", "tries: {default: 4, ¦defualt: 5,", "unknown key defualt in params.tries; known here:", 1),
        (CHECK, 'shell: "true"', "shell: ¦true", 'remediation.shell is true; expected a shell command; put it in quotes: "tr', 1),
        (CHECK, "ar: لا أحد هو الجذر", "ar: ¦Nobody", 'rationale.ar is "Nobody"; expected the text in Arabic, in Arabic lett', 1),
        (CHECK, "en: Nobody is root", "en: ¦", "rationale.en is empty; expected the text in English", 1),
        (CHECK, '"5.1.20"', "¦5.1", "references.cis.debian12 is 5.1; expected a section or a list of sections", 1),
        (CHECK, "id: ssh", "id: ¦SSH", "the id is SSH-root-login, but the file is ssh-root-login.yaml; make them the same", 2),
        (POLICY, "coverage_floor: 0.6", "coverage_floor: ¦0.60", 'coverage_floor is "0.60"; expected a share from 0 to 1; wr', 1),
        (POLICY, "critical: 7", "critical: ¦0", "deadlines.critical is 0; expected a whole number of days from 1 to 3650", 1),
        (POLICY, 'version: "1"', "version: ¦1", 'version is 1; expected a version in quotes, such as "2026.1"; put it in quo', 1),
        (POLICY, 'A.8.9: "12/3"', "A.8.9: ¦12", 'controls.A.8.9 is 12; expected the article as a text in quotes, such as "12', 1),
        (HEALTH, "22/tcp", "¦22", "hosts[0].ports[0] is 22; expected a port such as 22/tcp", 1),
        (HEALTH, "443/tcp", "¦70000/tcp", 'hosts[0].ports[1] is "70000/tcp"; expected a port such as 22/tcp', 1),
        (HEALTH, "443/tcp", "¦22/tcp", '"22/tcp" stands twice in hosts[0].ports; keep one', 1),
        (HEALTH, "criticality: high", "agent: ¦yes", 'hosts[1].agent is "yes"; expected true or false; did you mean true?', 1),
        (CHECK, "facts: [sshd]", "facts: [¦sshdd]", "unknown fact sshdd; did you mean sshd?", 1),
        (CHECK, "id: ssh-root-login", "id: ¦ssh-rot-login", "the id is ssh-rot-login, but the file is ssh-root-login.yaml; m", 1),
        (CONTROL, "check: ssh-root-login", "check: ¦ssh-rot-login", "unknown check ssh-rot-login; did you mean ssh-root-logi", 1),
        (CONTROL, "id: A.8.9", "id: ¦A.8.8", "the id is A.8.8, but the file is A.8.9.yaml; make them the same", 1),
        (CONTROL, "theme: technological", "theme: ¦tecnological", "unknown theme of the vocabulary tecnological; did you mea", 1),
        (CONTROL, "[preventive]", "[¦detective]", "unknown type of the vocabulary detective; did you mean preventive?", 1),
        (CONTROL, "evidence: technical", "evidence: ¦hybrid", "a control whose evidence is hybrid needs attestation: what th", 1),
        (FRAMEWORK, "id: tiny", "id: ¦tinny", "the id is tinny, but the folder is tiny; make them the same", 1),
        (POLICY, "A.8.9:", "¦A.8.8:", "unknown control A.8.8; did you mean A.8.9?", 1),
        (POLICY, "ssh-root-login:", "¦ssh-rot-login:", "unknown check ssh-rot-login; did you mean ssh-root-login?", 1),
        (POLICY, "tries: 3", "¦trys: 3", "the check ssh-root-login has no parameter trys; did you mean tries?", 1),
        (POLICY, "tries: 3", "tries: ¦three", 'the parameter tries of ssh-root-login is "three"; expected a whole number', 1),
        (POLICY, "framework: tiny", "framework: ¦tinny", "unknown framework tinny; did you mean tiny?", 1),
        (POLICY, "params:", "excluded_checks: [¦nope]\nparams:", "unknown check nope", 1),
        (OVERLAY, "policy: national", "policy: ¦nationel", "unknown policy nationel; did you mean national?", 1),
        (OVERLAY, "tries: 6", "¦trie: 6", "the check ssh-root-login has no parameter trie; did you mean tries?", 1),
        (OVERLAY, "department: finance", "department: ¦finanse", "the department is finanse, but the file is finance.yaml; m", 1),
        (OVERLAY, "tries: 2", "tries: ¦4", "ssh-root-login tries is 4, which is looser than the policy; expected no higher t", 1),
        (OVERLAY, 'allowed: ["no"]', 'allowed: ¦["yes"]', 'ssh-root-login allowed is ["yes"], which is looser than the polic', 1),
        (OVERLAY, "until: 2027-03-31", "until: ¦2027-02-30", "2027-02-30 is no day of the calendar; expected YYYY-MM-DD", 1),
        (OVERLAY, "until: 2027-03-31", "until: ¦31/3/2027", 'relaxations[0].until is "31/3/2027"; expected the last day on w', 1),
        (OVERLAY, "- check: ssh-root-login\n    params: {tries: 6}", "- control: ¦A.8.8", "unknown control A.8.8; did you me", 1),
        (OVERLAY, "- check: ssh-root-login\n    params", "- ¦params", "relaxations[0] must name either a check or a control;", 2),
        (HEALTH, "department: health", "department: ¦helth", "the department is helth, but the file is health.yaml; make the", 1),
        (HEALTH, "Asia/Riyadh", "¦Asia/Riad", "unknown time zone Asia/Riad; expected one such as Asia/Riyadh", 1),
        (HEALTH, "10.1.1.11", "¦10.1.1.256", 'hosts[0].address is "10.1.1.256", which is no IP address; expected one such as', 1),
        (HEALTH, "10.1.1.11", "¦10.1.1.11/32", 'hosts[0].address is "10.1.1.11/32", which is no IP address; expected one suc', 1),
        (HEALTH, "10.1.1.11", "¦-web", "hosts[0].address is neither an IP address nor a host name", 1),
        (HEALTH, "10.1.1.11,", "10.1.1.11, ipv6: ¦fe80::1%eth0,", "hosts[0].ipv6 is \"fe80::1%eth0\", which is no host", 1),
        (HEALTH, "10.1.1.11,", "10.1.1.11, ipv6: ¦10.1.1.12,", "hosts[0].ipv6 is \"10.1.1.12\", which is no host", 1),
        (HEALTH, "10.1.1.11,", "10.1.1.11, ipv6: ¦'2001:4860::8',", "hosts[0].ipv6 is a public address", 1),
        (HEALTH, "10.1.1.11", "¦'fe80::1%a b; id'", "hosts[0].address is \"fe80::1%a b; id\", which is no host's IPv6", 1),
        (HEALTH, "10.1.1.11,", "¦224.0.0.1, public: true,", "hosts[0].address is \"224.0.0.1\", which is no host's addre", 1),
        (HEALTH, "10.1.1.11,", "¦'::', public: true,", "hosts[0].address is \"::\", which is no host's IPv6 address", 1),
        (HEALTH, "10.1.1.11,", "¦'::ffff:0.0.0.0',", "hosts[0].address is \"::ffff:0.0.0.0\", which is no host's", 1),
        (HEALTH, "10.1.1.11,", "10.1.1.11, ipv6: ¦'ff02::1', public: true,", "hosts[0].ipv6 is \"ff02::1\", which is no host", 1),
        (HEALTH, "jump: []", "jump: [¦'a:99999']", "hosts[1].jump[0] is a text that is not repeated here; expected a hop as", 1),
        (HEALTH, "[bastion.example]", "[¦'a:0']", "defaults.jump[0] is a text that is not repeated here; expected a hop as ", 1),
        (HEALTH, "10.1.1.11", "¦8.8.8.8", "hosts[0].address is a public address; if it is the department's own and may be sc", 1),
        (HEALTH, "10.1.1.11", "¦'::ffff:8.8.8.8'", "hosts[0].address is a public address; if it is the department's own and ", 1),
        (HEALTH, "10.1.1.0/24", "¦10.1.1.5/24", 'networks[0].address is "10.1.1.5/24", whose host bits are not zero; did you', 1),
        (HEALTH, "10.1.1.0/24", "¦10.1.1.0", 'networks[0].address is "10.1.1.0"; expected a network with its prefix, such as', 1),
        (HEALTH, "10.1.1.0/24", "¦10.1.1.0/33", 'networks[0].address is "10.1.1.0/33", which is no network; expected one suc', 1),
        (HEALTH, "10.1.1.0/24", "¦'fe80::%a b; id/120'", "networks[0].address is \"fe80::%a b; id/120\", which is no netw", 1),
        (HEALTH, "10.1.1.0/24", "¦224.0.0.0/24, public: true", 'networks[0].address is "224.0.0.0/24", which is no network', 1),
        (HEALTH, "10.1.1.0/24", "¦10.0.0.0/8", "networks[0].address holds more than 65536 addresses; list smaller networks, ", 1),
        (HEALTH, "10.1.1.0/24", "¦1.1.0.0/16", "networks[0].address is a public address; if it is the department's own and m", 1),
        (HEALTH, "uid: health-db-1", "uid: ¦health-web-1", "the uid health-web-1 stands twice, first in line 6; each asset h", 1),
        (HEALTH, "uid: health-db-1", "uid: ¦health", "the uid health is the department's own id; give the asset another", 1),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_stands(workspace: Workspace, file: str, old: str, new: str, start: str, count: int) -> None:
    """No more and no fewer than the mistakes made, each exactly in its place."""
    place, found = spoil(workspace, file, old, new)
    mistakes = [mistake for mistake in found if mistake.startswith(f"{file}:")]

    assert [mistake for mistake in mistakes if mistake.startswith(f"{file}:{place}: {start}")], mistakes
    assert len(mistakes) == count, mistakes


@pytest.mark.parametrize(
    ("file", "old", "new", "start", "count"),
    [
        (CHECK, "permitrootlogin in", "¦permitrotlogin in", "expect: there is no field permitrotlogin in it; did you mean pe", 1),
        (CHECK, "in params.allowed", "in params.¦alowed", "expect: there is no field alowed in it; did you mean allowed?", 1),
        (CHECK, "applies: sshd.", "applies: ¦ssh.", "applies: there is no ssh here; did you mean sshd?", 1),
        (CHECK, "applies: sshd.installed", "applies: ¦sshd.permitrootlogin", "applies: the expression returns string, expect", 1),
        (CHECK, "applies: sshd.installed", "applies: sshd.installed &&¦", "applies: Syntax error: mismatched input '<EOF>' e", 1),
        (CHECK, "applies: sshd.installed", "applies: ¦5", "applies is 5; expected an expression in CEL (in quotes if it is a", 1),
        (CHECK, "observed: sshd", "¦for_each: sshd.ciphers\nobserved: sshd", "a check with for_each needs subject: the text ", 1),
        (CHECK, "observed: sshd", "where: ¦'true'\nobserved: sshd", "where: only a check with for_each may have it", 1),
        (CHECK, "observed: sshd", "hides: ¦'true'\nobserved: sshd", "hides: only a check of scope asset with where or decid", 3),
        (CHECK, "default: 4", "default: ¦four", 'the default of tries is "four"; expected a whole number, as its type says', 1),
        (CHECK, "stricter: lower", "stricter: ¦subset", "a whole number cannot become stricter by subset; expected one of lo", 1),
        (CHECK, "facts: [sshd]", "facts: {sshd: {sshd: {¦path: x}}}", "the fact sshd has no argument path; it takes none", 1),
        (CHECK, "facts: [sshd]", "facts: {¦params: {sshd: {}}}", "a variable cannot be called params: expressions see someth", 1),
        (CHECK, "permitrootlogin: no,", "¦permitrotlogin: no,", "cases[1].given.sshd has no field permitrotlogin; did you me", 1),
        (CHECK, "permitrootlogin: no, maxauthtries: 4", "maxauthtries: ¦'4'", "cases[1].given.sshd.maxauthtries: expected in", 1),
        (CHECK, "given: {sshd: {golden: debian12}}", "given: {sshd: ¦{}}", "cases[2].given.sshd lacks the field installed, w", 1),
        (CHECK, "given: {sshd: {golden: debian12}}", "given: ¦{}", "the fact sshd is not given, so the verdict could only be", 1),
        (CHECK, "given: {sshd: {golden: debian12}}", "given: {¦ssh: {}, sshd: {golden: a}}", "the check sees no fact ssh; di", 1),
        (CHECK, "params: {tries: 6}", "params: {¦trys: 6}", "the check has no parameter trys; did you mean tries?", 1),
        (CHECK, "params: {tries: 6}", "params: {tries: ¦[6]}", "cases[2].params.tries: expected a whole number", 1),
        (CHECK, "name: stored", "name: ¦refused", 'two cases are called "refused"; give each its own name', 1),
    ],
)  # fmt: skip
def test_a_check_is_held_against_its_facts(workspace: Workspace, file: str, old: str, new: str, start: str, count: int) -> None:
    """Expressions compile, parameters have their types, and cases show only what a host can show."""
    place, found = spoil(workspace, file, old, new)
    mistakes = [mistake for mistake in found if mistake.startswith(f"{file}:")]

    assert [mistake for mistake in mistakes if mistake.startswith(f"{file}:{place}: {start}")], mistakes
    assert len(mistakes) == count, mistakes


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (CHECK, ", ar: لا أحد هو الجذر}", "}", "4:12: rationale lacks the key ar: the text in Arabic, in Arabic letters"),
        (HEALTH, "address: 10.1.1.11, ", "", "6:5: hosts[0] lacks the key address: an IP address or a host name"),
        (OVERLAY, "    approver: The committee\n", "", "6:5: relaxations[0] lacks the key approver: the name or office of"),
        (OVERLAY, "en: Old clients, ", "", "8:20: relaxations[0].justification lacks the key en: the text in English"),
        (CHECK, "<= params.tries", "<= 4", "9:3: no expression or argument reads params.tries; use it or remove it"),
        (CHECK, "verdict: fail", "verdict: pass", "16:3: no case fails; a check is proved by at least one that passes and one"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_where_it_belongs(workspace: Workspace, file: str, old: str, new: str, expected: str) -> None:
    """There is no wrong value to point at; the mapping that lacks it is pointed at instead."""
    workspace.replace(file, old, new)

    assert [mistake[: len(file) + 1 + len(expected)] for mistake in workspace.mistakes()] == [f"{file}:{expected}"]


ARGUMENTS = """\
facts: {sshd: {sshd: {}}, file: {file_stat: {path: params.path}}}
params:
  path: {default: /etc/shadow, type: str, stricter: none}
  allowed:"""


@pytest.mark.parametrize(
    ("old", "new", "start"),
    [
        ("{path: params.path}", "¦{}", "the fact file_stat lacks its argument path; write {file: {file_stat: {path: …}}}"),
        ("path: params.path", "path: ¦params.pth", "params.pth is no parameter of this check; did you mean path?"),
        ("path: params.path", "path: ¦params.tries", "the argument path takes a text; params.tries is a whole number"),
        ("path: params.path", "path: ¦5", "the argument path is 5; expected a text"),
        ("path: params.path", "path: params.path, ¦mode: x", "the fact file_stat has no argument mode"),
        (
            "file: {file_stat: {path: params.path}}",
            "file: {¦file_stats: {path: params.path}}",
            "unknown fact file_stats; did you mean",
        ),
        (
            "facts: {sshd: {sshd: {}}, file:",
            "facts: ¦{live: {live_hosts: {}}, sshd: {sshd: {}}, file:",
            "the facts are read from different kinds",
        ),
    ],
)
def test_arguments_of_facts_are_known_and_have_their_types(workspace: Workspace, old: str, new: str, start: str) -> None:
    """A probe is never run with an argument that it does not take, or without one that it needs."""
    text = (
        CHECK_TEXT.replace("facts: [sshd]\n", "")
        .replace("params:\n  allowed:", ARGUMENTS)
        .replace("given: {", "given: {file: {golden: x}, ")
    )
    workspace.write(CHECK, text)
    assert workspace.mistakes() == []
    place, found = spoil(workspace, CHECK, old, new)

    assert [mistake for mistake in found if mistake.startswith(f"{CHECK}:{place}: {start}")] != [], found


DEPARTMENT_CASES = """\
cases:
  - {name: a, verdict: fail, given: {sshd: [{asset: {uid: a}, value: {installed: true}, observed_at: 5}]}}
  - {name: b, verdict: pass, asset: {addresses: [10.1.1.1]}, given: {sshd: [{asset: {uid: a}}, {asset: {}, value: {golden: x}}]}}
"""


@pytest.mark.parametrize(
    ("old", "new", "start"),
    [
        ("[{asset: {uid: a}, value: {installed: true}, observed_at: 5}]", "¦{installed: true}", "cases[0].given.sshd must be"),
        ("{asset: {uid: a}, value: {installed", "¦{host: {uid: a}, value: {installed", "cases[0].given.sshd[0] must be {asset:"),
        ("asset: {uid: a}, value: {installed", "asset: ¦a, value: {installed", "cases[0].given.sshd[0].asset must be a mapping"),
        ("{uid: a}, value: {installed", "{¦udi: a}, value: {installed", "an asset has no field udi; did you mean uid?"),
        ("installed: true}", "installed: ¦maybe}", "cases[0].given.sshd[0].value.installed: expected bool, got str"),
        ("observed_at: 5", "observed_at: ¦now", "cases[0].given.sshd[0].observed_at must be whole seconds"),
    ],
)  # fmt: skip
def test_a_department_check_shows_rows(workspace: Workspace, old: str, new: str, start: str) -> None:
    """Each row names its asset; one without a value was not observed."""
    head = CHECK_TEXT[: CHECK_TEXT.index("cases:")]
    head = head.replace("facts:", "scope: department\nfacts:").replace("applies: sshd.installed\n", "")
    head = head.replace("sshd.permitrootlogin in", "sshd[0].value.permitrootlogin in").replace("sshd.max", "sshd[0].value.max")
    head = head.replace("observed: sshd.permitrootlogin", "observed: sshd[0].asset.uid")
    workspace.write(CHECK, head + DEPARTMENT_CASES)
    assert workspace.mistakes() == []
    place, found = spoil(workspace, CHECK, old, new)

    assert [mistake[: len(f"{CHECK}:{place}: {start}")] for mistake in found] == [f"{CHECK}:{place}: {start}"]


@pytest.mark.parametrize(
    ("line", "place", "said"),
    [
        ("    password: hunter2hunter2", "7:5", "the key password names a secret"),
        ("    ssh_pass: hunter2hunter2", "7:5", "the key ssh_pass names a secret"),
        ("    ansible_become_pass: hunter2hunter2", "7:5", "the key ansible_become_pass names a secret"),
        ("    api-key: hunter2hunter2", "7:5", "the key api-key names a secret"),
        ("    private_key: hunter2hunter2", "7:5", "the key private_key names a secret"),
        ("    role: $6$hunter2hunter2", "7:11", "this value is a secret"),
        ("    role: $y$j9T$hunter2hunter2", "7:11", "this value is a secret"),
        ("    key: |\n      -----BEGIN OPENSSH PRIVATE KEY-----\n      hunter2hunter2", "7:10", "this value is a secret"),
        ("    role: https://root:hunter2hunter2@x", "7:11", "this value is a secret"),
        ("    role: ghp_hunter2hunter2hunter2", "7:11", "this value is a secret"),
        ("    password_command: echo hunter2hunter2", "7:23", "this command holds the secret that it prints"),
        ("    password_env: hunter2!hunter2", "7:19", "hosts[0].password_env is a text that is not repeated here"),
        ("    # old: $6$hunter2hunter2", "7:12", "this comment holds a secret"),
        ("    jump: ['root:hunter2hunter2@x']", "7:12", "hosts[0].jump[0] is a text that is not repeated here"),
        ("    user: 'root:hunter2hunter2'", "7:11", "hosts[0].user is a text that is not repeated here"),
    ],
)  # fmt: skip
def test_a_secret_in_an_inventory_is_named_and_never_printed(workspace: Workspace, line: str, place: str, said: str) -> None:
    """Its department is set aside, and neither the mistakes nor the run's sources repeat it."""
    host = "hosts:\n  - uid: health-web-1\n    name: web-1\n    address: 10.1.1.11\n"
    workspace.write("health.yaml", f"department: health\ntitle: {{en: Health, ar: صحة}}\n{host}{line}\n")
    result = workspace.load()

    assert str(result.mistakes[0]).startswith(f"{HEALTH}:{place}: {said}")
    assert len(result.mistakes) == 1
    assert result.catalogue is not None
    assert [department for department, _ in result.catalogue.inventory.set_aside] == ["health"]
    assert "hunter2" not in repr(result.mistakes)
    assert HEALTH not in dict(result.catalogue.sources)


def test_all_mistakes_of_all_files_are_told_in_one_go(workspace: Workspace) -> None:
    """One broken file, one broken host, one broken name: nobody has to run the auditor three times."""
    workspace.replace(CHECK, "severity: high", "severity: hihg\nextra: 1")
    workspace.replace(POLICY, "A.8.9:", "A.8.8:")
    workspace.replace(HEALTH, "10.1.1.11, role: web", "10.1.1.11, role: 5")
    workspace.replace(HEALTH, "db.health.example", "8.8.8.8")
    workspace.write("auditor.toml", "[audit]\nconcurency = 4\n")
    places = [mistake.split(": ")[0] for mistake in workspace.mistakes()]

    assert places == ["auditor.toml:2:1", f"{CHECK}:3:11", f"{CHECK}:4:1", f"{HEALTH}:6:64", f"{HEALTH}:7:45", f"{POLICY}:5:12"]


def test_one_uid_in_two_departments_is_blamed_on_both(workspace: Workspace) -> None:
    """Neither side can be believed to be the right one."""
    workspace.replace("inventories/finance.yaml", "finance-web-1", "health-web-1")
    result = workspace.load()

    said = "every asset has a uid of its own"
    assert [str(mistake) for mistake in result.mistakes] == [
        f"inventories/finance.yaml:4:11: the uid health-web-1 is also in inventories/health.yaml; {said}",
        f"inventories/health.yaml:6:11: the uid health-web-1 is also in inventories/finance.yaml; {said}",
    ]
    assert [mistake.department for mistake in result.mistakes] == ["finance", "health"]


def test_a_check_id_is_used_once(workspace: Workspace) -> None:
    """Two files of one id would make a finding's identity ambiguous."""
    text = (workspace.root / CHECK).read_text(encoding="utf-8")
    workspace.write("checks/other/ssh-root-login.yaml", text)

    assert workspace.mistakes() == [
        f"{'checks/ssh/ssh-root-login.yaml'}:1:5: the check ssh-root-login is already in checks/other/ssh-root-login.yaml; "
        "give this one another id"
    ]


def test_files_that_would_be_overlooked_are_told(workspace: Workspace) -> None:
    """A wrong ending, a wrong folder, a folder that nothing reads."""
    workspace.write("checks/ssh/other.yml", "")
    workspace.write("checks/loose.yaml", "")
    workspace.write("inventories/interior.yml", "")
    workspace.write("policies/stray/x.yaml", "")
    workspace.write("policies/umm/framework.yaml", "")

    assert [mistake.split("; ")[0] for mistake in workspace.mistakes()] == [
        "checks/loose.yaml:1:1: a check lives in a folder of its area",
        "checks/ssh/other.yml:1:1: only files that end in .yaml are read",
        "inventories/interior.yml:1:1: only files that end in .yaml are read",
        "policies/stray:1:1: the folder holds controls but no framework.yaml",
        "policies/umm:1:1: there is a framework already, in policies/tiny",
    ]


def test_an_officer_of_no_department_is_told(workspace: Workspace) -> None:
    """Regression: validate said that all was right. As with an overlay of no department, the others are audited."""
    person = '[people.sara]\nname = {en = "Sara", ar = "سارة"}\nroles = ["officer"]\ndepartment = "helth"\n'
    workspace.write("auditor.toml", person)
    assert workspace.mistakes() == ["auditor.toml:4:14: unknown department helth; did you mean health?"]
    catalogue = workspace.load().catalogue
    assert catalogue is not None
    assert [d.id for d in catalogue.inventory.departments] == ["finance", "health"]
    assert "auditor.toml" in dict(catalogue.sources)


def test_an_address_listed_twice_is_noted(workspace: Workspace) -> None:
    """Regression: validate was silent of one machine in two departments. It may be right, so it is a note; what differs by port
    or by jump hosts is told apart already."""
    more = "  - {{uid: finance-x, name: x, address: {address}{more}}}\n"
    workspace.write("inventories/finance.yaml", FILES["inventories/finance.yaml"] + more.format(address="10.2.1.11", more=""))
    assert workspace.mistakes() == []
    (note,) = workspace.load().notes
    assert str(note).startswith(
        "inventories/finance.yaml:5:40: inventories/finance.yaml, line 4, lists a host at the address 10."
    )
    for told in (", port: 2222", ", jump: [other.example]"):
        workspace.write(
            "inventories/finance.yaml", FILES["inventories/finance.yaml"] + more.format(address="10.2.1.11", more=told)
        )
        assert workspace.load().notes == ()


def test_what_stands_beside_a_mistake_is_judged_too(workspace: Workspace) -> None:
    """Regression: an address was not judged while its host had another mistake, nor anything under a key that stood twice."""
    more = "hosts:\n  - {uid: finance-x, name: x, address: 10.2.1.999, agent: maybe}\n"
    workspace.write("inventories/finance.yaml", FILES["inventories/finance.yaml"] + more)
    assert workspace.mistakes() == [
        "inventories/finance.yaml:5:1: the key hosts stands twice in this mapping, first in line 3; keep one",
        'inventories/finance.yaml:6:40: hosts[1].address is "10.2.1.999", which is no IP address; expected one such as 10.1.1.11',
        'inventories/finance.yaml:6:59: hosts[1].agent is "maybe"; expected true or false',
    ]
