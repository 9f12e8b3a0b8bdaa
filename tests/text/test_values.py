"""What was observed is shown by its items."""

from __future__ import annotations

import pytest

from auditor.model import Json
from auditor.text import using, values


@pytest.fixture(autouse=True)
def _english():
    with using("en"):
        yield


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        ([], ""),
        ("", ""),
        ("yes", "yes"),
        (["a", 2], "a, 2"),
        ({"mode": "0644"}, '{"mode": "0644"}'),
        ({"first": ["apt", "bash"], "more": 1200}, "apt, bash … and 1,200 more"),
        ('["apt","apt-transport-https","ba…', "apt, apt-transport-https … and more"),
        ("[22,2…", "22 … and more"),
        ('["only one that is cut wi…', '["only one that is cut wi…'),
        ("[not a list…", "[not a list…"),
    ],
)
def test_a_value_is_shown_by_its_items(value: Json, shown: str):
    """Regression: a long list was shown as raw JSON that ended anywhere. What earlier auditors kept is taken apart as far as it
    is whole; how much it leaves out is not known then."""
    assert values.shown(value) == shown


def test_nothing_in_a_list_steers():
    """Neither in an item nor between them."""
    assert values.shown({"first": ["a\u202e", "\x1b[31m"], "more": 1}) == "a‹U+202E›, \\x1b[31m … and 1 more"
