"""Making reports, many at once, and telling whether a report still says what the ledger says."""

from __future__ import annotations

import atexit
import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from auditor import __version__
from auditor.errors import ConfigurationError, UsageError
from auditor.loading import SETTINGS_FILE, load_settings
from auditor.model import Catalogue, Letterhead, ReportFormat, ReportKind, ReportOptions, Snapshot, Stamp
from auditor.model.codec import digest
from auditor.reporting import charts
from auditor.reporting.document import Document
from auditor.reporting.exchange.hdf import as_hdf
from auditor.reporting.exchange.junit import as_junit
from auditor.reporting.exchange.oscal import as_assessment, as_poam
from auditor.reporting.exchange.sarif import as_sarif
from auditor.reporting.html import as_html
from auditor.reporting.kinds import document
from auditor.reporting.lettering import on_paper
from auditor.reporting.pdf import as_pdf
from auditor.reporting.plain import as_csv, as_json
from auditor.reporting.stamps import read_stamp
from auditor.reporting.tongues import told
from auditor.reporting.xlsx import as_xlsx
from auditor.text import _, current
from auditor.workflow.queries import reading
from auditor.workflow.snapshots import gather
from auditor.workflow.stamped import input_hashes, picture_bytes, report_looks

_FOR_PEOPLE = (
    ReportFormat.TERMINAL,
    ReportFormat.HTML,
    ReportFormat.PDF,
    ReportFormat.XLSX,
    ReportFormat.CSV,
    ReportFormat.JSON,
)
_FOR_PROGRAMS = {
    ReportKind.FINDINGS: (ReportFormat.SARIF, ReportFormat.JUNIT, ReportFormat.OSCAL, ReportFormat.HDF),
    ReportKind.PLAN: (ReportFormat.OSCAL,),
}
FORMATS = {kind: (*_FOR_PEOPLE, *_FOR_PROGRAMS.get(kind, ())) for kind in ReportKind}
"""In which formats each kind can be written."""


@dataclass(frozen=True, slots=True)
class Made:
    """A report before it is written: the document, and its stamp."""

    document: Document
    stamp: Stamp
    snapshot: Snapshot
    templates: Path | None = None

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return _WRITERS[self.stamp.format](self)


_WRITERS: dict[ReportFormat, Callable[[Made], bytes]] = {
    ReportFormat.HTML: lambda made: as_html(made.document, made.stamp, made.templates).encode(),
    ReportFormat.PDF: lambda made: as_pdf(made.document, made.stamp, made.templates),
    ReportFormat.XLSX: lambda made: as_xlsx(made.document, made.stamp),
    ReportFormat.CSV: lambda made: as_csv(made.document, made.stamp).encode(),
    ReportFormat.JSON: lambda made: as_json(made.document, made.stamp).encode(),
    ReportFormat.SARIF: lambda made: as_sarif(made.snapshot, made.stamp).encode(),
    ReportFormat.JUNIT: lambda made: as_junit(made.snapshot, made.stamp).encode(),
    ReportFormat.HDF: lambda made: as_hdf(made.snapshot, made.stamp).encode(),
    ReportFormat.OSCAL: lambda made: (
        as_poam(made.snapshot, made.stamp)
        if made.stamp.options.kind is ReportKind.PLAN
        else as_assessment(made.snapshot, made.stamp)
    ).encode(),
}
_WITH_VERDICTS = frozenset({ReportFormat.JUNIT, ReportFormat.HDF})


def moment() -> datetime:
    """When a report is made: SOURCE_DATE_EPOCH where it is set, else now, to the second.

    https://reproducible-builds.org/specs/source-date-epoch/
    """
    told = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not told:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return datetime.fromtimestamp(int(told), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(_("SOURCE_DATE_EPOCH must be a number of seconds, not {value!r}").format(value=told)) from error


def make_report(
    catalogue: Catalogue,
    options: ReportOptions,
    written: ReportFormat,
    *,
    templates: Path | None = None,
    now: datetime | None = None,
) -> Made:
    """Make one report. Raises UsageError for a kind that cannot be written so, or for names that are not there."""
    if written not in FORMATS[options.kind]:
        known = ", ".join(f.value for f in FORMATS[options.kind])
        message = _("{kind} cannot be written as {format}; it can be: {known}")
        raise UsageError(message.format(kind=options.kind.value, format=written.value, known=known))
    snapshot = gather(catalogue, options, now=now or moment(), verdicts=written in _WITH_VERDICTS)
    return from_snapshot(snapshot, options, written, templates)


def from_snapshot(snapshot: Snapshot, options: ReportOptions, written: ReportFormat, templates: Path | None = None) -> Made:
    """A report of what is gathered already."""
    policy = snapshot.catalogue.policies[snapshot.run.policy]
    stamp = Stamp(
        options=options,
        format=written,
        as_of=snapshot.as_of,
        run=snapshot.run.id,
        seq=snapshot.seq,
        head=snapshot.head,
        policy=policy.id,
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        plan_sha256=snapshot.run.plan_sha256,
        files_sha256=digest(snapshot.inputs),
        program=__version__,
        templates_sha256=_templates(templates),
    )
    return Made(_headed(snapshot, options, document(snapshot, options)), stamp, snapshot, templates)


def _headed(snapshot: Snapshot, options: ReportOptions, made: Document) -> Document:
    """With the zone of its departments, and the letterhead of the sender: a department's own on a report of that one alone."""
    settings = snapshot.catalogue.settings
    alone = snapshot.departments[0] if len(snapshot.departments) == 1 else ""
    own = settings.letterheads.get(alone, Letterhead())
    words = own.text or settings.letterhead.text
    logo = own.logo or settings.letterhead.logo
    said = told(options.tongue, lambda: words.to(current()) if words else "")
    zone = snapshot.catalogue.inventory.zone_of(snapshot.departments)
    return replace(made, issuer=said, logo=_picture(logo) if logo else "", zone=zone)


def _picture(path: Path) -> str:
    """A picture as a data: address. Raises UsageError for one that is missing or too large."""
    content = picture_bytes(path)
    kind = {".png": "png", ".svg": "svg+xml"}.get(path.suffix.lower(), "jpeg")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _templates(folder: Path | None) -> str:
    """One hash over every file of a folder of templates; "" for the stock ones."""
    if folder is None:
        return ""
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    return digest([(p.relative_to(folder).as_posix(), hashlib.sha256(p.read_bytes()).hexdigest()) for p in found])


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a report matches the ledger; ``problem`` says in what it does not, or why that cannot be told."""

    stamp: Stamp
    ok: bool
    problem: str = ""


def verify_report(catalogue: Catalogue, path: Path, templates: Path | None = None) -> Verified:
    """Make the report again from the ledger as it stood, and compare every byte."""
    stamp = read_stamp(path)
    inputs = _inputs_of(catalogue, stamp)
    problem = _not_comparable(catalogue, stamp, templates, same_files=inputs is not None)
    if problem or inputs is None:
        return Verified(stamp, False, problem)
    snapshot = gather(catalogue, stamp.options, now=stamp.as_of, verdicts=stamp.format in _WITH_VERDICTS, seq=stamp.seq)
    again = from_snapshot(replace(snapshot, inputs=inputs), stamp.options, stamp.format, templates)
    held = path.read_bytes()
    same = again.content == held
    if not same and stamp.format is ReportFormat.CSV:  # as it was written before: see ``as_csv``
        same = as_csv(again.document, again.stamp, marked=True).encode() == held
    return Verified(stamp, same, "" if same else _("its content is not what the ledger says: the file was changed"))


def _inputs_of(catalogue: Catalogue, stamp: Stamp) -> tuple[tuple[str, str], ...] | None:
    """The hashes of files that the stamp rests on; None where files have changed since.

    Reports were once stamped with the hash of the whole auditor.toml: they are held against today's and against those that the
    ledger keeps of the audits since, where reports look the same by them.
    """
    found = input_hashes(catalogue)
    if digest(found) == stamp.files_sha256:
        return found
    for content in _settings_since(catalogue, stamp.run):
        found = input_hashes(catalogue, content)
        if digest(found) == stamp.files_sha256 and _looks_same(catalogue, content):
            return found
    return None


def _settings_since(catalogue: Catalogue, run: int) -> Iterator[str]:
    """Each auditor.toml that there was: today's, and what the ledger keeps of the audits from ``run`` on."""
    yield dict(catalogue.sources).get(SETTINGS_FILE, "")
    with reading(catalogue) as ledger:
        held = (ledger.input_digests(r.id).get(("file", SETTINGS_FILE)) for r in ledger.runs() if r.id >= run)
        for kept in dict.fromkeys(filter(None, held)):
            yield ledger.input_text(kept)


def _looks_same(catalogue: Catalogue, content: str) -> bool:
    try:
        then = load_settings(catalogue.settings.root, content)
    except ConfigurationError:  # an older auditor took it
        return False
    return report_looks(then) == report_looks(catalogue.settings)


def _not_comparable(catalogue: Catalogue, stamp: Stamp, templates: Path | None, *, same_files: bool) -> str:
    with reading(catalogue) as ledger:
        entry = next(iter(ledger.journal(after=stamp.seq - 1)), None)
    if entry is None or entry.seq != stamp.seq or entry.hash != stamp.head:
        return _(
            "it was not made from this ledger, or the ledger was changed since: entry {seq} of the journal has another hash"
        ).format(seq=stamp.seq)
    if stamp.program != __version__:
        return _("it was made by auditor {theirs}; this is {ours}").format(theirs=stamp.program, ours=__version__)
    if not same_files:
        return _(
            "policies, checks, inventories or what auditor.toml says of reports have changed since; verify it in a workspace "
            "with the files of that day"
        )
    if _templates(templates) != stamp.templates_sha256:
        return _("it was made with other templates; name their folder: --template DIR")
    return ""


def preload() -> None:
    """Load fonts and libraries, so that the workers forked next share them."""
    on_paper()
    atexit.register(on_paper.cache_clear)  # left to Python's end, fonts complain that WeasyPrint has gone before them
    charts.ready()
