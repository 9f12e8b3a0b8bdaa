"""Network namespaces of a test's own, each joined to this one by a wire."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

WIRE = "wire"  # what the end inside is called
_NUMBERS = itertools.count()


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=30)


def inside(space: str, *words: str) -> list[str]:
    """The command line that runs the words in the namespace."""
    return ["ip", "netns", "exec", space, *words]


@contextmanager
def space(near: str, *far: str) -> Iterator[tuple[str, str]]:
    """A namespace that has the addresses ``far``, and the name of the wire's end out here, which has the address ``near``."""
    number = f"{os.getpid()}n{next(_NUMBERS)}"
    name, outer = f"aud{number}", f"ao{number}"
    with ExitStack() as stack:
        run("ip", "netns", "add", name)
        stack.callback(run, "ip", "netns", "delete", name)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", WIRE, "netns", name)
        run("ip", "address", "add", near, "dev", outer)
        run("ip", "link", "set", outer, "up")
        lines = [*(f"address add {address} dev {WIRE}" for address in far), f"link set {WIRE} up", "link set lo up"]
        subprocess.run(["ip", "-n", name, "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True, timeout=30)
        yield name, outer
