"""A run's summary as its row holds it: what most nights repeat is a blob of its own, and the row names it by hash.

Those are the account of each department, and the list of what was not reached. Rows of before hold them whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from auditor.ledger.canonical import dumps
from auditor.model import Json

_DEPARTMENTS, _MISSED = "departments", "not_reached"
_NAMED = "_sha256"


def taken_apart(summary: dict[str, Json], put: Callable[[str], str]) -> str:
    """The text of the row. ``put`` keeps a text and gives the hash that names it."""
    told: dict[str, Any] = dict(summary)
    if isinstance(departments := told.get(_DEPARTMENTS), list):
        told[_DEPARTMENTS + _NAMED] = [put(dumps(part)) for part in departments]
        del told[_DEPARTMENTS]
    if told.get(_MISSED):
        told[_MISSED + _NAMED] = put(dumps(told.pop(_MISSED)))
    return dumps(told)


def put_together(written: str, text: Callable[[bytes], str]) -> dict[str, Json]:
    """The summary of a row's text."""
    told: dict[str, Any] = json.loads(written)
    if (names := told.pop(_DEPARTMENTS + _NAMED, None)) is not None:
        told[_DEPARTMENTS] = [json.loads(text(bytes.fromhex(name))) for name in names]
    if (name := told.pop(_MISSED + _NAMED, None)) is not None:
        told[_MISSED] = json.loads(text(bytes.fromhex(name)))
    return told


def figures(written: str) -> dict[str, Json]:
    """The summary of a row's text without what is, or could be, kept apart from it."""
    apart = {part + end for part in (_DEPARTMENTS, _MISSED) for end in ("", _NAMED)}
    return {name: value for name, value in json.loads(written).items() if name not in apart}


def indices(written: str, text: Callable[[bytes], str], known: dict[str, tuple[str, Json]]) -> dict[str, Json]:
    """The index of each department in a row's text. ``known`` keeps what was read, by hash: most nights repeat it."""
    told = json.loads(written)
    if (names := told.get(_DEPARTMENTS + _NAMED)) is None:
        return {str(part["id"]): part.get("index") for part in told.get(_DEPARTMENTS, ())}
    for name in names:
        if name not in known:
            part = json.loads(text(bytes.fromhex(name)))
            known[name] = str(part["id"]), part.get("index")
    return dict(known[name] for name in names)


def references(written: str) -> Iterator[bytes]:
    """The hashes that a row's text names."""
    told = json.loads(written)
    for name in (*told.get(_DEPARTMENTS + _NAMED, ()), *filter(None, [told.get(_MISSED + _NAMED)])):
        yield bytes.fromhex(name)
