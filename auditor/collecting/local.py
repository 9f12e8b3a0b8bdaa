"""Audits this machine without SSH, through the same script and the same framing; never in the name of another."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time

from auditor.collecting.interface import STOPPED, Flag, not_reached, utcnow
from auditor.collecting.places import is_this_machine
from auditor.collecting.script import Lookup
from auditor.collecting.session import Session
from auditor.facts import by_name
from auditor.model import AssetPlan, AssetResult, Reach, Settings

_TICK = 0.25  # seconds between looks at the cancel flag
_CHUNK = 65_536


class LocalTransport:
    """Runs the script in a shell of this machine."""

    def __init__(self, settings: Settings, *, cancelled: Flag | None = None, lookup: Lookup = by_name) -> None:
        self._settings = settings
        self._cancelled = cancelled or threading.Event()
        self._lookup = lookup

    def collect(self, plan: AssetPlan) -> AssetResult:
        """Observe this machine; see ``Transport``."""
        started = utcnow()
        limit = plan.asset.connection.host_timeout or self._settings.host_timeout
        session = Session(plan, limit, self._lookup)
        if not is_this_machine(plan.asset.address):
            # what this machine says would be recorded as that host's
            why = (
                f"The inventory says connection: local, but {plan.asset.address} is not known as an address of this machine: "
                "correct one of them."
            )
            return not_reached(plan, session.calls, Reach.UNREACHABLE, started, why)
        try:
            process = subprocess.Popen(  # the script comes through stdin
                ["/bin/sh"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                start_new_session=True,
            )
        except OSError as error:
            return not_reached(plan, session.calls, Reach.NO_SHELL, started, f"The local shell does not start: {error.strerror}.")
        deadline = time.monotonic() + limit
        try:
            with process:
                try:
                    self._exchange(process, session, deadline)
                finally:
                    _end(process)
        except OSError as error:
            detail = f"The local shell broke off: {error.strerror}."
        else:
            detail = ""
        timed_out = not session.finished and time.monotonic() >= deadline
        if timed_out:
            detail = f"The whole audit of this machine took longer than {limit:g} s."
        elif self._cancelled.is_set() and not session.finished:
            detail = STOPPED
        reach = Reach.TIMED_OUT if timed_out else Reach.REACHED
        return AssetResult(plan.asset.uid, reach, session.observations(timed_out), started, utcnow(), detail)

    def close(self) -> None:
        """Nothing is shared."""

    def _exchange(self, process: subprocess.Popen[bytes], session: Session, deadline: float) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise OSError("no pipes")
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, session.stdout)
            selector.register(process.stderr, selectors.EVENT_READ, session.stderr)
            # a pipe holds less than a long script: write as it is read
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
            unsent = memoryview(session.script)
            while selector.get_map() and not (session.finished or session.flooded or self._cancelled.is_set()):
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    return
                for key, _ in selector.select(min(remaining, _TICK)):
                    if key.fileobj is process.stdin:
                        unsent = unsent[os.write(key.fd, unsent[:_CHUNK]) :]
                        if not unsent:
                            selector.unregister(process.stdin)
                            process.stdin.close()
                        continue
                    data = os.read(key.fd, _CHUNK)
                    if data:
                        key.data(data)
                    else:
                        selector.unregister(key.fileobj)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the shell and all that it started; it leads a session of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
