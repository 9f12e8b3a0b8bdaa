"""Contents are kept once, whoever puts them, and come out as they went in."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.ledger.blobs import Blobs
from auditor.ledger.compression import compressed
from auditor.ledger.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "ledger.db", create=True, readonly=False)
    yield store
    store.close()


@pytest.mark.parametrize("length", [0, 1, 200, 9_999, 10_000, 10_001, 300_000])
def test_what_another_has_put_is_found(store: Store, length: int) -> None:
    """Short contents are put at once, and are one blob all the same where a process before this one has put them."""
    content = bytes(n * n % 251 for n in range(length))
    with store.writing():
        first = Blobs(store).put(content)
        other = Blobs(store).put(b"other")
        again = Blobs(store)
        assert (again.put(content), again.put(b"other"), again.put(content)) == (first, other, first)
    assert store.all("SELECT id FROM blobs ORDER BY id") == sorted([(first,), (other,)])
    assert Blobs(store).get(first) == content


@given(st.one_of(st.binary(max_size=300), st.integers(0, 70_000).map(lambda n: b"a line of text\n" * (n // 15))), st.booleans())
def test_what_is_compressed_comes_out_by_any_reader(data: bytes, bare: bool) -> None:
    """Whatever window was taken."""
    packed = compressed(data, bare=bare)
    assert zlib.decompress(packed, wbits=-15 if bare else 15) == data
