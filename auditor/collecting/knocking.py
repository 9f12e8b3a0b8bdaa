"""Whether something answers at an address, without a word said to it."""

from __future__ import annotations

import socket


def knock(host: str, port: int, seconds: float) -> str:
    """Connect and close again; "" when it answers, else why not."""
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that cannot be one
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ""
