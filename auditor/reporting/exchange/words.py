"""Texts of one string, in the language of a report; in both languages where it is in both."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from auditor.model import Check, Finding, Snapshot, Stamp, Text, Tongue, Verdict
from auditor.reporting import cells
from auditor.reporting.scene import Scene
from auditor.reporting.tongues import flat, told
from auditor.text import _
from auditor.text.bidi import safe
from auditor.text.labels import label, withheld
from auditor.text.sentences import retell

_ISOLATES = dict.fromkeys((0x2068, 0x2069))  # our own; a format that shows what is invisible would show them
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "auditor.invalid")


def said(tongue: Tongue, make: Callable[[], str]) -> str:
    """What ``make`` says."""
    return flat(told(tongue, make))


def text(tongue: Tongue, both: Text) -> str:
    """A text of a file."""
    if tongue is Tongue.BOTH:
        return flat(Text(both.en.strip(), both.ar.strip()))
    return both.to("en" if tongue is Tongue.EN else "ar").strip()


def title(tongue: Tongue, check: Check | None, name: str) -> str:
    """What a check demands; of one that is gone, its id."""
    return " ".join(text(tongue, check.title).split()) if check else name


def seen(tongue: Tongue, finding: Finding | Verdict) -> str:
    """What was observed and what is expected."""

    def make() -> str:
        parts = []
        if finding.observed not in (None, ""):
            parts.append(_("Observed: {value}").format(value=cells.code(finding.observed).shown))
        if finding.expected not in (None, ""):
            parts.append(_("Expected: {value}").format(value=cells.code(finding.expected).shown))
        return _("; ").join(parts)

    return said(tongue, make)


def why(tongue: Tongue, verdict: Verdict) -> str:
    """Why a verdict is what it is."""

    def make() -> str:
        reason = label(verdict.reason)
        return f"{reason} ({retell(safe(verdict.detail)).translate(_ISOLATES)})" if verdict.detail else reason

    return said(tongue, make)


def not_audited(snapshot: Snapshot) -> tuple[str, ...]:
    """Departments in scope of which the run has nothing at all: what is missing from a list must not read as clean."""
    return Scene(snapshot).not_audited


def why_not_audited(snapshot: Snapshot, tongue: Tongue, name: str) -> str:
    """Why the run has nothing of such a department, with the first of the mistakes in its files."""
    mistakes = dict(Scene(snapshot).set_aside).get(name)
    if mistakes is None:
        return said(tongue, lambda: withheld("not_in_run"))
    return " ".join((said(tongue, lambda: withheld("set_aside")), f"({safe(mistakes[0])})"))


def stable_id(stamp: Stamp, *parts: Any) -> str:
    """A UUID (version 5) that names the same thing in every report that rests on the same entry of the same journal."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join((stamp.head, str(stamp.run), *map(str, parts)))))


def instant(moment: datetime) -> str:
    """An instant as all of these formats want it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
