"""The whole family of facts as one explicit tuple; a test compares it with the folder."""

from __future__ import annotations

from auditor.facts import live_hosts, network_services, open_ports, ssh_algorithms, sshd, tls
from auditor.facts.interface import Fact

FACTS: tuple[Fact, ...] = (
    live_hosts.FACT,
    network_services.FACT,
    open_ports.FACT,
    ssh_algorithms.FACT,
    sshd.FACT,
    tls.FACT,
)

_BY_NAME = {fact.name: fact for fact in FACTS}


def by_name(name: str) -> Fact | None:
    """The fact of that name, or None."""
    return _BY_NAME.get(name)
