"""A small workspace that is right, to be spoiled one file at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.loading import LoadResult, load_workspace

CHECK = """\
id: ssh-root-login
title: {en: Root cannot log in, ar: منع دخول الجذر}
severity: high
rationale: {en: Nobody is root, ar: لا أحد هو الجذر}
facts: [sshd]
applies: sshd.installed
params:
  allowed: {default: ["no", prohibit-password], type: list, stricter: subset}
  tries: {default: 4, type: int, stricter: lower}
expect: sshd.permitrootlogin in params.allowed && sshd.maxauthtries <= params.tries
observed: sshd.permitrootlogin
expected: params.allowed
remediation: {en: Turn it off, ar: عطّل ذلك, shell: "true"}
references: {cis: {debian12: "5.1.20"}, nist_800_53: ["AC-6(2)"]}
cases:
  - {name: allowed, given: {sshd: {installed: true, permitrootlogin: "yes", maxauthtries: 4}}, verdict: fail}
  - {name: refused, given: {sshd: {installed: true, permitrootlogin: no, maxauthtries: 4}}, verdict: pass}
  - {name: stored, given: {sshd: {golden: debian12}}, params: {tries: 6}, verdict: pass}
"""
FRAMEWORK = """\
id: tiny
title: {en: A framework, ar: إطار}
vocabulary:
  theme: [{id: technological, title: {en: Technological, ar: تقنية}}]
  type: [{id: preventive, title: {en: Preventive, ar: وقائي}}]
"""
CONTROL = """\
id: A.8.9
title: {en: Configuration, ar: الإعدادات}
theme: technological
severity: high
evidence: technical
attributes: {type: [preventive]}
statement: {en: It is configured, ar: يجب ضبط الإعدادات}
checks:
  - check: ssh-root-login
    why: {en: It shows it, ar: يبين ذلك}
"""
POLICY = """\
id: national
version: "1"
title: {en: The policy, ar: السياسة}
framework: tiny
controls: {A.8.9: "12/3"}
params:
  ssh-root-login: {tries: 3}
deadlines: {critical: 7, high: 30, medium: 90, low: 180}
coverage_floor: 0.6
scoring:
  check_weights: {critical: 8, high: 5, medium: 3, low: 1}
  control_weights: {critical: 8, high: 5, medium: 3, low: 1}
"""
HEALTH = """\
department: health
title: {en: Ministry of Health, ar: وزارة الصحة}
timezone: Asia/Riyadh
defaults: {user: auditor, key: ~/.ssh/auditor, jump: [bastion.example], zone: servers}
hosts:
  - {uid: health-web-1, name: web-1, address: 10.1.1.11, role: web, ports: [22/tcp, 443/tcp]}
  - {uid: health-db-1, name: db-1, address: db.health.example, zone: inner, jump: [], criticality: high}
networks:
  - {uid: health-net-1, name: servers, address: 10.1.1.0/24}
"""
FINANCE = """\
department: finance
title: {en: Ministry of Finance, ar: وزارة المالية}
hosts:
  - {uid: finance-web-1, name: web-1, address: 10.2.1.11}
"""
OVERLAY = """\
department: finance
policy: national
params:
  ssh-root-login: {tries: 2, allowed: ["no"]}
relaxations:
  - check: ssh-root-login
    params: {tries: 6}
    justification: {en: Old clients, ar: أجهزة قديمة}
    approver: The committee
    until: 2027-03-31
"""
FILES = {
    "auditor.toml": "",
    "checks/ssh/ssh-root-login.yaml": CHECK,
    "policies/tiny/framework.yaml": FRAMEWORK,
    "policies/tiny/A.8.9.yaml": CONTROL,
    "policies/national.yaml": POLICY,
    "policies/departments/finance.yaml": OVERLAY,
    "inventories/health.yaml": HEALTH,
    "inventories/finance.yaml": FINANCE,
}
SHORT = {Path(name).name: name for name in FILES} | {"overlay.yaml": "policies/departments/finance.yaml"}
SHORT["finance.yaml"] = "inventories/finance.yaml"


@dataclass(frozen=True)
class Workspace:
    """Files in a folder of their own."""

    root: Path

    def write(self, name: str, content: str | bytes) -> None:
        path = self.root / SHORT.get(name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.root / SHORT.get(name, name)
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def load(self) -> LoadResult:
        return load_workspace(self.root)

    def mistakes(self) -> list[str]:
        return [str(mistake) for mistake in self.load().mistakes]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace that loads without a mistake."""
    made = Workspace(tmp_path)
    for name, content in FILES.items():
        made.write(name, content)
    return made
