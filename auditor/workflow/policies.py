"""A policy as it reads for everyone, or for one department today."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from auditor.errors import UsageError
from auditor.model import Catalogue
from auditor.model.codec import to_json
from auditor.planning import effective_policy, run_by_policy
from auditor.text import _


def describe_policy(catalogue: Catalogue, policy_id: str | None, department_id: str | None) -> dict[str, Any]:
    """The policy's own values; with a department, also its parameters resolved and the relaxations in force now."""
    wanted = policy_id or catalogue.settings.policy_of_record
    if wanted not in catalogue.policies:
        message = _("there is no policy {name!r}; there are: {names}")
        raise UsageError(message.format(name=wanted, names=", ".join(sorted(catalogue.policies))))
    policy = catalogue.policies[wanted]
    value: dict[str, Any] = to_json(policy)
    value["checks"] = sorted(run_by_policy(catalogue, wanted))
    value["relaxations"] = []
    if department_id is not None:
        department = next((d for d in catalogue.inventory.departments if d.id == department_id), None)
        if department is None:
            raise UsageError(_("there is no department {name!r} in the inventories").format(name=department_id))
        effective = effective_policy(catalogue, policy, department, datetime.now(UTC))
        value["department"] = department_id
        value["controls"] = {name: policy.controls[name] for name in effective.controls}
        value["checks"] = sorted(effective.checks)
        value["params"] = {name: effective.params[name] for name in sorted(effective.params)}
        value["relaxations"] = to_json(effective.relaxations)
    return value


def idle_overlays(catalogue: Catalogue) -> tuple[str, ...]:
    """The departments whose overlay is for another policy than that of record: it tightens and relaxes nothing."""
    overlays = catalogue.overlays.items()
    return tuple(sorted(name for name, overlay in overlays if overlay.policy != catalogue.settings.policy_of_record))
