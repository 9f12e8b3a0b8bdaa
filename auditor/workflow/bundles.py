"""Everything of a campaign in one folder or one zip: for ministers, for the committee, and a folder for each department."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from auditor.errors import UsageError
from auditor.model import Catalogue, Grouping, ReportFormat, ReportKind, ReportOptions, Snapshot, Tongue
from auditor.text import _
from auditor.workflow.reports import from_snapshot, moment, preload, write_file
from auditor.workflow.snapshots import Archive, archive

_HTML, _PDF, _XLSX = ReportFormat.HTML, ReportFormat.PDF, ReportFormat.XLSX
_MOST_WORKERS = 4


@dataclass(frozen=True, slots=True)
class _Job:
    """One report of the bundle: its snapshot is gathered, its formats are not written yet."""

    name: str
    snapshot: Snapshot
    options: ReportOptions
    formats: tuple[ReportFormat, ...]
    templates: Path | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was written: names below the target, and the SHA-256 of each."""

    target: Path
    files: tuple[tuple[str, str], ...]


def make_bundle(
    catalogue: Catalogue,
    target: Path,
    *,
    tongue: Tongue,
    campaign: str = "",
    run: str = "",
    templates: Path | None = None,
    written: Callable[[str], None] = lambda _name: None,
    now: datetime | None = None,
) -> Bundle:
    """Write every report into a new folder, or into a zip where ``target`` ends with .zip. ``written`` hears of each file.

    Raises UsageError when the folder is there already and is not empty: old reports must not lie among new ones.
    """
    packed = target.suffix.casefold() == ".zip"
    if not packed and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(_("{path} is there already; name a new folder, or a file that ends with .zip").format(path=target))
    options = ReportOptions(kind=ReportKind.SUMMARY, tongue=tongue, campaign=campaign, run=run)
    files: dict[str, bytes] = {}
    sums: dict[str, str] = {}
    gc.disable()  # what is gathered stays until the end: looking through it again and again for what could go finds nothing
    try:
        with archive(catalogue, options, now=now or moment()) as held:
            jobs = list(_jobs(held, options, templates))
    finally:
        gc.enable()
    for name, content in _made(jobs):
        sums[name] = hashlib.sha256(content).hexdigest()
        if packed:
            files[name] = content
        else:
            write_file(target / name, content)
        written(name)
    listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
    if packed:
        _zip(target, {**files, "SHA256SUMS": listing})
    else:
        write_file(target / "SHA256SUMS", listing)
    return Bundle(target, tuple(sorted(sums.items())))


def _jobs(held: Archive, options: ReportOptions, templates: Path | None) -> Iterator[_Job]:
    def job(name: str, formats: tuple[ReportFormat, ...], kind: ReportKind, *departments: str) -> _Job:
        own = replace(options, kind=kind, departments=departments, grouping=Grouping.FIX)
        return _Job(name, held.snapshot(own), own, formats, templates)

    for kind in (ReportKind.SUMMARY, ReportKind.LEAGUE):
        yield job(kind.value, (_HTML, _PDF), kind)
    yield job("annex", (_HTML, _XLSX), ReportKind.ANNEX)
    if held.has_before:
        yield job("delta", (_HTML, _XLSX), ReportKind.DELTA)
    if held.circulars:
        yield job("circulars", (_HTML, _PDF), ReportKind.CIRCULAR)
    for name in held.departments:
        yield job(f"{name}/scorecard", (_HTML, _PDF), ReportKind.SCORECARD, name)
        yield job(f"{name}/findings", (_HTML, _XLSX), ReportKind.FINDINGS, name)
        yield job(f"{name}/plan", (_XLSX,), ReportKind.PLAN, name)
        yield job(f"{name}/soa", (_XLSX,), ReportKind.SOA, name)


_waiting: list[_Job] = []
"""What the workers of ``_made`` are forked with: snapshots are large, and are shared rather than sent."""


def _made(jobs: list[_Job]) -> Iterator[tuple[str, bytes]]:
    """Write reports on every core; in the order of the jobs."""
    _waiting[:] = jobs
    preload()
    gc.freeze()  # what is shared stays shared: a collection in a worker would copy it
    workers = min(_MOST_WORKERS, os.cpu_count() or 1)
    try:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            for made in pool.imap(_write, range(len(jobs))):
                yield from made
    finally:
        _waiting.clear()
        gc.unfreeze()


def _write(place: int) -> list[tuple[str, bytes]]:
    job = _waiting[place]
    first = from_snapshot(job.snapshot, job.options, job.formats[0], job.templates)
    made = (replace(first, stamp=replace(first.stamp, format=written)) for written in job.formats)
    return [(f"{job.name}.{one.stamp.format.value}", one.content) for one in made]


def _zip(target: Path, files: dict[str, bytes]) -> None:
    """The same bytes for the same reports: names in order, and no time of day."""
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in sorted(files.items()):
                packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(_("{path} cannot be written: {reason}").format(path=target, reason=error.strerror or error)) from error
