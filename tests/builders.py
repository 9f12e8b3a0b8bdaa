"""Small model values for tests, with every field that does not matter filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    AssetResult,
    Catalogue,
    Check,
    CheckTask,
    Control,
    Department,
    Evidence,
    FactUse,
    Framework,
    Inventory,
    Mapping,
    Observation,
    ObservationStatus,
    Overlay,
    Policy,
    ProbeCall,
    Reach,
    Scoring,
    Settings,
    Severity,
    Terms,
    Text,
)

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
TEXT = Text("text", "نص")
WEIGHTS = {Severity.CRITICAL: 8, Severity.HIGH: 4, Severity.MEDIUM: 2, Severity.LOW: 1}

SSHD_ROOT = "installed=yes\nport 22\npermitrootlogin yes\nmaxauthtries 6\n== files\n/etc/ssh/sshd_config:\nend\n"
SSHD_NO_ROOT = "installed=yes\nport 22\npermitrootlogin no\nmaxauthtries 3\n== files\n/etc/ssh/sshd_config:\nend\n"


def check(check_id: str = "ssh-root-login", **changes: Any) -> Check:
    fields: dict[str, Any] = {
        "id": check_id,
        "title": TEXT,
        "severity": Severity.HIGH,
        "rationale": TEXT,
        "facts": (FactUse("sshd", "sshd"),),
        "applies": "sshd.installed",
        "expect": "sshd.permitrootlogin == 'no'",
        "observed": "sshd.permitrootlogin",
        "remediation": TEXT,
        "sha256": check_id,
    }
    return Check(**{**fields, **changes})


def host(uid: str = "health-web-1", **changes: Any) -> Asset:
    fields: dict[str, Any] = {
        "uid": uid,
        "kind": AssetKind.HOST,
        "department": "health",
        "name": uid.removeprefix("health-"),
        "address": "127.0.0.1",
    }
    return Asset(**{**fields, **changes})


def task(check_id: str = "ssh-root-login", *, facts: tuple[str, ...] = ("sshd",), **changes: Any) -> CheckTask:
    fields: dict[str, Any] = {
        "check": check_id,
        "severity": Severity.HIGH,
        "params": {},
        "facts": tuple((name, ProbeCall(name)) for name in facts),
        "controls": ("A.8.2",),
        "definition": "d1",
    }
    return CheckTask(**{**fields, **changes})


def asset_plan(*tasks: CheckTask, asset: Asset | None = None) -> AssetPlan:
    tasks = tasks or (task(),)
    probes = tuple(sorted({call for t in tasks for _, call in t.facts}))
    return AssetPlan(asset or host(), probes, tasks)


def observation(stdout: str, *, fact: str = "sshd", asset: str = "health-web-1", **changes: Any) -> Observation:
    fields: dict[str, Any] = {
        "asset": asset,
        "probe": ProbeCall(fact),
        "status": ObservationStatus.OK,
        "observed_at": NOW,
        "stdout": stdout,
        "exit_status": 0,
    }
    return Observation(**{**fields, **changes})


def result(*observations: Observation, asset: str = "health-web-1", reach: Reach = Reach.REACHED, **changes: Any) -> AssetResult:
    return AssetResult(asset, reach, observations, NOW, NOW + timedelta(seconds=1), **changes)


def control(control_id: str = "A.8.2", *checks: str, **changes: Any) -> Control:
    fields: dict[str, Any] = {
        "id": control_id,
        "title": TEXT,
        "theme": "technological",
        "severity": Severity.HIGH,
        "evidence": Evidence.HYBRID,
        "statement": TEXT,
        "checks": tuple(Mapping(name, TEXT) for name in checks),
    }
    return Control(**{**fields, **changes})


def policy(**changes: Any) -> Policy:
    fields: dict[str, Any] = {
        "id": "national",
        "version": "1",
        "title": TEXT,
        "framework": "iso27001-2022",
        "of_record": True,
        "controls": {"A.8.2": "12/1"},
        "terms": Terms(dict.fromkeys(Severity, 30)),
        "coverage_floor": 0.6,
        "scoring": Scoring(WEIGHTS, WEIGHTS),
    }
    return Policy(**{**fields, **changes})


def catalogue(
    *,
    checks: tuple[Check, ...] = (),
    controls: tuple[Control, ...] = (),
    assets: tuple[Asset, ...] = (),
    overlays: tuple[Overlay, ...] = (),
    **changes: Any,
) -> Catalogue:
    checks = checks or (check(),)
    controls = controls or (control("A.8.2", *(c.id for c in checks)),)
    departments: dict[str, list[Asset]] = {}
    for asset in assets or (host(),):
        departments.setdefault(asset.department, []).append(asset)
    fields: dict[str, Any] = {
        "settings": Settings(Path("/nowhere"), policy_of_record="national"),
        "framework": Framework("iso27001-2022", TEXT, controls),
        "checks": {c.id: c for c in checks},
        "policies": {"national": policy(controls={c.id: "" for c in controls})},
        "overlays": {o.department: o for o in overlays},
        "inventory": Inventory(tuple(Department(name, TEXT, tuple(members)) for name, members in departments.items())),
    }
    return Catalogue(**{**fields, **changes})
