"""A plan becomes observations: SSH, local, network and replay. The only door to paramiko and nmap."""

import auditor.collecting._paramiko  # noqa: F401  # before all that imports paramiko
from auditor.collecting.dispatch import collect_asset, collect_plan
from auditor.collecting.interface import CLOSED, CUT, STOPPED, Transport, Window, ticks
from auditor.collecting.knocking import knock, knock_at_hop
from auditor.collecting.known_hosts import HostKey, KeyState, import_known_hosts, key_state, trust
from auditor.collecting.known_hosts import load as load_known_hosts
from auditor.collecting.local import LocalTransport
from auditor.collecting.replay import ReplayTransport, replay_plan
from auditor.collecting.script import build_script, sudoers_for
from auditor.collecting.ssh import SshTransport
from auditor.collecting.trusting import fetch_host_keys, recorded_names, state_of
from auditor.collecting.turns import AS_LISTED, Precedence

__all__ = [
    "AS_LISTED",
    "CLOSED",
    "CUT",
    "STOPPED",
    "HostKey",
    "KeyState",
    "LocalTransport",
    "Precedence",
    "ReplayTransport",
    "SshTransport",
    "Transport",
    "Window",
    "build_script",
    "collect_asset",
    "collect_plan",
    "fetch_host_keys",
    "import_known_hosts",
    "key_state",
    "knock",
    "knock_at_hop",
    "load_known_hosts",
    "recorded_names",
    "replay_plan",
    "state_of",
    "sudoers_for",
    "ticks",
    "trust",
]
