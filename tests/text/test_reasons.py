"""The system's own words are told in the reader's language."""

from __future__ import annotations

import errno
import os

from auditor.text.reasons import REASONS, reason_of


def test_the_words_are_those_of_the_system() -> None:
    """A word spelt otherwise would never be found in the catalogue."""
    assert set(REASONS) <= {os.strerror(number) for number in errno.errorcode}
    assert reason_of(PermissionError(errno.EACCES, os.strerror(errno.EACCES))) == "Permission denied"
    assert reason_of(OSError("nothing to open")) == "nothing to open"
