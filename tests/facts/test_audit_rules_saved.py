"""Whether audit rules that are saved are loaded, and which files count as saved."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facts.hosts import audit_rules, fact


def loaded(saved: str, *rules: str, **more: Any) -> bool:
    """Whether a saved rule counts as loaded; one of those that are loaded is then saved, and else none."""
    value = audit_rules(*rules, saved=(saved,), **more)
    [one] = value["saved"]
    assert any(rule["saved"] for rule in value["loaded"]) == one["loaded"]
    return bool(one["loaded"])


CALLS_OF_WA = (
    "open,truncate,ftruncate,rename,creat,link,unlink,chmod,fchmod,chown,fchown,lchown,setxattr,fsetxattr,openat,fchownat,unlinkat,"
    "renameat,fchmodat"
)


@pytest.mark.parametrize(
    ("saved", "printed"),
    [
        ("-w /etc/x/ -pwa -k a", "-w /etc/x -p wa -k b"),
        ("-a always,exit -F dir=/etc/x -F perm=wa", "-w /etc/x -p wa"),
        ("-a exit,always -F arch=x86_64 -S open -S close", "-a always,exit -F arch=b64 -S close,open"),
        ("-F key=a -a always,exit -S all -F auid>=1000 -F auid!=unset", "-a always,exit -S all -F auid!=-1 -F auid>=1000"),
        ("-a always,exit -S open -F exit=-13 -F filetype=dir", "-a always,exit -S open -F exit=-EACCES -F filetype=16384"),
        ("-a never,exit -S adjtimex -F uid=chrony -F a0=0", "-a never,exit -S adjtimex -F uid=998 -F a0=0x0"),
        ("-a always,exit -F path=/bin/su -F perm=x", "-a always,exit -S execve -F path=/bin/su -F perm=x"),
        (
            "-a always,exit -F arch=b64 -F path=/x -F perm=wa",
            f"-a always,exit -F arch=b64 -S {CALLS_OF_WA} -F path=/x -F perm=wa",
        ),
        ("-w /srv/a\\ b -p wa", "-w /srv/a b -p wa"),
        ("-a always,exit -S openat -F a2&01003 -F exit=-EPERM", "-a always,exit -S openat -F a2&0x203 -F exit=-EPERM"),
        ("-a always,exit -F perm=x -F path=/usr/bin/dnf-3 -F key=s", "-p x-w /usr/bin/dnf-3 -k s"),
        ("-a always,exit -F key=s -F dir=/etc/x -F perm=wa", "-k s-w /etc/x -p wa"),
    ],
)
def test_a_rule_is_loaded_however_auditctl_prints_it(saved: str, printed: str) -> None:
    """Order, spelling and key do not matter; who a name is cannot be known from here; auditctl 4 loads calls for ``perm=``."""
    assert loaded(saved, printed)


@pytest.mark.parametrize(
    ("saved", "printed"),
    [
        ("-a always,exit -F arch=b32 -S open", "-a always,exit -F arch=b64 -S open"),
        ("-a always,exit -F arch=b32 -S open", "-a always,exit -S open"),
        ("-a always,exit -S open", "-a always,exit -S open -F auid=1001"),
        ("-a always,exit -S open -F auid=1002", "-a always,exit -S open -F auid=1001"),
        ("-a always,exit -S open -F exit=-EPERM", "-a always,exit -S open -F exit=-EACCES"),
        ("-a always,exit -S open -F uid=chrony", "-a always,exit -S open -F gid=998"),
        ("-a always,exit -S open -C uid!=euid", "-a always,exit -S open"),
        ("-a always,exit -S open,close", "-a always,exit -S open"),
        ("-a always,exit -S open", "-a always,exit -S all"),
        ("-a never,exit -S open", "-a always,exit -S open"),
        ("-a never,user -F auid=1001", "-a never,exit -S all -F auid=1001"),
        ("-a always,exit -F path=/x -F perm=wa -F auid=0", "-a always,exit -F dir=/x -F perm=wa -F auid=0"),
        ("-a always,exit -F path=/x -F perm=wa", "-a always,exit -S open -F path=/x -F perm=wa"),
        ("-w /etc/x -p wa", "-w /etc/x -p w"),
    ],
)
def test_rules_that_differ_are_not_the_same(saved: str, printed: str) -> None:
    """Regression (false pass): two rules that differ in word size or in a condition only were taken for one."""
    assert not loaded(saved, printed)


@pytest.mark.parametrize(
    "mistake", ["-w /etc/x -p wa # a remark", "-w etc/x -p wa", "-a always,exit -Z", "-a exit,possible -S open"]
)
def test_a_mistake_in_a_file_is_a_rule_that_is_not_loaded(mistake: str) -> None:
    """Regression (unknown): auditctl refuses such a line and all that follow; what is loaded is judged all the same."""
    value = audit_rules("-w /etc/x -p wa", saved=(mistake, "-w /etc/x -p wa"))
    assert [(one["text"], one["loaded"]) for one in value["saved"]] == [(mistake, False), ("-w /etc/x -p wa", True)]
    assert value["watched"] == [{"path": "/etc/x", "tree": True}]


def test_the_files_that_augenrules_reads_are_read_in_its_order() -> None:
    """Regression (false failure): a copy beside them is not loaded, nor is a subfolder; the last ``-e`` by name counts."""
    folder = "saved=/etc/audit/rules.d"
    lines = (
        f"{folder}/10-z.rules:-e 2",
        f"{folder}/9-a.rules:-e 1",
        f"{folder}/a.rules.bak:-w /x",
        f"{folder}/old/a.rules:-w /y",
    )
    head = ("installed=yes", "machine=x86_64", "enabled=1")
    value: Any = fact("audit_rules").value("\n".join((*head, *lines, "end", "")), {})
    assert (value["saved"], value["immutable"]) == ([], True)
    value = fact("audit_rules").value("\n".join((*head, *(line.replace("9-a", "11-a") for line in lines), "end", "")), {})
    assert not value["immutable"]


def test_a_rule_that_no_file_has_is_told() -> None:
    """Regression, false pass: rules that `auditctl -w` alone had loaded agreed with what is saved, and were gone later."""
    value = audit_rules("-w /etc/a -p wa", "-w /etc/b -p wa", saved=("-D", "-w /etc/a -p wa"))
    assert [(rule["path"], rule["saved"]) for rule in value["loaded"]] == [("/etc/a", True), ("/etc/b", False)]


@pytest.mark.parametrize("saved", [(), ("-D", "-b 8192", "-f 1")])
def test_where_augenrules_reads_no_rule_nobody_can_say(saved: tuple[str, ...]) -> None:
    """Regression, false failure: the rules may come from audit.rules or an agent, at the next start too; packaged files hold
    settings alone."""
    assert ["saved" in rule for rule in audit_rules("-w /etc/b -p wa", saved=saved)["loaded"]] == [False]
