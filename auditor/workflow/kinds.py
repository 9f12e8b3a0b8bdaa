"""What was decided of each asset, a byte a check: ten thousand hosts by three hundred checks are held while a run lasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from auditor.model import VerdictKind

_KINDS = tuple(VerdictKind)
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
_NOTHING: tuple[dict[str, int], bytes] = ({}, b"")
D = TypeVar("D")


class KindTable(Mapping[tuple[str, str], VerdictKind]):
    """The kind of every outcome, by asset and check. Assets with the same checks share the list of them."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[dict[str, int], bytes]] = {}
        self._places: dict[tuple[str, ...], dict[str, int]] = {}

    def put(self, asset: str, kinds: Mapping[str, VerdictKind]) -> None:
        """Take the kinds of an asset's outcomes, by check, in place of those that it had."""
        names = tuple(kinds)
        places = self._places.setdefault(names, {name: place for place, name in enumerate(names)})
        self._rows[asset] = (places, bytes(map(_NUMBERS.__getitem__, kinds.values())))

    def __getitem__(self, key: tuple[str, str]) -> VerdictKind:
        asset, check = key
        places, kinds = self._rows[asset]
        return _KINDS[kinds[places[check]]]

    def get(self, key: tuple[str, str], default: D | None = None) -> VerdictKind | D | None:  # type: ignore[override]
        """The same without an error: scores ask for each outcome there should be."""
        places, kinds = self._rows.get(key[0], _NOTHING)
        place = places.get(key[1])
        return default if place is None else _KINDS[kinds[place]]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((asset, check) for asset, (places, _kinds) in self._rows.items() for check in places)

    def __len__(self) -> int:
        return sum(len(places) for places, _kinds in self._rows.values())
