"""Every check of the library: its cases hold, it can pass and can fail, and it was tried on real output."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from auditor.collecting.nmap_ports import ALWAYS
from auditor.facts import by_name
from auditor.loading import load_workspace
from auditor.model import Check, VerdictKind
from auditor.workflow.cases import run_cases

ROOT = Path(__file__).parents[2]
GOLDENS = ROOT / "tests" / "golden" / "facts"
LOADED = load_workspace(ROOT, thorough=True)
ROOT_ALONE = ("/etc/ssh/sshd_config.d/", "/etc/smartd.conf")
CHECKS = sorted(LOADED.catalogue.checks.values(), key=lambda c: c.id) if LOADED.catalogue else []


def test_the_library_loads() -> None:
    """The stock files have no mistake, and there are at least forty checks in both languages."""
    assert LOADED.mistakes == ()
    assert len(CHECKS) >= 40


def test_every_port_that_a_check_of_the_network_names_is_looked_at() -> None:
    """Regression, false pass: Docker's 4243, MQTT's 1883 and others were asked of no host, and counted as closed."""
    named = {
        (check.id, port)
        for check in CHECKS
        if any((found := by_name(use.fact)) and found.network for use in check.facts)
        for param in check.params
        if param.name == "ports" and isinstance(param.default, tuple | list)
        for port in param.default
    }
    assert ("net-container-ports", 2375) in named
    assert {pair for pair in named if pair[1] not in ALWAYS} == set()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_cases(check: Check) -> None:
    """Each case gives the verdict it promises, none is left out, and the check can both pass and fail."""
    results = run_cases(check, GOLDENS)
    assert [(r.case, r.expected) for r in results] == [(r.case, r.got or r.detail) for r in results]
    kinds = {case.verdict for case in check.cases}
    assert {VerdictKind.PASS.value, VerdictKind.FAIL.value} <= kinds


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_one_case_rests_on_real_output(check: Check) -> None:
    """At least one case is given what a real command printed."""
    sources = [
        json.loads((GOLDENS / use.fact / name).with_suffix(".json").read_text(encoding="utf-8"))["source"]
        for case in check.cases
        for use in check.facts
        for name in goldens_in(case.given.get(use.variable))
    ]
    assert any(source.startswith("real") for source in sources)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_what_is_expected_does_not_change_with_the_night(check: Check) -> None:
    """Regression: an expected value told from `now` made every open finding change each night."""
    assert not re.search(r"\bnow\b|observed_at", check.expected or "")


def test_breadth_is_real() -> None:
    """At least 220 checks on at least 60 facts, no more than 80 of them on single keys of sysctl or sshd."""
    assert len(CHECKS) >= 220
    assert len({use.fact for check in CHECKS for use in check.facts}) >= 60
    assert sum({use.fact for use in check.facts} <= {"sysctl", "sshd"} for check in CHECKS) <= 80


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_is_proved_twice_each_way(check: Check) -> None:
    """Two cases that pass and two that fail, at the least."""
    verdicts = Counter(case.verdict for case in check.cases)
    assert min(verdicts[VerdictKind.PASS.value], verdicts[VerdictKind.FAIL.value]) >= 2


@pytest.mark.parametrize("check", [c for c in CHECKS if c.remediation_shell], ids=lambda check: check.id)
def test_the_commands_of_a_remedy_are_a_script(check: Check) -> None:
    """A shell can read them: settings of a program stand in a comment or are written by a command."""
    read = subprocess.run(["sh", "-n"], input=check.remediation_shell, text=True, capture_output=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_a_connection_that_sshd_was_silent_about_is_never_passed() -> None:
    """Every check of what stands inside Match blocks is unknown then, unless it fails anyhow."""
    over_blocks = [check for check in CHECKS if "sshd.match_blocks" in check.expect]
    assert len(over_blocks) >= 13
    for check in over_blocks:
        silent = "has(sshd.unanswered)"
        if check.id == "ssh-second-factor":  # what rests on pam_duo alone is not known either
            others = 'p.module != "pam_duo" && p.module in params.modules && p.binding'
            duo = (
                '(pam_stacks.services["sshd"].auth.exists(p, p.module == "pam_duo" && p.binding) && '
                f'!pam_stacks.services["sshd"].auth.exists(p, {others}) && '
                "!(sshd.authenticationmethods + sshd.match_blocks.map(b, b.authenticationmethods).flatten())"
                '.all(m, m.contains(",") && m.matches("publickey|hostbased|gssapi")))'
            )
            silent = f"({silent} || {duo})"
        assert check.decidable == f"!{silent} || !({check.expect})", check.id


def test_no_remedy_undoes_another() -> None:
    """Two checks may empty one file by ``>`` only to write the same into it; what one appends to, none empties."""
    emptying, appending = written([(check.id, check.remediation_shell) for check in CHECKS])
    assert emptying, "nothing was looked at"
    assert {path: by for path, by in emptying.items() if len(set(by.values())) > 1} == {}
    assert emptying.keys() & appending == set()


def test_a_remedy_says_who_may_read_what_it_writes() -> None:
    """Regression: under a root umask of 027 users could not read the files that they need, nor the auditor what it judges by.

    ``>`` may make the file, so its mode is set after it. Left out is what root alone reads.
    """
    missing = {check.id: paths for check in CHECKS if (paths := modeless(check.remediation_shell))}
    assert missing == {}


def test_a_remedy_that_leaves_the_mode_to_the_umask_is_seen() -> None:
    """A mode given to another file, to a folder without ``-R`` or before the file is written does not count."""
    assert modeless("echo 1 > /etc/sysctl.d/60-a.conf\nchmod 0644 /etc/sysctl.d/60-b.conf") == ["/etc/sysctl.d/60-a.conf"]
    assert modeless("chmod 0644 /etc/a.conf\necho 1 > /etc/a.conf") == ["/etc/a.conf"]
    assert modeless("echo 1 > /etc/dconf/profile/user\nchmod 0755 /etc/dconf") == ["/etc/dconf/profile/user"]
    assert modeless("echo 1 > /etc/dconf/profile/user\nchmod -R u=rwX,go=rX /etc/dconf") == []
    assert modeless("echo 1 > /etc/a.conf && chmod 0644 /etc/a.conf") == []


def modeless(shell: str) -> list[str]:
    """The files that a remedy empties or makes, and whose mode it does not set afterwards."""
    left = []
    for path in written([("", shell)])[0]:
        if not path.startswith("/etc/") or path.startswith(ROOT_ALONE):
            continue
        after = re.split(rf">\|?\s*['\"]?{re.escape(path)}", shell)[-1]
        told = re.findall(r"chmod (-R )?[0-7a-zA-Z=,]+ (/\S+)", after)
        if not any(target == path or (recursive and path.startswith(f"{target}/")) for recursive, target in told):
            left.append(path)
    return left


def test_a_remedy_that_undoes_another_is_seen() -> None:
    """Quoted signs, comments, descriptors and comparisons are no writing; lines that differ are, within one check they may."""
    loop = "for n in 1; do\n  echo $n\ndone >| '/etc/v.conf'"
    here = "cat > /etc/u.conf <<'END'\nit's > /etc/t.conf\nEND\nid &> /etc/s.conf"
    emptying, appending = written(
        [
            ("a", "echo 1 > /etc/x.conf # not > /etc/y.conf\necho 'auid>=1000 > /etc/z.conf' >> \"/etc/w.conf\"\nid 2>/dev/null"),
            ("b", "printf '%s\\n' 2 \\\n  >/etc/x.conf && true > /dev/null 2>&1"),
            ("c", f"{loop}\n{here}"),
            ("d", "# Debian\necho 1 > /etc/r.conf\n# RHEL\necho 2 > /etc/r.conf"),
        ]
    )
    assert {path: sorted(by) for path, by in emptying.items()} == {
        "/etc/x.conf": ["a", "b"],
        "/etc/v.conf": ["c"],
        "/etc/u.conf": ["c"],
        "/etc/s.conf": ["c"],
        "/etc/r.conf": ["d"],
    }
    assert [path for path, by in emptying.items() if len(set(by.values())) > 1] == ["/etc/x.conf"]
    assert appending == {"/etc/w.conf"}


def written(remedies: list[tuple[str, str]]) -> tuple[dict[str, dict[str, str]], set[str]]:
    """The files that remedies empty, by check with the lines that do it, and those that they append to."""
    emptying: dict[str, dict[str, str]] = defaultdict(dict)
    appending: set[str] = set()
    for check, shell in remedies:
        plain = re.sub(r"<<-?\s*['\"]?(\w+)['\"]?(.*)\n(?:.*\n)*?\s*\1$", r"\2", shell, flags=re.MULTILINE)
        for line in plain.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=">|&;<()")
            lexer.whitespace_split = True
            words = list(lexer)
            for sign, path in pairwise(words):
                if sign in (">", ">|", "&>") and path != "/dev/null":
                    emptying[path][check] = emptying[path].get(check, "") + line
                elif sign in (">>", "&>>"):
                    appending.add(path)
    return dict(emptying), appending


def goldens_in(value: object) -> list[str]:
    if isinstance(value, dict):
        if set(value) == {"golden"}:
            return [f"{value['golden']}.json"]
        return [name for inner in value.values() for name in goldens_in(inner)]
    if isinstance(value, list):
        return [name for inner in value for name in goldens_in(inner)]
    return []
