"""The published schemas: valid themselves, and telling enough for editors and for our own sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.loading import KINDS, load_schema, read_yaml
from auditor.loading.schema import check_schema
from tests.loading.conftest import HEALTH, POLICY


def parts(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a schema, itself included, with the way to it."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for key in ("properties", "$defs"):
        for name, inner in schema.get(key, {}).items():
            yield from parts(inner, f"{path}/{key}/{name}")
    for key in ("items", "additionalProperties", "propertyNames"):
        yield from parts(schema.get(key), f"{path}/{key}")
    for index, inner in enumerate(schema.get("anyOf", ())):
        yield from parts(inner, f"{path}/anyOf/{index}")


def test_every_schema_file_is_a_kind() -> None:
    """None is forgotten, none is left over."""
    folder = resources.files("auditor.loading").joinpath("schemas")

    assert sorted(file.name for file in folder.iterdir()) == sorted(f"{kind}.schema.json" for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_valid_and_described(kind: str) -> None:
    """Editors show a description for every property; our sentences name every expected value by its title."""
    schema = load_schema(kind)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    described = [(path, inner) for path, inner in parts(schema, kind) if path.split("/")[-2:-1] == ["properties"]]
    assert [path for path, inner in described if not inner.get("description")] == []
    assert [path for path, inner in parts(schema, kind) if "title" not in inner and "$ref" not in inner] == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_object_takes_keys_that_it_does_not_know(kind: str) -> None:
    """A misspelt key is never ignored: objects name their keys or say what any key's value must be."""
    objects = [(path, inner) for path, inner in parts(load_schema(kind), kind) if inner.get("type") == "object"]
    open_ended = [path for path, inner in objects if "additionalProperties" not in inner]

    # The facts of a case are held against their shapes instead.
    assert open_ended == ([f"{kind}/properties/cases/items/properties/given"] if kind == "check" else [])


@pytest.mark.parametrize(("given", "count"), [(".nan", 1), (".inf", 1), ("-.inf", 1), ("9" * 400, 1), ("0.7", 0), ("1", 0)])
def test_a_share_is_a_number_that_is_finite(given: str, count: int) -> None:
    """Of YAML as of TOML: what no bound refuses, or no float holds, is no number."""
    document, _ = read_yaml(POLICY.replace("0.6", given).encode(), "national.yaml")
    assert document is not None
    assert len(check_schema(document, "policy").mistakes) == count


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**400, True])
def test_what_is_no_number_is_none_in_any_kind_of_file(number: float) -> None:
    """Regression: jsonschema takes nan for a number that is within every bound."""
    document, _ = read_yaml(POLICY.encode(), "national.yaml")
    assert document is not None
    value: Any = document.value
    (told,) = check_schema(replace(document, value={**value, "coverage_floor": number}), "policy").mistakes
    assert told.message.startswith("coverage_floor is ")


@given(
    st.sampled_from(HEALTH.replace("{", " ").replace("}", " ").split()),
    st.sampled_from(
        ["", "null", "true", "5", "5.5", "no", "ssh", "[]", "[x]", "[22/tcp]", "{}", "'ab '", "linux", "1/tcp", "a: b"]
    ),
)
def test_the_short_cut_decides_as_jsonschema_does(old: str, new: str) -> None:
    """Whatever stands in an inventory, it is right for both or wrong for both."""
    document, _ = read_yaml(HEALTH.replace(old, new).encode(), "health.yaml", "health")
    if document is not None:
        plain = jsonschema.Draft202012Validator(load_schema("inventory"))
        # Only in two things do we ask for more: whole numbers are written as such, and no text ends in a line feed.
        assert bool(check_schema(document, "inventory").mistakes) == (not plain.is_valid(document.value))
