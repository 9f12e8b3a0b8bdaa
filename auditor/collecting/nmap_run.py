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

import nmap

from auditor.errors import CollectionError

_GRACE = 5.0
_NICER, _NICEST = 10, 19


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
            worker.give_way()
            if not stopped and (cancelled() or time.monotonic() - started > seconds):
                stopped = True
                worker.stop()
    finally:
        worker.stop()
    return NmapOutput(worker.xml(), stopped, worker.error, time.monotonic() - started)


class _Scanner(nmap.PortScanner):  # type: ignore[misc]
    """Leaves nmap's output as it came: nobody would look at what python-nmap makes of it, dictionaries by way of its own tree."""

    def analyse_nmap_xml_scan(self, nmap_xml_output: bytes, nmap_err: str, **_kept: object) -> None:
        """Called by ``scan`` when nmap has ended."""
        self._nmap_last_output = nmap_xml_output
        if nmap_err:
            raise nmap.PortScannerError(nmap_err)


def _scanner() -> _Scanner:
    try:
        return _Scanner()
    except nmap.PortScannerError as error:
        raise CollectionError(
            "nmap was not found on the PATH: install it (apt install nmap, or dnf install nmap); network checks need it"
        ) from error


class _Worker(threading.Thread):
    """One call of ``PortScanner.scan``."""

    def __init__(self, scanner: _Scanner, arguments: Sequence[str]) -> None:
        super().__init__(name="nmap", daemon=True)
        self.error = ""
        self._scanner = scanner
        self._arguments = shlex.join(arguments)

    def run(self) -> None:
        try:
            self._scanner.scan(hosts="", arguments=self._arguments)
        except nmap.PortScannerError as error:
            self.error = str(error.value).strip()
        except Exception as error:
            # what nmap complains of need not be text; the output is read by nmap_xml, whatever became of that
            self.error = f"{type(error).__name__}: {error}"

    def xml(self) -> str:
        """The raw XML; before nmap has ended python-nmap still holds another program's text, which is not bytes."""
        output = self._scanner.get_nmap_last_output()
        return output.decode("utf-8", "replace") if isinstance(output, bytes) else ""

    def give_way(self) -> None:
        """Have nmap take what processor others leave: answers wait for it in the kernel, and a night waits for its verdicts."""
        niceness = min(os.getpriority(os.PRIO_PROCESS, 0) + _NICER, _NICEST)
        for child in self._children():
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, child, niceness)

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
