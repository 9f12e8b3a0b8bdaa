"""The plan: what runs where, and which checks judge it. Plain values that serialise to JSON (see ``codec``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from auditor.model.common import Json, Scalar, Severity
from auditor.model.inventory import Asset


@dataclass(frozen=True, slots=True, order=True)
class ProbeCall:
    """A fact with its arguments resolved; collected once per asset however many checks use it."""

    fact: str
    args: tuple[tuple[str, Scalar], ...] = ()

    @property
    def key(self) -> str:
        """A stable printable name, such as ``sshd`` or ``file_text(path=/etc/issue.net)``."""
        if not self.args:
            return self.fact
        return f"{self.fact}({','.join(f'{k}={v}' for k, v in self.args)})"


@dataclass(frozen=True, slots=True)
class CheckTask:
    """A check as it will judge one asset: parameters resolved, facts named, controls that it speaks for.

    ``definition`` is the SHA-256 of the check's decisive parts with its parameters and the versions of its facts' parsers: a
    verdict given under another definition is a change of policy, not of the host.
    """

    check: str
    severity: Severity
    params: dict[str, Json]
    facts: tuple[tuple[str, ProbeCall], ...]
    controls: tuple[str, ...]
    definition: str


@dataclass(frozen=True, slots=True)
class AssetPlan:
    """All that is to be observed and judged on one asset. ``skipped`` says why it is left alone, "" when it is not."""

    asset: Asset
    probes: tuple[ProbeCall, ...]
    checks: tuple[CheckTask, ...]
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class DepartmentPlan:
    """A department's part. ``asset`` is the department itself, on which ``checks`` of department scope are judged."""

    department: str
    asset: Asset
    assets: tuple[AssetPlan, ...]
    checks: tuple[CheckTask, ...] = ()
    policy_sha256: str = ""  # of policy with overlay and relaxations in force
    controls: tuple[str, ...] = ()  # ids in force for it, in the framework's order


@dataclass(frozen=True, slots=True)
class SetAside:
    """A department that is not audited because its own files are wrong."""

    department: str
    mistakes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """policy × inventory × checks × now, resolved. ``narrowed`` when only some hosts or checks were asked for."""

    policy: str
    policy_version: str
    of_record: bool
    now: datetime
    departments: tuple[DepartmentPlan, ...]
    narrowed: bool = False
    set_aside: tuple[SetAside, ...] = ()
    addresses: tuple[str, ...] = ()  # of every listed host of every department
    sha256: str = ""
    scope: dict[str, Json] = field(default_factory=dict)  # what it was narrowed to
