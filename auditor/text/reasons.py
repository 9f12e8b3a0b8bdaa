"""Why the operating system refused something, in the reader's language: its own words are English."""

from __future__ import annotations

from auditor.text.catalogue import N_, _

REASONS = (
    N_("No such file or directory"),
    N_("Permission denied"),
    N_("Operation not permitted"),
    N_("File exists"),
    N_("Not a directory"),
    N_("Is a directory"),
    N_("Directory not empty"),
    N_("No space left on device"),
    N_("Disk quota exceeded"),
    N_("Read-only file system"),
    N_("Input/output error"),
    N_("Too many levels of symbolic links"),
    N_("File name too long"),
    N_("Too many open files"),
    N_("Too many open files in system"),
    N_("Invalid cross-device link"),
    N_("Text file busy"),
    N_("Device or resource busy"),
    N_("File too large"),
    N_("Cannot allocate memory"),
)
"""Those that files and folders bring about, as the system says them. What is not here is told in its words."""


def reason_of(error: OSError) -> str:
    """Why it failed, in a few words."""
    return _(error.strerror) if error.strerror else str(error)
