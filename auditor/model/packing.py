"""A department's plan with what its hosts share written once: a thousand hosts are planned by the same few hundred tasks.

Packed, a plan of 10,000 hosts is a few megabytes instead of gigabytes, and unpacking gives hosts the very same values to share.
"""

from __future__ import annotations

from typing import Any

from auditor.model.codec import from_json, to_json
from auditor.model.inventory import Asset
from auditor.model.plan import AssetPlan, CheckTask, DepartmentPlan, ProbeCall


class _Shared:
    """Values by number, each once. The same object is known again without being written."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self._by_identity: dict[int, tuple[int, Any]] = {}  # the object is kept, so that its id stays its own
        self._by_value: dict[str, int] = {}

    def number(self, value: Any, written: Any) -> int:
        known = self._by_identity.get(id(value))
        if known is None:
            whole = written(value)
            place = self._by_value.setdefault(repr(whole), len(self.written))
            if place == len(self.written):
                self.written.append(whole)
            known = self._by_identity[id(value)] = (place, value)
        return known[0]


def pack(plan: DepartmentPlan) -> dict[str, Any]:
    """As JSON: tables of tasks, calls and sets of them, and a short row for each asset."""
    tasks, calls, sets = _Shared(), _Shared(), _Shared()

    def checks(value: tuple[CheckTask, ...]) -> list[int]:
        return [tasks.number(task, to_json) for task in value]

    def probes(value: tuple[ProbeCall, ...]) -> list[int]:
        return [calls.number(call, to_json) for call in value]

    rows = [
        [
            to_json(a.asset),
            sets.number(a.probes, lambda v: ["calls", probes(v)]),
            sets.number(a.checks, lambda v: ["tasks", checks(v)]),
            a.skipped,
        ]
        for a in plan.assets
    ]
    return {
        "department": plan.department,
        "asset": to_json(plan.asset),
        "assets": rows,
        "checks": checks(plan.checks),
        "policy_sha256": plan.policy_sha256,
        "controls": list(plan.controls),
        "tasks": tasks.written,
        "calls": calls.written,
        "sets": [members for _kind, members in sets.written],
        "kinds": [kind for kind, _members in sets.written],
    }


def unpack(data: dict[str, Any]) -> DepartmentPlan:
    """The plan that ``pack`` wrote. Raises KeyError, IndexError, TypeError or ValueError on anything else."""
    tasks = [from_json(CheckTask, task) for task in data["tasks"]]
    calls = [from_json(ProbeCall, call) for call in data["calls"]]
    known: dict[str, list[Any]] = {"tasks": tasks, "calls": calls}
    sets = [tuple(known[kind][n] for n in members) for kind, members in zip(data["kinds"], data["sets"], strict=True)]
    return DepartmentPlan(
        department=data["department"],
        asset=from_json(Asset, data["asset"]),
        assets=tuple(
            AssetPlan(from_json(Asset, asset), sets[own_calls], sets[own_tasks], skipped)
            for asset, own_calls, own_tasks, skipped in data["assets"]
        ),
        checks=tuple(tasks[n] for n in data["checks"]),
        policy_sha256=data["policy_sha256"],
        controls=tuple(data["controls"]),
    )
