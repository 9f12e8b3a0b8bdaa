"""A workspace for auditing the lab: settings, inventories, the key and the host keys that are trusted."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path
from typing import Any

import yaml

from auditor.lab.build import Layout
from auditor.lab.fleet import Fleet
from auditor.lab.spec import DEPARTMENTS, DepartmentSpec, HostSpec, Trust
from auditor.loading.stock import stock_root
from auditor.text import current

_KEY = "keys/lab"
_DEFAULTS = {
    "user": "auditor",
    "port": 22,
    "key": _KEY,
    "agent": False,
    "sudo": True,
    "connect_timeout": 3,
    "login_timeout": 8,
    "host_timeout": 40,
}

_SETTINGS = """\
[auditor]
language = "{language}"

[paths]
known_hosts = "known_hosts"

[policy]
of_record = "national-2026"

# Whoever started the lab may try every role; in earnest nobody has all of them.
[people.{user}]
name = {{en = "Visitor", ar = "الزائر"}}
roles = ["officer", "committee", "operator"]
department = "health"
ministry = "Interior"
"""


def _visitor() -> str:
    """The person behind sudo, or who runs this."""
    uid = os.environ.get("SUDO_UID", "")
    return pwd.getpwuid(int(uid) if uid.isdecimal() else os.getuid()).pw_name


def write_workspace(fleet: Fleet, root: Path) -> None:
    """Make ``root`` a workspace in which ``auditor audit`` audits the fleet.

    Addresses and keys are written anew each time; settings, policies and checks that are there are somebody's work and stay.
    """
    (root / "inventories").mkdir(parents=True, exist_ok=True)
    (root / "keys").mkdir(mode=0o700, exist_ok=True)
    key = root / _KEY
    key.unlink(missing_ok=True)
    shutil.copy2(fleet.key, key)
    key.chmod(0o600)
    for name in ("policies", "checks"):
        if not (root / name).exists():
            shutil.copytree(stock_root() / name, root / name)
    settings = root / "auditor.toml"
    if not settings.exists():
        settings.write_text(_SETTINGS.format(user=_visitor(), language=current()), encoding="utf-8")
    (root / "known_hosts").write_text(known_hosts(fleet), encoding="utf-8")
    for department in DEPARTMENTS:
        text = yaml.safe_dump(
            inventory(fleet, department), allow_unicode=True, sort_keys=False, width=160, default_flow_style=None
        )
        (root / "inventories" / f"{department.id}.yaml").write_text(text, encoding="utf-8")


def known_hosts(fleet: Fleet) -> str:
    """The hosts' keys by address, in OpenSSH's format; a stranger's for the host whose key changed."""
    stranger = " ".join((Layout(fleet.state).keys / "stranger.pub").read_text(encoding="utf-8").split()[:2])
    lines = [
        f"{fleet.address(spec.uid)} {stranger if spec.trust is Trust.CHANGED else fleet.host_key(spec.uid)}\n"
        for spec in fleet.specs
        if spec.trust is not Trust.UNLISTED
    ]
    return "".join(lines)


def inventory(fleet: Fleet, department: DepartmentSpec) -> dict[str, Any]:
    """One department's inventory, as its file holds it."""
    listed = [s for s in fleet.specs if s.department == department.id and s.trust is not Trust.UNLISTED]
    network = {"uid": f"{department.id}-net-1", "name": "servers", "address": fleet.net.servers(department.subnet)}
    return {
        "department": department.id,
        "title": {"en": department.title_en, "ar": department.title_ar},
        "timezone": "Asia/Riyadh",
        "defaults": dict(_DEFAULTS),
        "hosts": [_host(fleet, spec) for spec in listed],
        "networks": [network],
    }


def _host(fleet: Fleet, spec: HostSpec) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "uid": spec.uid,
        "name": spec.name,
        "address": fleet.address(spec.uid),
        "platform": "linux",
        "role": spec.role,
        "zone": spec.zone,
        "criticality": spec.criticality,
        "tags": list(spec.tags),
        "ports": list(spec.ports),
        "connection": "ssh",
    }
    if spec.jump:
        entry["jump"] = [f"auditor@{fleet.address(spec.jump)}:22"]
    if spec.host_timeout:
        entry["host_timeout"] = spec.host_timeout
    return entry
