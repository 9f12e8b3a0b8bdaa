"""What a check decided of an asset, and of each subject in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from auditor.model.common import Json


class VerdictKind(StrEnum):
    """The five answers; only PASS is good news."""

    PASS = "pass"  # noqa: S105 — a verdict, not a password
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"
    ERROR = "error"


CLEAR = (VerdictKind.PASS, VerdictKind.FAIL, VerdictKind.NOT_APPLICABLE)
"""Verdicts that were decided."""


class Reason(StrEnum):
    """Why a verdict is what it is, where that is not simply the comparison of observed with expected."""

    NONE = ""
    DOES_NOT_APPLY = "does_not_apply"  # `applies` is false
    NOTHING_TO_EXAMINE = "nothing_to_examine"  # the list, or what `where` leaves of it, is empty
    UNREACHABLE = "unreachable"
    HOST_DENIED = "host_denied"  # the login was refused
    UNTRUSTED = "untrusted"
    NO_SHELL = "no_shell"  # the login succeeded, and gives no shell that can be used
    HOST_TIMED_OUT = "host_timed_out"
    SKIPPED = "skipped"
    PROBE_FAILED = "probe_failed"
    PROBE_DENIED = "probe_denied"  # sudo not permitted
    PROBE_TIMED_OUT = "probe_timed_out"
    PROBE_TRUNCATED = "probe_truncated"
    PROBE_UNSUPPORTED = "probe_unsupported"
    PROBE_NOT_RUN = "probe_not_run"
    PARSE_ERROR = "parse_error"
    EXPRESSION_ERROR = "expression_error"
    UNDECIDED = "undecided"  # `decidable` is false
    PARTLY_OBSERVED = "partly_observed"  # department scope: n of m assets


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one subject; ``subject`` is "" when the check judges the asset as a whole.

    ``observed`` and ``expected`` are short JSON values shown to the officer; ``detail`` adds to the reason (which fact,
    the error's text), in English.
    """

    subject: str
    kind: VerdictKind
    observed: Json = None
    expected: Json = None
    reason: Reason = Reason.NONE
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one check said of one asset in one evaluation.

    ``kind`` is the worst of the verdicts: fail, error, unknown, pass, not_applicable in that order. ``complete`` is true when
    every subject there is has been examined, so that a subject missing from ``verdicts`` and ``excluded`` no longer exists.
    ``excluded`` are subjects that ``where`` left out. ``observed_at`` is the oldest of the observations it rests on; None
    when there was none.
    """

    asset: str
    check: str
    definition: str
    kind: VerdictKind
    verdicts: tuple[Verdict, ...]
    complete: bool
    observed_at: datetime | None
    excluded: tuple[str, ...] = ()
    shared: bool = field(default=False, compare=False)  # it was said of other assets too, in these very verdicts

    @property
    def size(self) -> int:
        """How much it holds: itself, verdicts and what is left out."""
        return 1 + len(self.verdicts) + len(self.excluded)

    def on(self, asset: str, observed_at: datetime | None) -> Outcome:
        """The same said of another asset, or at another time."""
        told = (self.definition, self.kind, self.verdicts, self.complete)
        return Outcome(asset, self.check, *told, observed_at, self.excluded, shared=True)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """That a check's newest verdict on an asset stands: all that it rests on was observed again, and is as it was.

    ``change`` and ``content`` are the ledger's numbers of the change that brought the verdict and of what was decided then.
    ``outcome`` is all of it, for a check that fails; None where each live finding of the check is known to fail again.
    """

    asset: str
    check: str
    kind: VerdictKind
    observed_at: datetime
    change: int
    content: int
    outcome: Outcome | None = None
