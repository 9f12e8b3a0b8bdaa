"""A fleet that answers over SSH without being there: what real hosts printed, given back by one server at thousands of addresses.

``python -m bench.replay FOLDER PORT`` serves until it is ended. The answers are the recorded outputs under tests/golden, put
together to ``IMAGES`` systems; each host is one of them with facts of its own (a user, host keys, a share of its disk), and what
differs each night by nature differs each night. FOLDER holds the host key, the login key and ``night``: which night it is, and
what share of the hosts has changed since the one before. All that comes in waits ``LATENCY``, so that each round trip does.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import json
import re
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import asyncssh

from bench.addresses import number_of

GOLDENS = Path(__file__).resolve().parent.parent / "tests" / "golden" / "facts"
IMAGES = 50
LATENCY = 0.05  # seconds
_MARKER = re.compile(r"^a_marker=([0-9a-f]+)$", re.MULTILINE)
_PROBE = re.compile(r"^# (.*)\na_probe_(\d+)\(\) \{\n((?:arg_\w+=.*\n)*)", re.MULTILINE)
_RUN = re.compile(r"^a_run (\d+) ", re.MULTILINE)


@functools.lru_cache
def recorded(fact: str, arguments: str) -> tuple[str, ...]:
    """What a probe printed, on each system of which there is a record with these arguments (``arg_name=value`` lines)."""
    same, others = [], []
    for path in sorted((GOLDENS / fact).glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        text = path.with_suffix(".txt").read_text(encoding="utf-8")
        fits = all(f"{value}" in arguments for value in told.get("args", {}).values())
        (same if fits else others).append(text)
    return tuple(same or others[:1])


class Answers:
    """What the hosts print for one script, whose marker is left out."""

    def __init__(self, script: str) -> None:
        probes = {int(m[2]): (m[1].partition("(")[0], m[3]) for m in _PROBE.finditer(script)}
        self._order = [int(m[1]) for m in _RUN.finditer(script)]
        self._facts = {n: fact for n, (fact, _args) in probes.items()}
        self._texts = {n: recorded(*probes[n]) for n in self._order}

    def of(self, host: int, night: int, changed: bool) -> list[tuple[int, str]]:
        """The outputs by probe, in the order of the script."""
        image = (host * 7919) % IMAGES + changed
        return [(n, self._own(n, host, night, changed, self._of_image(n, image))) for n in self._order]

    @functools.lru_cache(maxsize=20_000)  # noqa: B019 - there is one of these in the life of the server
    def _of_image(self, probe: int, image: int) -> str:
        texts = self._texts[probe]
        # systems with one record differ by an empty line, so that each is parsed and judged for itself
        return texts[image % len(texts)] + "\n" * (image // len(texts))

    def _own(self, probe: int, host: int, night: int, changed: bool, text: str) -> str:
        fact = self._facts[probe]
        if fact == "clock":
            return f"epoch={int(time.time())}\nend\n"
        if fact == "accounts" and "\npasswd:" in text:
            user = f"passwd:900:u{host}:x::{20_000 + host}:100:/home/u{host}:/bin/bash\n"
            shadow = f"shadow:u{host}:locked::{20_000 + night * changed}:0:99999:7::\n"
            return _before_end(text, user + shadow)
        if fact == "ssh_host_keys":
            key = base64.b64encode(hashlib.sha256(str(host).encode()).digest()).decode().rstrip("=")
            return re.sub(r"SHA256:\S+", f"SHA256:{key}", text)
        if fact == "disk_usage":
            return re.sub(r"(?m)^(bytes \S+ +\d+) \d+ (\d+)", rf"\1 {30_000_000 + host * 10 + night} \2", text)
        if fact == "user_files":
            return _before_end(text, f"600|u{host}|/home/u{host}/.profile\n")
        return text


def _before_end(text: str, lines: str) -> str:
    head, found, tail = text.rpartition("end\n")
    return f"{head}{lines}{found}{tail}" if found else text


class Fleet:
    """Hosts by their addresses, and scripts by their contents."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Answers] = {}

    async def handle(self, process: asyncssh.SSHServerProcess[str]) -> None:
        """One session: take the script, answer it."""
        script = await process.stdin.read()
        found = _MARKER.search(script)
        if found is None:
            process.exit(2)
            return
        marker, body = found[1], script[: found.start()] + script[found.end() :]
        answers = self._known.get(body)
        if answers is None:
            answers = self._known[body] = Answers(body)
        night, share = json.loads((self._folder / "night").read_text())
        host = number_of(process.get_extra_info("sockname")[0])
        # the same hosts keep their change on later nights of the same share
        changed = share > 0 and host % round(1 / share) == 0
        parts, last = [], ""
        for probe, text in answers.of(host, night, changed):
            parts.append(f"{last}\n{marker} b {probe}\n{text}")
            last = f"{marker} s {probe} 0\n\n{marker} e {probe}\n"
        parts.append(f"{last}\n{marker} z\n")
        process.stdout.write("".join(parts))
        process.stderr.write(f"\n{marker} z\n")
        process.exit(0)


class Login(asyncssh.SSHServer):
    """Whoever has the key is let in; asyncssh holds it against ``authorized_client_keys``."""

    def begin_auth(self, username: str) -> bool:
        """Keys are asked for."""
        del username
        return True


class Delayed(asyncssh.SSHServerConnection):
    """A connection whose bytes come in late, in their order."""

    def data_received(self, data: bytes, datatype: Any = None) -> None:
        """Take bytes after a while."""
        del datatype
        waiting: deque[bytes] = self.__dict__.setdefault("_bench_waiting", deque())
        waiting.append(data)
        asyncio.get_running_loop().call_later(LATENCY, self._late, waiting)

    def _late(self, waiting: deque[bytes]) -> None:
        super().data_received(waiting.popleft())


async def serve(folder: Path, port: int) -> None:
    """Serve until cancelled."""
    asyncssh.connection.SSHServerConnection = Delayed  # type: ignore[misc]  # asyncssh has no other way to name the class
    server = await asyncssh.listen(
        "0.0.0.0",
        port,
        server_factory=Login,
        server_host_keys=[str(folder / "host")],
        authorized_client_keys=str(folder / "login.pub"),
        process_factory=Fleet(folder).handle,
        encryption_algs=["aes128-ctr", "aes128-gcm@openssh.com"],
        compression_algs=["none"],
        backlog=1000,
        login_timeout=120,
    )
    print("ready", flush=True)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
