"""By which policy a run was judged: that of its own files, which the ledger keeps, and not that of today's."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.loading.kept import policy_files, read_kept_policy
from auditor.model import Catalogue, Plan
from auditor.text import _


def as_judged(ledger: Ledger, catalogue: Catalogue, run_id: int, plan: Plan) -> Catalogue:
    """The catalogue with the framework, the policy and the overlays of a run in place of today's.

    Checks, inventories and settings stay today's: names, texts and people. Raises UsageError where the run's own files cannot be
    read: a figure by another policy than the one that it names would be false.
    """
    kept = {name: digest for (kind, name), digest in ledger.input_digests(run_id).items() if kind == "file"}
    theirs = policy_files(kept)
    today = dict(catalogue.sources)
    ours = {name: today[name] for name in policy_files(today)}
    settings = replace(catalogue.settings, policy_of_record=plan.policy)
    if plan.policy in catalogue.policies and {name: kept[name] for name in theirs} == _digests(ours):
        return replace(catalogue, settings=settings)
    try:
        found = read_kept_policy({name: ledger.input_text(kept[name]) for name in sorted(theirs)}, plan.policy)
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # an older auditor's files may have another form
        message = _(
            "run {run} was judged by policy {policy} {version} as its files were then, and what the ledger keeps of them cannot "
            "be read ({problem}): no figure of it can be given; name a newer run, or make one with auditor audit"
        )
        told = message.format(run=run_id, policy=plan.policy, version=plan.policy_version, problem=error)
        raise UsageError(told) from error
    policy = replace(found.policy, of_record=plan.of_record)
    return replace(
        catalogue,
        settings=settings,
        framework=found.framework,
        policies={**catalogue.policies, plan.policy: policy},
        overlays=found.overlays,
    )


def _digests(contents: dict[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest() for name, content in contents.items()}
