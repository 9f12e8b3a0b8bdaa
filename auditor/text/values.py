"""What was observed or is expected, as people read it: the ledger keeps the beginning of a long list, and how much follows."""

from __future__ import annotations

import json
from collections.abc import Iterator

from auditor.model import Json
from auditor.text.bidi import safe
from auditor.text.catalogue import _
from auditor.text.figures import number

_CUT = "…"


def shown(value: Json) -> str:
    """A value on one line, "" where there is none, with whatever steers or hides made visible."""
    if value is None:
        return ""
    if isinstance(value, dict) and set(value) == {"first", "more"} and isinstance(value["first"], list):
        more = value["more"]
        told = _("{items} … and {n} more")
        return told.format(items=_listed(value["first"]), n=number(more) if isinstance(more, int) else more)
    if isinstance(value, list) and all(isinstance(v, str | int) for v in value):
        return _listed(value)
    if not isinstance(value, str):
        return safe(json.dumps(value, ensure_ascii=False))
    # As earlier auditors kept a long list: its text, cut anywhere.
    if value.startswith("[") and value.endswith(_CUT) and (items := list(_whole(value[1:]))):
        return _("{items} … and more").format(items=_listed(items))
    return safe(value)


def _listed(items: list[Json]) -> str:
    return safe(", ".join(v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in items))


def _whole(text: str) -> Iterator[Json]:
    """The items of a list's text that are whole."""
    decoder, place = json.JSONDecoder(), 0
    while True:
        try:
            item, place = decoder.raw_decode(text, place)
        except ValueError:
            return
        if text[place : place + 1] != ",":  # a number may have been cut within
            return
        yield item
        place += 1
