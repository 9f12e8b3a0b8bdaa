"""Content kept once and addressed by its SHA-256: raw outputs, manifests, plans, inputs, outcomes."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from typing import Any

from auditor.errors import IntegrityError
from auditor.ledger.canonical import sha256
from auditor.ledger.compression import compressed
from auditor.ledger.edge import decoding
from auditor.ledger.store import Store
from auditor.text import _

_SHORT = 10_000  # bytes that are packed sooner than they are looked for
_PUT = "INSERT INTO blobs (sha256, packed, data) VALUES (?, ?, ?) ON CONFLICT (sha256) DO NOTHING RETURNING id"
_REMEMBERED = 20_000  # the blobs of a night repeat from host to host; their ids are small
_CHARACTERS = 16_000_000  # of texts read back


class Blobs:
    """Puts and gets blobs; what comes out is held against its hash, so that altered evidence is never judged."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids: OrderedDict[bytes, int] = OrderedDict()
        self._texts: OrderedDict[bytes, str] = OrderedDict()
        self._characters = 0
        store.on_rollback.append(self._ids.clear)

    def put(self, content: bytes) -> int:
        """The id of the blob, stored now if it was not yet. Call it inside a write transaction."""
        digest = sha256(content)
        known = self._ids.get(digest)
        if known is not None:
            return known
        blob = self._kept(digest, content)
        self._ids[digest] = blob
        if len(self._ids) > _REMEMBERED:
            self._ids.popitem(last=False)
        return blob

    def put_text(self, digest: bytes, text: str) -> int:
        """The same for a text whose SHA-256 is known."""
        known = self._ids.get(digest)
        return self.put(text.encode("utf-8", "surrogatepass")) if known is None else known

    def get(self, blob: int) -> bytes:
        """The content of the blob of that id."""
        return self._content(
            self._store.one("SELECT sha256, packed, data FROM blobs WHERE id = ?", (blob,)), _("blob {name}").format(name=blob)
        )

    def find(self, digest: bytes) -> bytes:
        """The content whose SHA-256 is ``digest``."""
        row = self._store.one("SELECT sha256, packed, data FROM blobs WHERE sha256 = ?", (digest,))
        return self._content(row, _("blob {name}").format(name=digest.hex()))

    def text(self, digest: bytes) -> str:
        """The content whose SHA-256 is ``digest``, as text; remembered, as the hosts of a fleet mostly print the same."""
        held = self._texts.get(digest)
        if held is None:
            held = self._texts[digest] = self.text_once(digest)
            self._characters += len(held)
            while self._characters > _CHARACTERS:
                self._characters -= len(self._texts.popitem(last=False)[1])
        return held

    def text_once(self, digest: bytes) -> str:
        """The same, not remembered: for what is read of each host and not looked at again."""
        with decoding(_("blob {name}").format(name=digest.hex())):
            return self.find(digest).decode("utf-8", "surrogatepass")

    def _kept(self, digest: bytes, content: bytes) -> int:
        """What is short and not remembered is mostly new: it is not looked for first, as what takes long to pack is."""
        row = self._found(digest) if len(content) > _SHORT else None
        if row is None:
            packed = compressed(content)
            smaller = len(packed) < len(content)
            row = self._store.one(_PUT, (digest, int(smaller), packed if smaller else content)) or self._found(digest)
        if row is None:
            raise _lacking(_("blob {name}").format(name=digest.hex()))
        return int(row[0])

    def _found(self, digest: bytes) -> tuple[Any, ...] | None:
        return self._store.one("SELECT id FROM blobs WHERE sha256 = ?", (digest,))

    @staticmethod
    def _content(row: tuple[Any, ...] | None, name: str) -> bytes:
        if row is None:
            raise _lacking(name)
        return unpack(row, name)


def _lacking(what: str) -> IntegrityError:
    return IntegrityError(_("the ledger lacks {what}, to which it refers").format(what=what))


def unpack(row: tuple[Any, ...], name: str) -> bytes:
    """The content of a row (sha256, packed, data). Raises IntegrityError when it does not have its hash."""
    digest, packed, data = row
    with decoding(name):
        content: bytes = zlib.decompress(data) if packed else data
    if sha256(content) != digest:
        raise IntegrityError(_("{what} has been altered: its content does not have its hash").format(what=name))
    return content
