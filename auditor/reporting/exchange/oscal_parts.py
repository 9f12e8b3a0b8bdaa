"""The parts of which OSCAL files of ours are made: who wrote them, hosts, observations, risks with their remedies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from auditor.model import SPARED, Finding, Snapshot, Stamp, Standing, Tongue
from auditor.reporting.exchange.words import instant, not_audited, said, seen, stable_id, text, title
from auditor.reporting.stamps import MARK, stamp_text
from auditor.text import _
from auditor.text.bidi import safe

VERSION = "1.2.1"
NAMESPACE = "https://auditor.invalid/ns/oscal"


def metadata(snapshot: Snapshot, stamp: Stamp, name: str) -> dict[str, Any]:
    """Who wrote the file, when, and of which point of the ledger."""
    return {
        "title": name,
        "last-modified": instant(snapshot.as_of),
        "version": f"{stamp.run}.{stamp.seq}",
        "oscal-version": VERSION,
        "props": [prop(MARK, stamp.head[:16] or "none", remarks=stamp_text(stamp))],
    }


def prop(name: str, value: str, **more: str) -> dict[str, str]:
    """A property; its value must hold something and no line break."""
    return {"name": name, "ns": NAMESPACE, "value": " ".join(safe(value).split()) or "-", **more}


def back_matter(snapshot: Snapshot, stamp: Stamp) -> dict[str, Any]:
    """The policy and the plan by their hashes: what the results were assessed against."""
    policy = snapshot.catalogue.policies[snapshot.run.policy]
    tongue = stamp.options.tongue
    hashes = {"policy": (text(tongue, policy.title), policy.sha256), "plan": (f"{policy.id} {stamp.run}", stamp.plan_sha256)}
    return {
        "resources": [
            {"uuid": stable_id(stamp, name), "title": called, "props": [prop("sha256", digest)], "description": called}
            for name, (called, digest) in hashes.items()
        ]
    }


def department_name(snapshot: Snapshot, tongue: Tongue, name: str) -> str:
    """A department's title; its id where no inventory has it."""
    found = next((d for d in snapshot.catalogue.inventory.departments if d.id == name), None)
    return safe(text(tongue, found.title)) if found else safe(name)


def item(snapshot: Snapshot, stamp: Stamp, uid: str) -> dict[str, Any]:
    """An asset, as an item of the inventory."""
    asset = next((a for d in snapshot.catalogue.inventory.departments for a in d.assets if a.uid == uid), None)
    props = [prop("asset-uid", uid)]
    if asset is not None:
        props += [prop("address", asset.address), prop("criticality", asset.criticality.value)]
    return {
        "uuid": stable_id(stamp, "asset", uid),
        "description": safe(asset.name if asset and asset.name else uid),
        "props": props,
    }


def observation(snapshot: Snapshot, stamp: Stamp, finding: Finding) -> dict[str, Any]:
    """What failed, and when it was seen to."""
    tongue = stamp.options.tongue
    check = snapshot.catalogue.checks.get(finding.check)
    told = ". ".join(p for p in (title(tongue, check, finding.check), safe(finding.subject), seen(tongue, finding)) if p)
    return {
        "uuid": stable_id(stamp, "observation", finding.id),
        "title": finding.id,
        "description": told,
        "props": [prop("check", finding.check), prop("state", finding.state.value), prop("severity", finding.severity.value)],
        "methods": ["TEST"],
        "types": ["finding"],
        "subjects": [{"subject-uuid": stable_id(stamp, "asset", finding.asset), "type": "inventory-item"}],
        "collected": instant(_collected(snapshot, finding)),
    }


def _collected(snapshot: Snapshot, finding: Finding) -> datetime:
    """The run's end, save where the run did not look at the asset: then when the failure first came to light."""
    unseen = {m.asset for m in snapshot.missed} | set(snapshot.left_inventory)
    if finding.asset in unseen or finding.department in not_audited(snapshot):
        return finding.reopened_at or finding.first_seen
    return snapshot.run.ended or snapshot.run.started


def risk(snapshot: Snapshot, stamp: Stamp, standing: Standing) -> dict[str, Any]:
    """What a finding that is not closed means, by when it is to be mended, and how."""
    tongue = stamp.options.tongue
    finding = standing.finding
    check = snapshot.catalogue.checks.get(finding.check)
    why = text(tongue, check.rationale) if check else finding.check
    made: dict[str, Any] = {
        "uuid": stable_id(stamp, "risk", finding.id),
        "title": title(tongue, check, finding.check),
        "description": why,
        "statement": why,
        "props": [prop("severity", finding.severity.value), prop("state", finding.state.value)],
        "status": "deviation-approved" if finding.state in SPARED else "open",
        "related-observations": [{"observation-uuid": stable_id(stamp, "observation", finding.id)}],
    }
    if finding.due is not None:
        made["deadline"] = instant(finding.due)
    if check is not None:
        made["remediations"] = [_remediation(stamp, finding, text(tongue, check.remediation))]
    return made


def _remediation(stamp: Stamp, finding: Finding, remedy: str) -> dict[str, Any]:
    """What the department plans, else what the check recommends."""
    planned = finding.plan is not None
    made: dict[str, Any] = {
        "uuid": stable_id(stamp, "remediation", finding.id),
        "lifecycle": "planned" if planned else "recommendation",
        "title": said(stamp.options.tongue, lambda: _("Remedy")),
        "description": safe(finding.plan.steps, lines=True) if finding.plan and finding.plan.steps else remedy,
    }
    if finding.plan is not None:
        made["tasks"] = [
            {
                "uuid": stable_id(stamp, "task", finding.id),
                "type": "milestone",
                "title": said(stamp.options.tongue, lambda: _("Expected date")),
                "timing": {"on-date": {"date": f"{finding.plan.date.isoformat()}T00:00:00Z"}},
            }
        ]
    return made
