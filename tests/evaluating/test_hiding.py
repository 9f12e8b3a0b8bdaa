"""An item that is not judged may hide what a finding was about: such a finding must not close as gone."""

from __future__ import annotations

import pytest

from auditor.evaluating import Evaluator
from auditor.expressions import compile_check
from auditor.model import Check, FactUse, Outcome, Reason, Scope, VerdictKind
from tests.builders import NOW, asset_plan, check, observation, result, task

KEYS = {
    "facts": (FactUse("authorized_keys", "authorized_keys"),),
    "applies": None,
    "for_each": "authorized_keys",
    "decidable": "!has(item.unread)",
    "hides": "gone.startsWith(item.account + ' ')",
    "subject": "item.account + ' ' + (has(item.unread) ? item.path : item.fingerprint)",
    "expect": "item.bits >= 256",
    "observed": None,
}
HOMES = "home=amal:/home/amal\nhome=omar:/home/omar\n"
WEAK = "== /home/{0}/.ssh/authorized_keys\n128 SHA256:weak no comment (RSA)\n"
LINK = "link=/home/amal/.ssh\n"
OPEN = ("amal SHA256:weak", "omar SHA256:weak")


def judged(one: Check, told: str, *failing: str) -> Outcome:
    """What the check says of a host that tells this, with a finding open on each of ``failing``."""
    plan = asset_plan(task(one.id, facts=("authorized_keys",)))
    seen = result(observation(f"{HOMES}{told}end\n", fact="authorized_keys"))
    evaluator = Evaluator({one.id: one}, now=NOW)
    evaluator.judge_asset(plan, seen)  # what is remembered of other hosts knows of no finding
    (outcome,) = evaluator.judge_asset(plan, seen, {one.id: [*failing]})
    return outcome


@pytest.mark.parametrize(
    ("told", "hidden"),
    [
        ("", set()),
        (LINK, {"amal SHA256:weak"}),
        (LINK + WEAK.format("omar"), {"amal SHA256:weak"}),
        (LINK + WEAK.format("amal"), set()),
        (LINK + WEAK.format("omar").replace("128", "256"), {"amal SHA256:weak"}),
    ],
)
def test_what_an_undecided_item_may_hide_is_unknown(told: str, hidden: set[str]) -> None:
    """Regression, closed without proof: amal's .ssh became a link, which nobody follows; that says nothing of omar's keys."""
    outcome = judged(check("keys", **KEYS), told, *OPEN)
    assert {v.subject for v in outcome.verdicts if v.reason is Reason.PARTLY_OBSERVED} == hidden
    assert outcome.complete


def test_where_it_cannot_be_told_all_that_is_gone_is_unknown() -> None:
    """An error in the expression is no proof that findings are mended."""
    outcome = judged(check("keys", **{**KEYS, "hides": "int(gone) > 0"}), LINK + WEAK.format("omar"), *OPEN)
    kinds = {v.subject: v.kind for v in outcome.verdicts}
    assert kinds["amal SHA256:weak"] is VerdictKind.UNKNOWN
    assert kinds["omar SHA256:weak"] is VerdictKind.FAIL


@pytest.mark.parametrize("where", ["!has(item.unread)", "item.account == 'omar'"])
def test_an_item_that_is_left_out_may_hide_too(where: str) -> None:
    """It is in no verdict, and what it hides stays open all the same."""
    outcome = judged(check("keys", **{**KEYS, "where": where}), LINK, *OPEN)
    assert {v.subject for v in outcome.verdicts if v.reason is Reason.PARTLY_OBSERVED} == {"amal SHA256:weak"}


def test_what_is_itself_left_out_may_be_hidden() -> None:
    """Regression, closed without proof: `where` asked for what was not told that night, and the finding was not applicable."""
    one = check("keys", **{**KEYS, "where": "item.comment != ''", "hides": "gone == item.account + ' ' + item.fingerprint"})
    outcome = judged(one, WEAK.format("amal"), *OPEN)
    assert {v.subject for v in outcome.verdicts if v.reason is Reason.PARTLY_OBSERVED} == {"amal SHA256:weak"}
    assert outcome.excluded == ()


def test_without_hides_an_item_speaks_for_itself_alone() -> None:
    """A port of which nothing is certain hides no other port."""
    outcome = judged(check("keys", **{**KEYS, "hides": None}), LINK, *OPEN)
    assert [v.subject for v in outcome.verdicts] == ["amal /home/amal/.ssh"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"decidable": None, "where": None}, "hides"),
        ({"scope": Scope.DEPARTMENT}, "hides"),
        ({"hides": "gone == 1"}, "hides"),
        ({"hides": "gone"}, "hides"),
        ({"expect": "gone == ''"}, "expect"),
    ],
)
def test_it_is_asked_of_unjudged_items_of_a_host_alone(changes: dict[str, object], key: str) -> None:
    """It would never count elsewhere, and its author believe that it did."""
    compiled, mistakes = compile_check(check("keys", **{**KEYS, **changes}))
    assert compiled is None
    assert key in [m.key for m in mistakes]
