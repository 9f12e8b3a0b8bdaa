"""The framework's controls, as the policy states them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auditor.model.common import Severity, Text


class Evidence(StrEnum):
    """What can decide a control: observation, people and documents, or both."""

    TECHNICAL = "technical"
    HYBRID = "hybrid"
    ATTESTATION = "attestation"


@dataclass(frozen=True, slots=True)
class Mapping:
    """That a check speaks for a control, and why."""

    check: str
    why: Text


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a department is asked where no machine can decide, with examples of evidence."""

    prompt: Text
    evidence: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Control:
    """One requirement in our own words."""

    id: str
    title: Text
    theme: str
    severity: Severity
    evidence: Evidence
    statement: Text
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    iso27001_2013: tuple[str, ...] = ()
    checks: tuple[Mapping, ...] = ()
    attestation: Attestation | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the framework's vocabulary with its label."""

    id: str
    title: Text


@dataclass(frozen=True, slots=True)
class Framework:
    """The catalogue of controls, in the standard's order."""

    id: str
    title: Text
    controls: tuple[Control, ...]
    notice: Text | None = None
    vocabulary: tuple[tuple[str, tuple[Term, ...]], ...] = ()

    def control(self, control_id: str) -> Control | None:
        """The control of that id, or None."""
        return next((c for c in self.controls if c.id == control_id), None)
