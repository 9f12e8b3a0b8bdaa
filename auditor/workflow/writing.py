"""Files for people and programs beside the ledger, written whole; apart from reports, whose writers a night needs none of."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from auditor.errors import UsageError
from auditor.text import _


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; raises ``UsageError`` where it cannot be."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # where the folder is a file, there is no part, and looking for it fails too
            part.unlink(missing_ok=True)
        raise UsageError(_("{path} cannot be written: {reason}").format(path=path, reason=error.strerror or error)) from error
