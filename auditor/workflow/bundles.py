"""Everything of a campaign in one folder or one zip: for ministers, for the committee, and a folder for each department."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from auditor.errors import AuditorError, UsageError
from auditor.model import Catalogue, Grouping, ReportFormat, ReportKind, ReportOptions, Snapshot, Tongue
from auditor.text import _
from auditor.text.reasons import reason_of
from auditor.workflow.reports import from_snapshot, moment, preload
from auditor.workflow.snapshots import Archive, archive
from auditor.workflow.writing import refuse_no_folder, refuse_own, write_file

_HTML, _PDF, _XLSX = ReportFormat.HTML, ReportFormat.PDF, ReportFormat.XLSX
_MOST_WORKERS = 4
_SUMS = "SHA256SUMS"


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
    refuse_own(catalogue.settings, target)
    refuse_no_folder(target)
    packed = target.suffix.casefold() == ".zip"
    if not packed and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(_("{path} is there already; name a new folder, or a file that ends with .zip").format(path=target))
    options = ReportOptions(kind=ReportKind.SUMMARY, tongue=tongue, campaign=campaign, run=run)
    gc.disable()  # what is gathered stays until the end: looking through it again and again for what could go finds nothing
    try:
        with archive(catalogue, options, now=now or moment()) as held:
            jobs = list(_jobs(held, options, templates))
    finally:
        gc.enable()
    if not packed:
        return Bundle(target, _filled(jobs, target, written))
    with tempfile.TemporaryDirectory(prefix="auditor-reports-") as folder:
        files = _filled(jobs, Path(folder), written)
        _zip(target, Path(folder), [*(name for name, _digest in files), _SUMS])
    return Bundle(target, files)


def _filled(jobs: list[_Job], folder: Path, written: Callable[[str], None]) -> tuple[tuple[str, str], ...]:
    sums: dict[str, str] = {}
    for name, digest in _made(jobs, folder):
        sums[name] = digest
        written(name)
    files = tuple(sorted(sums.items()))
    write_file(folder / _SUMS, "".join(f"{digest}  {name}\n" for name, digest in files).encode())
    return files


def _jobs(held: Archive, options: ReportOptions, templates: Path | None) -> Iterator[_Job]:
    def job(name: str, formats: tuple[ReportFormat, ...], kind: ReportKind, *departments: str) -> _Job:
        own = replace(options, kind=kind, departments=departments, grouping=Grouping.FIX)
        return _Job(name, held.snapshot(own), own, formats, templates)

    for kind in (ReportKind.SUMMARY, ReportKind.LEAGUE):
        yield job(kind.value, (_HTML, _PDF), kind)
    yield job("annex", (_HTML, _XLSX), ReportKind.ANNEX)
    if len(held.trend) > 1:
        yield job("delta", (_HTML, _XLSX), ReportKind.DELTA)
    if held.circulars:
        yield job("circulars", (_HTML, _PDF), ReportKind.CIRCULAR)
    for name in held.departments:
        yield job(f"{name}/scorecard", (_HTML, _PDF), ReportKind.SCORECARD, name)
        yield job(f"{name}/findings", (_HTML, _XLSX), ReportKind.FINDINGS, name)
        yield job(f"{name}/plan", (_XLSX,), ReportKind.PLAN, name)
        yield job(f"{name}/soa", (_XLSX,), ReportKind.SOA, name)


def _made(jobs: list[_Job], folder: Path) -> Iterator[tuple[str, str]]:
    """Write reports into a folder on every core, this process helping; the name and SHA-256 of each.

    Helpers are forked, so that they share what is gathered instead of being sent it; they tell only what they have written.
    """
    preload()
    gc.freeze()  # what is shared stays shared: a collection in a helper would copy it
    context = multiprocessing.get_context("fork")
    turn = context.Value("i", 0)
    helpers = []
    for _n in range(min(_MOST_WORKERS, os.cpu_count() or 1) - 1):
        receiver, sender = context.Pipe(duplex=False)
        helper = context.Process(target=_help, args=(jobs, folder, turn, sender), daemon=True)
        helper.start()
        sender.close()
        helpers.append((helper, receiver))
    try:
        for job in _turns(jobs, turn):
            yield from _write(job, folder)
        for helper, receiver in helpers:
            yield from _told_by(helper, receiver)
    finally:
        gc.unfreeze()
        for helper, _receiver in helpers:
            helper.terminate()
            helper.join()


def _turns(jobs: list[_Job], turn: Any) -> Iterator[_Job]:
    """The jobs that fall to this process: whoever is free takes the next one."""
    while True:
        with turn.get_lock():
            place, turn.value = turn.value, turn.value + 1
        if place >= len(jobs):
            return
        yield jobs[place]


def _help(jobs: list[_Job], folder: Path, turn: Any, sender: Connection) -> None:
    """In a helper: until nothing is left, or something went wrong, which the other side raises."""
    written: list[tuple[str, str]] = []
    problem = ""
    try:
        for job in _turns(jobs, turn):
            written += _write(job, folder)
    except AuditorError as error:
        problem = str(error)
    sender.send((written, problem))


def _told_by(helper: BaseProcess, receiver: Connection) -> list[tuple[str, str]]:
    try:
        written, problem = receiver.recv()
    except EOFError:
        helper.join()
        raise UsageError(_("a process that wrote reports ended with {code}").format(code=helper.exitcode)) from None
    if problem:
        raise UsageError(problem)
    return list(written)


def _write(job: _Job, folder: Path) -> list[tuple[str, str]]:
    first = from_snapshot(job.snapshot, job.options, job.formats[0], job.templates)
    told = []
    for written in job.formats:
        content = replace(first, stamp=replace(first.stamp, format=written)).content
        name = f"{job.name}.{written.value}"
        write_file(folder / name, content, folders=True)
        told.append((name, hashlib.sha256(content).hexdigest()))
    return told


def _zip(target: Path, folder: Path, names: list[str]) -> None:
    """The same bytes for the same reports: names in order, and no time of day."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        with zipfile.ZipFile(part, "x", zipfile.ZIP_DEFLATED) as packed:
            for name in sorted(names):
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                packed.writestr(entry, (folder / name).read_bytes(), zipfile.ZIP_DEFLATED)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(_("{path} cannot be written: {reason}").format(path=target, reason=reason_of(error))) from error
