"""Values that every other word is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["ar", "en"]
Scalar: TypeAlias = str | int | float | bool
Json: TypeAlias = "Scalar | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Text:
    """A text that people read, whole in both languages."""

    en: str
    ar: str

    def to(self, language: Language) -> str:
        """The text in ``language``."""
        return self.ar if language == "ar" else self.en


class Severity(StrEnum):
    """How much a failed check or an unmet control matters; declared from worst to mildest."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for critical, 3 for low, so that sorting puts the worst first."""
        return list(Severity).index(self)
