"""A network of a measurement's own: two namespaces and one wire, the auditor at one end and live addresses at the other."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network


@contextlib.contextmanager
def wired(name: str, ends: tuple[str, str], network: IPv4Network, live: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The namespaces of the auditor and of the live addresses of ``network``; they go whatever happens. Needs root.

    ``ends`` are the addresses of the wire's two ends, the auditor's first.
    """
    outside, inside = spaces = (f"{name}{os.getpid()}a", f"{name}{os.getpid()}b")
    near, far = ends
    with contextlib.ExitStack() as stack:
        for space in spaces:
            _ip("netns", "add", space)
            stack.callback(_ip, "netns", "delete", space)
        _ip("-n", outside, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", inside)
        addresses = [f"address add {address}/32 dev wire" for address in live]
        for space, own, routes in (
            (outside, [f"address add {near}/30 dev wire"], [f"route add {network} via {far}"]),
            (inside, [f"address add {far}/30 dev wire", *addresses], []),
        ):
            words = ["link set lo up", *own, "link set wire up", *routes]
            subprocess.run(["ip", "-n", space, "-batch", "-"], input="\n".join(words) + "\n", text=True, check=True)
        yield spaces


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
