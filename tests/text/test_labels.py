"""Every value that people see has a label in both languages."""

import inspect
import re
from enum import StrEnum

import pytest

import auditor.model
from auditor.model import DepartmentScore, VerdictKind
from auditor.text import labels, using
from auditor.text.labels import label, withheld

SHOWN = sorted(labels._LABELS, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", SHOWN)
def test_each_value_has_labels_that_tell_it_from_the_others(kind: type[StrEnum]):
    """No value lacks a label, and no two values of one enum share one, in either language."""
    for language in ("ar", "en"):
        with using(language):
            found = [label(value) for value in kind]
            assert len(set(found)) == len(found)
            assert all(bool(re.search("[\u0621-\u064a]", text)) == (language == "ar") for text in found)


def test_every_enum_of_the_model_is_either_labelled_or_known_to_be_internal():
    """A new enum must be thought of here: is it shown to people?"""
    enums = {kind for _, kind in inspect.getmembers(auditor.model, inspect.isclass) if issubclass(kind, StrEnum)}
    assert {kind.__name__ for kind in enums - set(SHOWN)} == {
        "Action",
        "Grouping",
        "ReportFormat",
        "ReportKind",
        "Scope",
        "Stricter",
        "Tongue",
    }


def test_the_field_terms():
    """The five verdicts read as regulators write them."""
    with using("ar"):
        assert [label(kind) for kind in VerdictKind] == ["مطابق", "غير مطابق", "لا ينطبق", "غير معلوم", "خطأ"]


def test_every_reason_for_withholding_an_index_is_told():
    """The reasons are those that DepartmentScore names; none is told when the index is shown."""
    named = re.search(r"withheld`` says why: ([a-z_, ]+)\.", inspect.getdoc(DepartmentScore) or "")
    assert named is not None
    reasons = set(re.split(r", | or ", named[1]))
    assert reasons == set(labels._WITHHELD)
    with using("ar"):
        assert all(re.search("[\u0621-\u064a]", withheld(reason)) for reason in reasons)
        assert withheld("") == ""
