"""The verdicts that the lab is built to get: what each planted defect must fail, and what the hardened host must pass."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.lab.defects import DEFECTS
from auditor.lab.spec import HARDENED, HOSTS, HostSpec, Login, Trust


@dataclass(frozen=True, slots=True)
class Expected:
    """A verdict by name. ``subjects`` are those that fail, empty for a check of one subject."""

    verdict: str
    subjects: tuple[str, ...] = ()


# Why nothing is known of a host, as ``Reach`` names it. The hostile one is reached, and whatever it says decides nothing.
REACH: dict[str, str] = {
    "health-down-1": "unreachable",
    "interior-changed-1": "untrusted",
    "interior-refused-1": "denied",
}
HOSTILE_HOST = "interior-hostile-1"

# What needs root: unknown (denied) on the host without sudo.
NEEDS_SUDO = ("account-empty-password", "account-password-max-days", "sudo-nopasswd", "sudo-use-pty", "sudo-log-file")

# Of the department's own checks: what fails in which department, and whom it names.
DEPARTMENT: dict[str, dict[str, tuple[str, ...]]] = {
    "health": {"dept-unlisted-hosts": ("health-shadow-it",), "dept-silent-hosts": ("health-down-1",)},
    "interior": {"dept-shared-host-keys": ("interior-twin-1", "interior-twin-2")},
}

# A host without plaintext services has no subject that passes; the auditor's own sudo is for the policy to allow.
_UNDECIDED_HERE = ("net-plaintext-services", "sudo-nopasswd")


def _of_host(spec: HostSpec) -> dict[str, Expected]:
    found: dict[str, tuple[str, ...]] = {}
    for name in spec.defects:
        for find in DEFECTS[name].finds:
            found[find.check] = (*found.get(find.check, ()), *find.subjects)
    return {check: Expected("fail", subjects) for check, subjects in found.items()}


def _expected() -> dict[str, dict[str, Expected]]:
    """Host by host. On hosts that give no access every check that needs a login is unknown; those are in ``REACH``."""
    table = {s.uid: _of_host(s) for s in HOSTS if s.uid not in REACH and s.trust is not Trust.UNLISTED and s.uid != HOSTILE_HOST}
    checks = {find.check for defect in DEFECTS.values() for find in defect.finds} - set(_UNDECIDED_HERE)
    table[HARDENED] |= {check: Expected("pass") for check in sorted(checks)}
    for spec in HOSTS:
        if spec.login is Login.PLAIN:
            table[spec.uid] |= {check: Expected("unknown") for check in NEEDS_SUDO}
    return table


EXPECTED: dict[str, dict[str, Expected]] = _expected()
