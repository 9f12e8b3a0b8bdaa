"""paramiko without invoke, which it loads for ``Match exec`` in a person's SSH configuration alone.

With invoke come asyncio, unittest and a YAML library of its own, a tenth of the time before every audit; and its commands read
the auditor's standard input, and may take for ever. What paramiko asks of it is done here. The package imports this first.
"""

from __future__ import annotations

import os
import signal
import subprocess
from types import SimpleNamespace

from auditor.errors import UnreachableError
from auditor.imports import without

with without("invoke", "paramiko"):
    import paramiko.config

_SECONDS = 10


def _run(command: str, **_options: object) -> SimpleNamespace:
    """Whether a command of the configuration succeeds (``ok``), by the shell that OpenSSH runs it by. Raises UnreachableError."""
    shell = os.environ.get("SHELL") or "/bin/sh"
    nothing = subprocess.DEVNULL
    try:
        asked = subprocess.Popen([shell, "-c", command], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
    except OSError as error:
        raise UnreachableError(
            f"The SSH configuration asks for a command, but {shell} cannot be run: {error.strerror}."
        ) from None
    try:
        return SimpleNamespace(ok=asked.wait(_SECONDS) == 0)
    except subprocess.TimeoutExpired:
        os.killpg(asked.pid, signal.SIGKILL)  # with all that it started
        asked.wait()
        told = f"The SSH configuration asks for the command {command!r}, which did not end within {_SECONDS} seconds."
        raise UnreachableError(told) from None


paramiko.config.invoke = SimpleNamespace(run=_run)  # type: ignore[attr-defined]  # the types leave it out
