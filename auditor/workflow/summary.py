"""The account that a run gives of itself: what ``runs show --format json`` prints and the terminal shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from auditor.model import (
    Answer,
    AssetKind,
    Catalogue,
    Coverage,
    DepartmentPlan,
    DepartmentScore,
    Json,
    Plan,
    Policy,
    Reach,
    Run,
    VerdictKind,
)
from auditor.model.codec import to_json
from auditor.scoring import overall_index, score_department
from auditor.text import rounded

Kinds = Mapping[tuple[str, str], VerdictKind]
Answers = Mapping[str, Mapping[str, Answer]]


def summarise(
    catalogue: Catalogue,
    run: Run,
    plan: Plan,
    kinds: Kinds,
    reaches: Mapping[str, tuple[Reach, str]],
    left: Iterable[str],
    answers: Answers,
) -> dict[str, Json]:
    """The summary of a run.

    ``kinds`` by asset and check, ``reaches`` by asset (with the sentence that says why), ``left`` are assets with open findings
    that no inventory lists any more, ``answers`` the accepted ones by department and control.
    """
    policy = catalogue.policies[plan.policy]
    partial = bool(plan.scope.get("hosts") or plan.scope.get("checks"))
    scores = [
        score_department(d, kinds, catalogue.framework, policy, partial=partial, answers=answers.get(d.department, {}))
        for d in plan.departments
    ]
    departments = [_department(d, s, reaches) for d, s in zip(plan.departments, scores, strict=True)]
    departments += [_set_aside(s.department, s.mistakes) for s in plan.set_aside]
    coverage = Coverage.over(s.coverage for s in scores)
    index = None if plan.set_aside or plan.narrowed else overall_index(scores)
    incomplete = _incomplete(plan, scores, policy, reaches)
    summary: dict[str, Json] = {
        "run": {"id": run.id, "started": to_json(run.started), "narrowed": plan.narrowed, "scope": plan.scope},
        "policy": {"id": plan.policy, "version": plan.policy_version, "of_record": plan.of_record},
        "coverage": _coverage(coverage),
        "index": rounded(index) if index is not None else None,
        "complete": not incomplete,
        "incomplete_because": list(incomplete),
        "hosts": _reached(plan.departments, reaches, AssetKind.HOST),
        "networks": _reached(plan.departments, reaches, AssetKind.NETWORK),
        "verdicts": _counted(s.verdicts for s in scores),
        "departments": departments,
        "not_reached": _not_reached(plan, reaches),
        "left_inventory": list(left),
    }
    return summary


def _department(plan: DepartmentPlan, score: DepartmentScore, reaches: Mapping[str, tuple[Reach, str]]) -> Json:
    return {
        "id": plan.department,
        "coverage": _coverage(score.coverage),
        "index": rounded(score.index) if score.index is not None else None,
        "withheld": score.withheld,
        "automated_share": score.automated_share,
        "attested_share": score.attested_share,
        "hosts": _reached((plan,), reaches, AssetKind.HOST),
        "networks": _reached((plan,), reaches, AssetKind.NETWORK),
        "verdicts": _counted([score.verdicts]),
        "controls": to_json(score.controls),
        "set_aside": [],
    }


def _coverage(coverage: Coverage) -> dict[str, Json]:
    return {**to_json(coverage), "share": coverage.share}


def told_coverage(part: Mapping[str, Json]) -> dict[str, Json]:
    """The coverage of a summary, or of a department in it, as it is counted today; {} where it has none.

    From the verdicts beside it: auditors of before counted what does not apply among what was judged (decision 16), and a run
    of theirs must not look better than the next.
    """
    verdicts = part.get("verdicts")
    if not isinstance(verdicts, dict):
        return {}
    return _coverage(Coverage.of({VerdictKind(kind): n for kind, n in verdicts.items() if isinstance(n, int)}))


def recounted(summary: Mapping[str, Json]) -> dict[str, Json]:
    """A stored summary with coverage as it is counted today, of the whole and of each department."""
    departments = summary.get("departments")
    found: dict[str, Json] = {**summary, "coverage": told_coverage(summary)}
    if isinstance(departments, list):
        found["departments"] = [{**d, "coverage": told_coverage(d)} for d in departments if isinstance(d, dict)]
    return found


def _set_aside(department: str, mistakes: tuple[str, ...]) -> Json:
    return {
        "id": department,
        "coverage": _coverage(Coverage(0, 0)),
        "index": None,
        "withheld": "set_aside",
        "automated_share": 0.0,
        "attested_share": 0.0,
        "hosts": {},
        "networks": {},
        "verdicts": {},
        "controls": [],
        "set_aside": list(mistakes),
    }


def _reached(plans: Iterable[DepartmentPlan], reaches: Mapping[str, tuple[Reach, str]], kind: AssetKind) -> dict[str, Json]:
    uids = [a.asset.uid for plan in plans for a in plan.assets if a.asset.kind is kind]
    found = Counter(reaches[uid][0] for uid in uids if uid in reaches)
    # an asset that the run never came to was not reached
    found[Reach.SKIPPED] += sum(uid not in reaches for uid in uids)
    return {"planned": len(uids), **{reach.value: found[reach] for reach in Reach}}


def _counted(counts: Iterable[Mapping[VerdictKind, int]]) -> dict[str, Json]:
    total: Counter[VerdictKind] = Counter()
    for one in counts:
        total.update(one)
    return {kind.value: total[kind] for kind in VerdictKind}


def _not_reached(plan: Plan, reaches: Mapping[str, tuple[Reach, str]]) -> list[Json]:
    missed: list[Json] = []
    for department in plan.departments:
        for asset_plan in department.assets:
            asset = asset_plan.asset
            reach, detail = reaches.get(asset.uid, (Reach.SKIPPED, "the run ended before it came to this asset"))
            if reach is not Reach.REACHED:
                missed.append(
                    {
                        "asset": asset.uid,
                        "name": asset.name,
                        "department": department.department,
                        "reach": reach.value,
                        "detail": detail,
                    }
                )
    return missed


def _incomplete(
    plan: Plan, scores: list[DepartmentScore], policy: Policy, reaches: Mapping[str, tuple[Reach, str]]
) -> tuple[str, ...]:
    """Why the audit is incomplete, as codes: set_aside, not_reached, coverage, nothing."""
    reasons: list[str] = []
    if plan.set_aside:
        reasons.append("set_aside")
    uids = [a.asset.uid for d in plan.departments for a in d.assets]
    if any(reaches.get(uid, (Reach.SKIPPED, ""))[0] is not Reach.REACHED for uid in uids):
        reasons.append("not_reached")
    if any(s.coverage.share is not None and s.coverage.share < policy.coverage_floor for s in scores):
        reasons.append("coverage")
    if not any(s.coverage.judged + s.coverage.not_applicable for s in scores):
        reasons.append("nothing")  # never exit 0 when nothing could be audited
    return tuple(reasons)
