"""Parameters: the values that each type takes, and which changes tighten."""

from __future__ import annotations

import pytest

from auditor.loading.params import TYPE_NAMES, directions, of_type, off_when_empty, tightens, tighter_said, type_name
from auditor.model import Json, Param, Stricter

VALUES: dict[str, Json] = {"str": "a", "int": 5, "float": 0.5, "bool": True, "list": ["a"], "ints": [1]}


@pytest.mark.parametrize("kind", VALUES)
def test_each_type_takes_its_own_values_alone(kind: str) -> None:
    """A whole number serves as a number; an empty list as either list; nothing else is taken for another."""
    also = {"float": {"int"}}.get(kind, set())
    for other, value in VALUES.items():
        if other == kind or other in also:
            assert of_type(kind, value) == value
        else:
            with pytest.raises(ValueError, match=f"expected {type_name(kind)}"):
                of_type(kind, value)
    with pytest.raises(ValueError, match="expected"):
        of_type(kind, None)


def test_a_whole_number_becomes_a_number() -> None:
    """CEL does not compare an int with a double as people would."""
    assert type(of_type("float", 3)) is float


@pytest.mark.parametrize(
    ("stricter", "base", "tighter", "looser"),
    [
        (Stricter.LOWER, 90, [90, 60, 0], [91]),
        (Stricter.HIGHER, 12, [12, 14], [11, 0]),
        (Stricter.SUBSET, ["a", "b"], [["a", "b"], ["b", "a"], ["a"], []], [["a", "c"], ["c"]]),
        (Stricter.SUPERSET, ["a", "b"], [["b", "a"], ["a", "b", "c"]], [["a"], []]),
        (Stricter.TRUE, False, [False, True], []),
        (Stricter.TRUE, True, [True], [False]),
        (Stricter.FALSE, True, [True, False], []),
        (Stricter.FALSE, False, [False], [True]),
        (Stricter.NONE, "a", ["a"], ["b", ""]),
    ],
)
def test_only_what_is_at_least_as_strict_tightens(
    stricter: Stricter, base: Json, tighter: list[Json], looser: list[Json]
) -> None:
    """To stay as strict is allowed; what cannot be compared is a relaxation."""
    param = Param("p", base, "any", stricter)

    assert [value for value in tighter if not tightens(param, base, value)] == []
    assert [value for value in looser if tightens(param, base, value)] == []


@pytest.mark.parametrize(
    ("base", "tighter", "looser"),
    [(["a", "b"], [["a", "b"], ["a"]], [[], ["c"]]), ([], [[], ["a"], ["a", "b"]], [])],
)
def test_a_list_that_turns_its_check_off_when_empty(base: Json, tighter: list[Json], looser: list[Json]) -> None:
    """Regression, false pass: a department emptied the policy's list «as a tightening», and was no longer judged."""
    param = Param("p", [], "list", Stricter.SUBSET, off_when_empty=True)

    assert [value for value in tighter if not tightens(param, base, value)] == []
    assert [value for value in looser if tightens(param, base, value)] == []
    assert tighter_said(param, '["a"]') == 'nothing beyond ["a"], and no empty list, which turns the check off'


@pytest.mark.parametrize(
    ("applies", "off"),
    [
        ("params.p.size() > 0", True),
        ("sshd.installed && size(params.p) != 0", True),
        ("params.p.size()>=1", True),
        ("params.p != []", True),
        ("params.pp.size() > 0", False),
        ("sshd.params.p.size() > 0", False),
        ("params.p.size() == 0", False),
        ("sshd.installed", False),
        (None, False),
    ],
)
def test_which_checks_an_empty_list_turns_off(applies: str | None, off: bool) -> None:
    """It is read from the expression that decides whether the check applies."""
    assert off_when_empty("p", applies) is off


def test_every_type_has_a_way_to_become_stricter() -> None:
    """``none`` is always one; the others fit their type."""
    assert {kind: [stricter.value for stricter in directions(kind)] for kind in TYPE_NAMES} == {
        "str": ["none"],
        "int": ["lower", "higher", "none"],
        "float": ["lower", "higher", "none"],
        "bool": ["true", "false", "none"],
        "list": ["subset", "superset", "none"],
        "ints": ["subset", "superset", "none"],
    }
