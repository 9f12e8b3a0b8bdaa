"""The comparison with OpenSCAP and Lynis: what is read of theirs, and that nothing differs without a reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from auditor.workflow.workspace import open_workspace
from tests.scripts import load

ROOT = Path(__file__).parents[2]
TABLE = yaml.safe_load((ROOT / "docs/agreement/rules.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def agreement() -> ModuleType:
    """scripts/agreement as a module."""
    return load("agreement")


def test_openscap_says_only_what_it_decided(agreement: ModuleType) -> None:
    """A rule that was not applicable, not selected or ended in an error is no answer."""
    results = "".join(
        f'<rule-result idref="xccdf_org.ssgproject.content_rule_{name}"><result>{said}</result></rule-result>'
        for name, said in (("a", "pass"), ("b", "fail"), ("c", "notapplicable"), ("d", "error"), ("e", "notselected"))
    )
    xml = f'<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2"><TestResult>{results}</TestResult></Benchmark>'
    assert {"a": "pass", "b": "fail"} == agreement.openscap(xml.encode())


def test_lynis_fails_what_it_raised_and_leaves_open_what_did_not_run(agreement: ModuleType) -> None:
    """A skipped test is no pass, and of settings each that the log names is judged by itself."""
    report = (
        "suggestion[]=NETW-3200|Determine if protocol 'rds' is really needed on this system|-|-|\n"
        "warning[]=AUTH-9204|Multiple users with UID 0 found in passwd file|-|-|\n"
        "tests_executed=AUTH-9204|AUTH-9208|NETW-3200|\ntests_skipped=FIRE-4512|\n"
    )
    log = (
        "2026-01-01 00:00:00 Test: now checking module 'rds'\n2026-01-01 00:00:00 Test: now checking module 'tipc'\n"
        "2026-01-01 00:00:00 Result: OpenSSH option LogLevel is configured very well\n"
        "2026-01-01 00:00:00 Result: OpenSSH option MaxSessions is in a weak configuration state and should be fixed\n"
        "2026-01-01 00:00:00 Result: sysctl key kernel.sysrq contains equal expected and current value (0)\n"
        "2026-01-01 00:00:00 Result: sysctl key a.b has a different value than expected in scan profile. Expected=1, Real=0\n"
    )
    assert {
        "AUTH-9204": "fail",
        "AUTH-9208": "pass",
        "NETW-3200": "fail",
        "NETW-3200:rds": "fail",
        "NETW-3200:tipc": "pass",
        "SSH-7408:LogLevel": "pass",
        "SSH-7408:MaxSessions": "fail",
        "KRNL-6000:kernel.sysrq": "pass",
        "KRNL-6000:a.b": "fail",
    } == agreement.lynis(report, log)


def test_a_difference_without_a_reason_is_told(agreement: ModuleType) -> None:
    """So is a reason that nothing needs any more; rules that one of the two left open need none."""
    both = {"sound": "pass", "planted": "fail"}
    differs = agreement.Row("r", "c", "", both, {"sound": "pass", "planted": "pass"})
    agrees = agreement.Row("r", "c", "", both, both)
    left_open = agreement.Row("s", "c", "", both, {"sound": "", "planted": ""})
    found = {
        "debian11": {"openscap": [differs, left_open], "lynis": []},
        "debian12": {"openscap": [agrees], "lynis": []},
    }

    def told(*reasons: dict[str, object]) -> list[str]:
        table = {"openscap": {"reasons": reasons}, "lynis": {"reasons": [{"rules": ["t"]}]}}
        return [line.split(":")[0] for line in agreement.complaints(found, table)]

    assert ["openscap debian11 r", "lynis t"] == told()
    assert ["lynis t"] == told({"rules": ["r"]})
    assert ["openscap debian11 r", "openscap r", "lynis t"] == told({"rules": ["r"], "releases": ["debian12"]})


@pytest.mark.parametrize("tool", ["openscap", "lynis"])
def test_the_table_names_real_checks_and_says_why_in_both_languages(tool: str, agreement: ModuleType) -> None:
    """A check that was renamed would silently leave its rules uncompared."""
    known = set(open_workspace(ROOT).checks)
    assert set() == {target.partition(" ")[0] for target in TABLE[tool]["rules"].values()} - known
    for reason in TABLE[tool]["reasons"]:
        assert set(reason["rules"]) <= set(TABLE[tool]["rules"])
        assert all(reason[language].strip() for language in ("en", "ar"))
        assert set(agreement.applies(reason)) <= set(agreement.RELEASES)


@pytest.mark.slow
@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="makes lab hosts, which takes root")
def test_nothing_differs_without_a_reason() -> None:
    """The same four hosts, audited now by all three."""
    command = [sys.executable, ROOT / "scripts" / "agreement", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
