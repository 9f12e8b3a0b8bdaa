"""What a report reads of earlier audits: what it shows of them, and no more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from auditor.ledger import Ledger, summaries
from auditor.model import ReportKind, ReportOptions, Tongue
from auditor.workflow.digests import write_digests
from auditor.workflow.queries import reading
from auditor.workflow.snapshots import gather
from tests.reporting.seed import NOW, SEEN, night, seed


def test_the_trend_reads_the_indices_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression, time and memory that grew with the years: each counted run's whole summary was read for three numbers of it. An
    account of a department that several nights share is read once."""
    found = seed(tmp_path / "workspace")
    for days in (1, 2, 3):
        night(found, NOW + timedelta(days=days), SEEN[-1])
    with reading(found) as ledger:
        whole = [ledger.run(run) for run in ledger.counted_runs()]
    expected = [{d["id"]: d["index"] for d in run.summary["departments"]} for run in whole]  # type: ignore[union-attr,index,call-overload]
    read: list[bytes] = []
    one, text_once = summaries.put_together, "auditor.ledger.blobs.Blobs.text_once"

    def counting(written: str, text: object) -> object:
        read.append(b"whole")
        return one(written, text)  # type: ignore[arg-type]

    monkeypatch.setattr(summaries, "put_together", counting)
    held = gather(found, ReportOptions(kind=ReportKind.SUMMARY, tongue=Tongue.EN), now=NOW + timedelta(days=4))
    assert [point.departments for point in held.trend] == expected
    assert [(p.run, p.index, p.policy) for p in held.trend] == [
        (r.id, r.summary["index"], f"{r.policy} {r.policy_version}") for r in whole
    ]
    assert len(read) < len(whole)

    names: list[bytes] = []
    with reading(found) as ledger, monkeypatch.context() as watched:
        watched.setattr(text_once, lambda blobs, digest: names.append(digest) or blobs.find(digest).decode())
        list(ledger.indices(whole[-1].id))
    assert len(names) == len(set(names)) < sum(map(len, expected))


def test_letters_read_no_earlier_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They show none."""
    found = seed(tmp_path / "workspace")

    def refuse(*_args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Ledger, "indices", refuse)
    assert write_digests(found, now=NOW) == ()  # nobody has an address
    with pytest.raises(AssertionError):
        gather(found, ReportOptions(kind=ReportKind.SUMMARY, tongue=Tongue.EN), now=NOW)
