"""Runs nmap through python-nmap so that it can be stopped, keeping what it had finished.

``PortScanner.scan`` blocks until nmap ends and, at its own time limit, throws away what was seen. It therefore runs in a
thread of its own; to stop it nmap is told to terminate, upon which it writes out what it has and ``scan`` returns.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nmap

from auditor.errors import CollectionError

_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class NmapOutput:
    """What one run of nmap wrote. ``stopped`` when we ended it; ``error`` is what nmap complained of, "" when nothing."""

    xml: str
    stopped: bool
    error: str
    seconds: float


def run_nmap(arguments: Sequence[str], *, seconds: float, cancelled: Callable[[], bool]) -> NmapOutput:
    """Run nmap for at most ``seconds``. Raises CollectionError when it is not installed or does not start."""
    started = time.monotonic()
    worker = _Worker(_scanner(), arguments)
    worker.start()
    stopped = False
    try:
        while worker.is_alive():
            worker.join(0.1)
            if not stopped and (cancelled() or time.monotonic() - started > seconds):
                stopped = True
                worker.stop()
    finally:
        worker.stop()
    return NmapOutput(worker.xml(), stopped, worker.error, time.monotonic() - started)


def _scanner() -> Any:
    try:
        return nmap.PortScanner()
    except nmap.PortScannerError as error:
        raise CollectionError(
            "nmap was not found on the PATH: install it (apt install nmap, or dnf install nmap); network checks need it"
        ) from error


class _Worker(threading.Thread):
    """One call of ``PortScanner.scan``."""

    def __init__(self, scanner: Any, arguments: Sequence[str]) -> None:
        super().__init__(name="nmap", daemon=True)
        self.error = ""
        self._scanner = scanner
        self._arguments = shlex.join(arguments)

    def run(self) -> None:
        try:
            self._scanner.scan(hosts="", arguments=self._arguments)
        except nmap.PortScannerError as error:
            self.error = _words(error.value)
        except Exception as error:
            # python-nmap's own reading of the output fails in many ways on output that is cut; ours is in nmap_xml
            self.error = f"{type(error).__name__}: {error}"

    def xml(self) -> str:
        """The raw XML; before nmap has ended python-nmap still holds another program's text, which is not bytes."""
        output = self._scanner.get_nmap_last_output()
        return output.decode("utf-8", "replace") if isinstance(output, bytes) else ""

    def stop(self) -> None:
        """Tell nmap to end, and make it end if it does not."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_alive():
                return
            for child in self._children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, number)
            self.join(_GRACE)

    def _children(self) -> list[int]:
        """The processes that this thread started: nmap, and nothing else."""
        with contextlib.suppress(OSError):
            return [int(pid) for pid in Path(f"/proc/self/task/{self.native_id}/children").read_text().split()]
        return []


def _words(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "" if text.lstrip().startswith("<?xml") else text.strip()
