"""The table of trials, ``trials.yaml``: what is broken before each remedy, and how its blanks are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from auditor.model import Json, VerdictKind


@dataclass(frozen=True, slots=True)
class Trial:
    """One remedy to follow; the head of ``trials.yaml`` says what each word means."""

    plant: str = ""
    fill: Mapping[str, str] = field(default_factory=dict)
    fills: tuple[Mapping[str, str], ...] = ()
    prose: str = ""
    after: str = ""
    editor: str = ""
    typed: str = ""
    without: tuple[str, ...] = ()
    once: str = ""
    alone: str = ""
    ends: VerdictKind = VerdictKind.PASS
    role: str = "server"
    tags: tuple[str, ...] = ()
    params: Mapping[str, Json] = field(default_factory=dict)
    mounts: bool = False


def _trial(row: dict[str, object]) -> Trial:
    made = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Trial(**{**made, "ends": VerdictKind(made.get("ends", "pass")), "mounts": made.get("mounts") == "true"})  # type: ignore[arg-type]


# Read as text alone, as what is typed into a shell is text.
_ROWS = yaml.load(Path(__file__).with_name("trials.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
TRIALS: dict[str, Trial] = {check: _trial(row) for check, row in _ROWS.items()}
