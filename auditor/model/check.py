"""A check: one executable test, which knows nothing of controls."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from auditor.model.common import Json, Scalar, Severity, Text


class Stricter(StrEnum):
    """Which way a parameter becomes stricter, so that an overlay can be judged as tightening or relaxing."""

    LOWER = "lower"
    HIGHER = "higher"
    SUBSET = "subset"
    SUPERSET = "superset"
    TRUE = "true"
    FALSE = "false"
    NONE = "none"  # every change counts as a relaxation


class Scope(StrEnum):
    """What a check judges: one asset, or all of a department's assets together."""

    ASSET = "asset"
    DEPARTMENT = "department"


@dataclass(frozen=True, slots=True)
class Param:
    """A threshold that policy may set. ``type`` is one of str, int, float, bool, list (of str), ints (list of int).

    ``off_when_empty``: the check applies only where the list names something, so that the empty one is the loosest of all.
    """

    name: str
    default: Json
    type: str
    stricter: Stricter
    off_when_empty: bool = False


@dataclass(frozen=True, slots=True)
class FactUse:
    """A fact as a check uses it: the variable it is bound to, and its arguments.

    An argument whose value is a string starting with ``params.`` is taken from the check's parameters.
    """

    variable: str
    fact: str
    args: tuple[tuple[str, Scalar], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """An example that proves the check: given these facts, that verdict.

    ``given`` maps variables to fact values; a value ``{"golden": "NAME"}`` stands for the parsed
    ``tests/golden/facts/<fact>/NAME``. ``subjects`` names the failing subjects expected of a list check; ``open``
    are the subjects of findings from before, and ``hidden`` those of them that are to stay open though the list lacks them.
    """

    name: str
    given: dict[str, Json]
    verdict: str
    params: dict[str, Json] = field(default_factory=dict)
    asset: dict[str, Json] = field(default_factory=dict)
    subjects: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One executable test with a stable id. Expressions are CEL source; ``None`` where the file has none."""

    id: str
    title: Text
    severity: Severity
    rationale: Text
    facts: tuple[FactUse, ...]
    expect: str
    remediation: Text
    remediation_shell: str = ""
    scope: Scope = Scope.ASSET
    applies: str | None = None
    for_each: str | None = None
    where: str | None = None
    decidable: str | None = None  # false: what was observed does not decide it, and the verdict is unknown
    hides: str | None = None  # true of an item not judged: it may hide what a finding was about
    subject: str | None = None
    empty: str = "not_applicable"  # or "pass": the verdict when there is nothing to examine
    observed: str | None = None
    expected: str | None = None
    params: tuple[Param, ...] = ()
    references: dict[str, Json] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()
    area: str = ""  # the folder it lives in
    sha256: str = ""  # of what decides its verdicts: facts, scope and expressions; wording left out
    shipped: bool = field(default=False, compare=False)  # its file came with the program, and has no mistake
