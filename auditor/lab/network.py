"""The lab's addresses and its bridge, which leads to this machine and nowhere else."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import LabError
from auditor.lab.machine import PATH, run
from auditor.text import _

SPACE = "10.203.0.0/16"
_ALIAS = "auditor-lab "


@dataclass(frozen=True, slots=True)
class Network:
    """A lab's share of the address space: four /24 nets. The first is the one behind the jump host."""

    slot: int
    base: str

    @property
    def bridge(self) -> str:
        """The bridge's name, which also reserves the slot."""
        return f"alab{self.slot}"

    def card(self, index: int) -> str:
        """This machine's end of a host's network card."""
        return f"alab{self.slot}h{index}"

    @property
    def auditor(self) -> str:
        """This machine's own address: in none of the departments' networks, where it would be a host that no inventory lists."""
        return self.address(0, 254)

    def address(self, subnet: int, number: int) -> str:
        """An address of the lab."""
        return str(ipaddress.ip_address(self.base) + 256 * subnet + number)

    def net(self, subnet: int) -> str:
        """A subnet in CIDR form."""
        return f"{self.address(subnet, 0)}/24"

    def servers(self, subnet: int) -> str:
        """The part of a subnet where hosts stand, which inventories list: small, so that looking through it takes seconds."""
        return f"{self.address(subnet, 0)}/27"


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Two labs that start at once must not take the same slot; a lock on a folder leaves no file behind."""
    folder = os.open("/run", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def reserve(state: Path, space: str) -> Network:
    """Make the lab's bridge on the first free share of ``space``; LabError when there is none."""
    whole = ipaddress.ip_network(space)
    if whole.version != 4 or whole.prefixlen > 22 or not whole.is_private:
        raise LabError(_("the lab's network {network} must be private IPv4 space of at least a /22").format(network=space))
    with _only_one():
        links = _bridges()
        taken = _routes()
        for slot, share in enumerate(whole.subnets(new_prefix=22)):
            net = Network(slot, str(share.network_address))
            if net.bridge in links and not links[net.bridge]:
                run("ip", "link", "del", net.bridge)  # its maker was killed before it put its name on it
            elif net.bridge in links:
                continue
            if not any(share.overlaps(route) for route in taken):
                run("ip", "-batch", "-", stdin=_bridge_batch(net, state))
                return net
    message = _("every part of {network} overlaps a route of this machine; give the lab another private network")
    raise LabError(message.format(network=space))


def _bridge_batch(net: Network, state: Path) -> str:
    lines = [f"link add {net.bridge} type bridge", f'link set {net.bridge} alias "{_ALIAS}{state}"']
    lines += [f"link set {net.bridge} addrgenmode none up"]
    lines += [f"addr add {net.auditor}/32 dev {net.bridge}"]
    lines += [f"route add {net.net(subnet)} dev {net.bridge} src {net.auditor}" for subnet in (1, 2, 3)]
    return "\n".join(lines) + "\n"


def _bridges() -> dict[str, str]:
    """Every lab's bridge and the state folder that it belongs to ("" when its maker did not come so far)."""
    found = json.loads(run("ip", "-json", "link", "show", "type", "bridge").stdout or "[]")
    return {
        link["ifname"]: str(link.get("ifalias", "")).removeprefix(_ALIAS)
        for link in found
        if link["ifname"].startswith("alab") and link["ifname"][4:].isdigit()
    }


def _routes() -> list[ipaddress.IPv4Network]:
    found = json.loads(run("ip", "-4", "-json", "route", "show", "table", "all").stdout or "[]")
    targets = (str(route.get("dst", "default")) for route in found)
    return [ipaddress.IPv4Network(target, strict=False) for target in targets if target != "default"]


def exists(net: Network, state: Path) -> bool:
    """Whether the lab's bridge stands."""
    return _bridges().get(net.bridge) == str(state)


def connect(net: Network, pids: dict[int, int]) -> None:
    """Give each host (index → process id) a network card on the bridge. Hosts reach this machine, not one another."""
    lines = []
    for index, pid in pids.items():
        card = net.card(index)
        lines += [f"link add {card} type veth peer name eth0 netns {pid}", f"link set {card} addrgenmode none"]
        lines += [f"link set {card} master {net.bridge} up", f"link set {card} type bridge_slave isolated on"]
    run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")


def connect_inner(pid: int, jump: int) -> None:
    """Lay the one cable of the network behind the jump host."""
    run(
        "nsenter",
        "-t",
        str(jump),
        "-n",
        "ip",
        "link",
        "add",
        "eth1",
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        f"/proc/{pid}/ns/net",
    )


def release(state: Path) -> None:
    """Remove the bridge and the cards of the lab in ``state``."""
    if shutil.which("ip", path=PATH) is None:  # then no lab was ever up here
        return
    with _only_one():
        for bridge, owner in _bridges().items():
            if owner != str(state):
                continue
            ports = json.loads(run("ip", "-json", "link", "show", "master", bridge).stdout or "[]")
            for port in ports:
                run("ip", "link", "del", port["ifname"], check=False)  # a card goes with its namespace, perhaps right now
            run("ip", "link", "del", bridge)
