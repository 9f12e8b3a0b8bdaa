"""One way to write a value as bytes, so that the same value always has the same hash."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from auditor.model.codec import to_json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def dumps(value: Any) -> str:
    """JSON with sorted keys and nothing but ASCII, so that any text, even a lone surrogate, can be written and hashed."""
    return json.dumps(to_json(value), sort_keys=True, separators=(",", ":"))


def sha256(content: bytes) -> bytes:
    """The digest that blobs are addressed by."""
    return hashlib.sha256(content).digest()


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970, exact. Raises TypeError for an instant without a zone."""
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)
