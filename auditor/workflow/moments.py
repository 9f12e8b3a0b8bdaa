"""The point in the ledger's history that a report is of: a run, a day, a campaign's end, or now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.model import Campaign, EventKind, ReportKind, ReportOptions, Run, RunStatus
from auditor.text import _


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in the ledger's history: a run that had ended, and the journal's last entry then."""

    run: Run
    seq: int
    as_of: datetime


def point(ledger: Ledger, options: ReportOptions, campaign: Campaign | None, now: datetime, seq: int) -> Moment:
    """The point that the options name; ``seq`` other than 0 takes the ledger as it stood after that entry of the journal."""
    head = seq or ledger.head()[0]
    if campaign is not None and campaign.frozen:
        kept = json.loads(ledger.kept_file(campaign.frozen))
        return Moment(ledger.run(int(kept["run"]["id"])), int(kept["journal"]["seq"]), campaign.closed_at or now)
    if options.kind is ReportKind.DELTA and options.until:
        return named(ledger, options.until, now)
    if options.run not in ("", "latest"):
        return named(ledger, options.run, now)
    if seq:
        return Moment(_last_run(ledger, seq), seq, now)
    return Moment(ledger.run("latest"), head, now)


def is_past(options: ReportOptions, campaign: Campaign | None) -> bool:
    """Whether the options name another state than today's, whatever the ledger has come to since a report was made."""
    return options.run not in ("", "latest") or bool(options.until) or (campaign is not None and bool(campaign.frozen))


def named(ledger: Ledger, name: str, now: datetime) -> Moment:
    """The point that a run's number or a day means: the end of that run, or of that day."""
    if name.isdecimal() or name == "latest":
        run = ledger.run(name)
        if run.status is not RunStatus.FINISHED or run.ended is None:
            raise UsageError(_("run {run} is not finished: there is no report of it").format(run=run.id))
        if run.summary.get("reevaluation"):
            message = _(
                "run {run} was `auditor reevaluate --apply`, which visits no host: there is no report of it; name an audit, or a "
                "day: --run"
            )
            raise UsageError(message.format(run=run.id))
        return Moment(run, _end_of(ledger, run.id), run.ended)
    try:
        midnight = datetime.combine(date.fromisoformat(name) + timedelta(days=1), time(), UTC)
    except (ValueError, OverflowError):  # after the calendar's last day there is no midnight
        message = _("{name!r} is neither the number of a run nor a day written as YYYY-MM-DD")
        raise UsageError(message.format(name=name)) from None
    seq = ledger.last_before(midnight)
    return Moment(_last_run(ledger, seq), seq, min(now, midnight))


def _end_of(ledger: Ledger, run: int) -> int:
    ends = (e.seq for e in ledger.journal(subject=str(run)) if e.event.kind is EventKind.RUN_FINISHED)
    return max(ends, default=0)


def _last_run(ledger: Ledger, seq: int) -> Run:
    """The newest whole run of the policy of record that had ended by an entry of the journal."""
    for run in reversed(ledger.counted_runs()):
        if _end_of(ledger, run) <= seq:
            return ledger.run(run)
    raise UsageError(_("no audit had ended by then"))
