"""What every SSH server of a host offers to anyone who connects, before any login."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from auditor.errors import ParseError
from auditor.facts._nmap_output import as_items, closed_ports, identified, number, open_ports, script, table, texts
from auditor.facts.interface import Arguments, Fact, NetworkProbe
from auditor.facts.shape import INT, STR, ListOf, record
from auditor.model import Json, Text

_USUAL = 22  # what answers there and hangs up at once is a server too busy to talk, or one that shuns the auditor
_LISTS = {
    "kex": "kex_algorithms",
    "host_keys": "server_host_key_algorithms",
    "ciphers": "encryption_algorithms",
    "macs": "mac_algorithms",
}


def parse(output: str, _args: Arguments) -> Json:
    """A host's slice of nmap's XML: for each SSH port the algorithms offered.

    A port that is known or usual for SSH and showed no algorithms leaves the question open: ParseError.
    """
    servers: list[Json] = []
    for port in open_ports(output):
        said = script(port, "ssh2-enum-algos")
        service = port.find("service")
        if said is None:
            looks = service is not None and service.get("name") == "ssh"
            if looks or (number(port) == _USUAL and not identified(service)):
                raise ParseError(f"port {number(port)} looks like SSH and did not show its algorithms")
            continue
        server: dict[str, Json] = {"port": number(port)}
        for field, key in _LISTS.items():
            server[field] = _offered(said, key)
        if not server["kex"] or not server["host_keys"]:
            raise ParseError(f"port {number(port)} did not show its algorithms whole")
        servers.append(server)
    return servers


def proven(output: str, _args: Arguments) -> list[Json]:
    """Ports that showed algorithms, those that said they are something else, and those that refused."""
    told = [p for p in open_ports(output) if script(p, "ssh2-enum-algos") is not None or identified(p.find("service"))]
    return as_items(told) + closed_ports(output)


def _offered(said: Element, key: str) -> list[Json]:
    """A list, or both directions' lists where nmap found that they differ."""
    names: dict[str, None] = {}
    for name in (key, f"{key}_client_to_server", f"{key}_server_to_client"):
        names.update((str(text), None) for text in texts(table(said, name)))
    return list(names)


FACT = Fact(
    name="ssh_algorithms",
    title=Text(en="Algorithms that SSH servers offer to the network", ar="الخوارزميات التي تعرضها خوادم SSH على الشبكة"),
    shape=ListOf(
        record(port=INT, kex=ListOf(STR), host_keys=ListOf(STR), ciphers=ListOf(STR), macs=ListOf(STR)),
    ),
    parse=parse,
    example=[
        {
            "port": 22,
            "kex": ["curve25519-sha256"],
            "host_keys": ["ssh-ed25519"],
            "ciphers": ["aes256-gcm@openssh.com"],
            "macs": ["hmac-sha2-512-etm@openssh.com"],
        }
    ],
    network=NetworkProbe(what="scripts", scripts=("ssh2-enum-algos",), service_detection=True),
    version=2,
    proven=proven,
)
