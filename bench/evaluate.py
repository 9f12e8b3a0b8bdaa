"""How many verdicts a second from stored observations, against the bare CEL evaluations that they take.

The observations are the recorded outputs under tests/golden, given to many hosts; half of the hosts get outputs of their own,
so that parsing is measured too. The floor evaluates, with CEL alone and in the same run, the expressions of each host's verdicts
on the very same values, item by item; ours decides equal facts once, and asks of a list's items together (``evaluations_made``
tells how many were left).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auditor.evaluating import Evaluator, asking, reading
from auditor.expressions import cel as door
from auditor.loading import load_workspace
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    AssetResult,
    Catalogue,
    Connection,
    Department,
    Inventory,
    Observation,
    ObservationStatus,
    Outcome,
    ProbeCall,
    Reach,
    Text,
)
from auditor.planning import make_plan

ROOT = Path(__file__).resolve().parent.parent
GOLDENS = ROOT / "tests" / "golden" / "facts"
NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hosts", type=int, default=300)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    print_result(measure(chosen.hosts), as_json=chosen.json)


def measure(hosts: int) -> dict[str, float | int]:
    """Seconds of both, their ratio, and verdicts a second."""
    plans, results, catalogue = prepare(hosts)

    def fresh() -> Evaluator:
        """An evaluator that remembers nothing of an earlier round, nor does the parser; checks were compiled when loaded."""
        reading.forget_values()
        return Evaluator(catalogue.checks, now=NOW)

    def each_alone() -> None:
        together, asking.AT_ONCE = asking.AT_ONCE, 1
        for plan, result in zip(plans, results, strict=True):
            Evaluator(catalogue.checks, now=NOW).judge_asset(plan, result)
        asking.AT_ONCE = together

    evaluations = record(each_alone)
    made = sum(len(e) for _, _, e in record(lambda: judge(fresh(), plans, results)))
    best_ours = best_floor = float("inf")
    outcomes: list[Outcome] = []
    for _ in range(3):
        evaluator = fresh()
        started = time.perf_counter()
        outcomes = judge(evaluator, plans, results)
        best_ours = min(best_ours, time.perf_counter() - started)
        started = time.perf_counter()
        for values, names, expressions in evaluations:
            activation = door._runtime(*names).Activation(values)
            for expression in expressions:
                value = expression.eval(activation)
                value.type()
                value.plain_value()
        best_floor = min(best_floor, time.perf_counter() - started)
    verdicts = sum(len(o.verdicts) for o in outcomes)
    return {
        "hosts": hosts,
        "checks": len(outcomes) // hosts,
        "verdicts": verdicts,
        "evaluations": sum(len(e) for _, _, e in evaluations),
        "evaluations_made": made,
        "floor_s": round(best_floor, 4),
        "ours_s": round(best_ours, 4),
        "ratio": round(best_ours / best_floor, 3),
        "verdicts_per_s": round(verdicts / best_ours),
    }


def judge(evaluator: Evaluator, plans: list[AssetPlan], results: list[AssetResult]) -> list[Outcome]:
    """All outcomes of all hosts."""
    return [o for plan, result in zip(plans, results, strict=True) for o in evaluator.judge_asset(plan, result)]


def record(work: Callable[[], Any]) -> list[tuple[dict[str, Any], tuple[frozenset[str], frozenset[str]], list[Any]]]:
    """Every evaluation that ``work`` makes, grouped by the values that it was bound to."""
    kept: list[tuple[dict[str, Any], tuple[frozenset[str], frozenset[str]], list[Any]]] = []
    bind, evaluate = door.Binding.__init__, door.Program._evaluate
    of_binding: dict[int, list[Any]] = {}
    alive: list[Any] = []  # ids of bindings must not be used twice while recording

    def binding(self: Any, values: Any, items: Any = None) -> None:
        bind(self, values, items)
        instants = frozenset(n for n, v in values.items() if isinstance(v, datetime))
        entry: list[Any] = []
        kept.append((dict(values), (frozenset(values), instants), entry))
        of_binding[id(self)] = entry
        alive.append(self)

    def evaluated(self: Any, to: Any, expression: Any = None) -> Any:
        of_binding[id(to)].append(expression or self._expression)
        return evaluate(self, to, expression)

    door.Binding.__init__, door.Program._evaluate = binding, evaluated  # type: ignore[method-assign]
    try:
        work()
    finally:
        door.Binding.__init__, door.Program._evaluate = bind, evaluate  # type: ignore[method-assign]
    return kept


def prepare(hosts: int) -> tuple[list[AssetPlan], list[AssetResult], Catalogue]:
    """Plans and stored results of ``hosts`` hosts of one department."""
    loaded = load_workspace(ROOT)
    if loaded.catalogue is None:
        sys.exit("\n".join(str(m) for m in loaded.mistakes))
    assets = tuple(
        Asset(f"bench-{n}", AssetKind.HOST, "bench", f"host-{n}", "127.0.0.1", connection=Connection()) for n in range(hosts)
    )
    inventory = Inventory((Department("bench", Text("Bench", "قياس"), assets),))
    catalogue = replace(loaded.catalogue, inventory=inventory)
    plans = list(make_plan(catalogue, now=NOW).departments[0].assets)
    return plans, [stored(plan, n) for n, plan in enumerate(plans)], catalogue


def stored(plan: AssetPlan, n: int) -> AssetResult:
    """A result made of recorded outputs; every second host has a line of its own in those that allow one."""
    observations = tuple(observation(plan.asset.uid, probe, n) for probe in plan.probes)
    return AssetResult(plan.asset.uid, Reach.REACHED, observations, NOW, NOW)


def observation(uid: str, probe: ProbeCall, n: int) -> Observation:
    """The recorded output of a probe; unobserved when the project has none."""
    for path in sorted((GOLDENS / probe.fact).glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        if all(told.get("args", {}).get(name) == value for name, value in probe.args):
            text = path.with_suffix(".txt").read_text(encoding="utf-8")
            own = "\n" * (n // 2 % 50) if n % 2 else ""
            return Observation(uid, probe, ObservationStatus.OK, NOW, stdout=text + own, exit_status=0)
    return Observation(uid, probe, ObservationStatus.NOT_RUN, NOW)


def print_result(result: dict[str, float | int], *, as_json: bool) -> None:
    """As JSON for programs, as lines for people."""
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
