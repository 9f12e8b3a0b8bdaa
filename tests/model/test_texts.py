"""What is remembered of texts is of that very text, and stays within its bounds."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from auditor.model.texts import ByText, digest_of


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=20))
def test_a_digest_is_that_of_the_text(texts: list[str]) -> None:
    """Whatever was asked before, lone surrogates too."""
    for text in [*texts, *reversed(texts)]:
        assert digest_of(text) == hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


@given(st.lists(st.text("ab", max_size=6), max_size=40))
def test_what_is_remembered_is_bounded(texts: list[str]) -> None:
    """What is there is right, and together it is no longer than allowed; a text that would push out all others is not kept."""
    known = ByText[str](40 * 100)
    for text in [*texts, "long" * 100]:
        assert known.get(text) in (None, text.upper())
        if known.get(text) is None:
            known.put(text, text.upper())
        held = [t for t in set(texts) if known.get(t) is not None]
        assert text in held or text == "long" * 100
        assert sum(len(t) + 250 for t in held) <= 40 * 100
