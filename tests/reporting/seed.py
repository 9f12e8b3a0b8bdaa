"""A small ledger with a history: two departments, three audits, people at work, and hostile strings wherever one fits.

Everything in it is fixed, so that every report of it is the same on every machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from auditor.evaluating import Evaluator
from auditor.ledger import Ledger
from auditor.lifecycle import attestations
from auditor.loading import stock_root
from auditor.model import (
    Answer,
    AssetResult,
    AttestedAnswer,
    Catalogue,
    EventKind,
    EvidenceFile,
    ExceptionKind,
    Observation,
    ObservationStatus,
    ProbeCall,
    Reach,
    Run,
    Text,
)
from auditor.planning import Narrowing, make_plan
from auditor.workflow.attestations import accepted_answers
from auditor.workflow.campaigns import open_campaign
from auditor.workflow.circulars import acknowledge_circular, issue_circular
from auditor.workflow.exceptions import Request, approve_exception, propose_exception
from auditor.workflow.judging import Judge
from auditor.workflow.remediation import Chosen, assigning, carry_out, moving, planning
from auditor.workflow.setup import init_workspace
from auditor.workflow.summary import summarise
from auditor.workflow.workspace import open_workspace, run_inputs

NIGHTS = tuple(datetime(2026, 11, day, 1, 30, tzinfo=UTC) for day in (8, 15, 22))
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CONTROLS = ("A.5.1", "A.5.16", "A.8.2", "A.8.5", "A.8.9", "A.8.15")
CHECKS = ("ssh-root-login", "ssh-empty-passwords", "ssh-max-auth-tries", "ssh-log-level", "ssh-x11-forwarding")
HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> <img src=x onerror=alert(2)> \u202egnp.exe\u202c \x1b[31m {{7*7}}"
PEOPLE = """
[people.sara]
name = {en = "Sara", ar = "سارة"}
roles = ["officer"]
department = "health"

[people.huda]
name = {en = "Huda", ar = "هدى"}
roles = ["committee"]
ministry = "Interior"

[people.bilal]
name = {en = "Bilal", ar = "بلال"}
roles = ["committee"]
ministry = "Planning"

[report]
letterhead = {en = "Joint Compliance Committee", ar = "لجنة الالتزام المشتركة"}
"""
_DEPARTMENTS: dict[str, tuple[Text, tuple[str, ...]]] = {
    "health": (Text("Ministry of Health", "وزارة الصحة"), ("health-web-1", "health-db-1", "health-down-1")),
    "finance": (Text("Ministry of Finance", "وزارة المالية"), ("finance-app-1", "finance-db-1")),
}
_GOOD = {"permitrootlogin": "no", "permitemptypasswords": "no", "maxauthtries": "3", "loglevel": "VERBOSE", "x11forwarding": "no"}
SEEN: tuple[Mapping[str, dict[str, str]], ...] = (
    {
        "health-web-1": {"permitrootlogin": "yes", "maxauthtries": "6"},
        "health-db-1": {"permitemptypasswords": "yes", "loglevel": HOSTILE},
        "finance-app-1": {"x11forwarding": "yes", "maxauthtries": "10"},
        "finance-db-1": {},
    },
    {
        "health-web-1": {"permitrootlogin": "yes"},
        "health-db-1": {"loglevel": HOSTILE},
        "finance-app-1": {"x11forwarding": "yes"},
        "finance-db-1": {"loglevel": "QUIET"},
    },
    {
        "health-web-1": {"permitrootlogin": "yes", "maxauthtries": "6"},
        "health-db-1": {"loglevel": HOSTILE, "permitemptypasswords": "yes"},
        "finance-app-1": {},
        "finance-db-1": {"loglevel": "QUIET", "permitrootlogin": "yes"},
    },
)


def seed(root: Path) -> Catalogue:
    """Lay the workspace out, audit it three times, and let people act on what was found."""
    init_workspace(root, stock=stock_root())
    _slim(root)
    with (root / "auditor.toml").open("a", encoding="utf-8") as file:
        file.write(PEOPLE)
    catalogue = open_workspace(root)
    assert not catalogue.inventory.set_aside, catalogue.inventory.set_aside
    night(catalogue, NIGHTS[0], SEEN[0])
    _people(catalogue, NIGHTS[0] + timedelta(hours=8))
    night(catalogue, NIGHTS[1], SEEN[1])
    night(catalogue, NIGHTS[2], SEEN[2])
    return catalogue


def _slim(root: Path) -> None:
    for path in (root / "checks").rglob("*.yaml"):
        if path.stem not in CHECKS:
            path.unlink()
    framework = root / "policies" / "iso27001-2022"
    for path in framework.glob("A.*.yaml"):
        if path.stem not in CONTROLS:
            path.unlink()
            continue
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
        kept = [m for m in value.get("checks", []) if m["check"] in CHECKS]
        _write(path, {**value, "checks": kept} if kept else {k: v for k, v in value.items() if k != "checks"})
    policy = root / "policies" / "national-2026.yaml"
    value = yaml.safe_load(policy.read_text(encoding="utf-8"))
    _write(policy, {**value, "controls": {c: value["controls"][c] for c in CONTROLS if c in value["controls"]}, "params": {}})
    shutil.rmtree(root / "inventories")
    (root / "inventories").mkdir()
    for name, (title, hosts) in _DEPARTMENTS.items():
        assets = [
            {"uid": uid, "name": uid, "address": f"192.0.2.{n}", "criticality": "high" if "db" in uid else "medium"}
            for n, uid in enumerate(hosts, 1)
        ]
        inventory = {"department": name, "title": {"en": title.en, "ar": title.ar}, "timezone": "Asia/Riyadh", "hosts": assets}
        _write(root / "inventories" / f"{name}.yaml", inventory)


def _write(path: Path, value: Any) -> None:
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _sshd(changes: Mapping[str, str]) -> str:
    lines = "".join(f"{key} {value}\n" for key, value in {**_GOOD, **changes}.items())
    return f"installed=yes\nport 22\n{lines}== files\n/etc/ssh/sshd_config:\nend\n"


def night(catalogue: Catalogue, now: datetime, seen: Mapping[str, dict[str, str]], narrowing: Narrowing | None = None) -> Run:
    """One audit, from observations to its summary, by the very parts that a real one is made of. ``seen`` by host is what its
    SSH server has set otherwise than it should; a host that is missing does not answer."""
    with Ledger.open(catalogue.settings.ledger) as ledger, ledger.lock(actor="cron", now=now):
        plan = make_plan(catalogue, now=now, narrowing=narrowing)
        run = ledger.begin_run(plan, run_inputs(catalogue), actor="cron", now=now)
        judge = Judge(
            ledger, run.id, plan, catalogue, Evaluator.for_plan(plan, catalogue.checks), actor="cron", clock=lambda: now
        )
        reaches: dict[str, tuple[Reach, str]] = {}
        kinds = {}
        for department in plan.departments:
            for asset in department.assets:
                result = _result(asset.asset.uid, seen.get(asset.asset.uid), now)
                ledger.record_result(run.id, result)
                kinds |= {(asset.asset.uid, check): kind for check, kind in judge.asset(asset, result).items()}
                reaches[asset.asset.uid] = (result.reach, result.detail)
        answers = accepted_answers(ledger, catalogue, now)
        summary = summarise(catalogue, run, plan, kinds, reaches, (), answers)
        return ledger.finish_run(run.id, summary, actor="cron", now=now + timedelta(minutes=5))


def _result(uid: str, seen: Mapping[str, str] | None, now: datetime) -> AssetResult:
    if seen is None:
        why = f"No connection to 192.0.2.3 port 22: no answer {HOSTILE}."
        return AssetResult(uid, Reach.UNREACHABLE, (), now, now, why)
    at = now + timedelta(seconds=1)
    observation = Observation(uid, ProbeCall("sshd"), ObservationStatus.OK, at, _sshd(seen), "", 0)
    return AssetResult(uid, Reach.REACHED, (observation,), now, at)


def _people(catalogue: Catalogue, now: datetime) -> None:
    """An officer at work, an exception that both ministries approve, an answer, a circular and a campaign."""
    with Ledger.open(catalogue.settings.ledger) as ledger:
        by_check = {(f.asset, f.check): f.id for f in ledger.findings()}
    root_login = by_check["health-web-1", "ssh-root-login"]
    for step in (
        moving(EventKind.FINDING_ACKNOWLEDGED),
        assigning(catalogue, "sara"),
        planning(catalogue, date(2026, 12, 1), HOSTILE),
    ):
        carry_out(catalogue, "sara", step, Chosen((root_login,)), now=now)
    asked = Request(
        ExceptionKind.RISK, HOSTILE, control=HOSTILE, ends=date(2026, 11, 26), finding=by_check["health-db-1", "ssh-log-level"]
    )
    held = propose_exception(catalogue, "sara", asked, now=now)
    for member in ("huda", "bilal"):
        approve_exception(catalogue, member, held.id, now=now)
    _answer(catalogue, now)
    issue_circular(catalogue, "huda", ("ssh-max-auth-tries",), (), date(2026, 11, 20), now=now)
    acknowledge_circular(catalogue, "sara", "R-1", now=now)
    open_campaign(catalogue, "huda", Text("Autumn", "حملة الخريف"), (), date(2026, 11, 1), date(2026, 11, 30), now=now)


def _answer(catalogue: Catalogue, now: datetime) -> None:
    people = catalogue.settings.people
    given = AttestedAnswer(
        id="health:A.5.1",
        department="health",
        control="A.5.1",
        state=attestations.AnswerState.ANSWERED,
        answer=Answer.PARTLY,
        justification=HOSTILE,
        review=date(2027, 6, 1),
        answered_by="sara",
        answered_at=now,
        evidence=(EvidenceFile("policy.pdf", "0" * 64, 10),),
    )
    with Ledger.open(catalogue.settings.ledger) as ledger:
        ledger.apply([attestations.answer(given, 365, now.date(), people["sara"], now)])
        ledger.apply([attestations.accept(ledger.records(AttestedAnswer)[0], people["huda"], now)])
