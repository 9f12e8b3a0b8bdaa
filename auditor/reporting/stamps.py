"""The stamp of a report: written into every format, and read out of any file again."""

from __future__ import annotations

import json
import lzma
import re
import zipfile
import zlib
from html import unescape
from pathlib import Path
from typing import Any

from auditor.errors import UsageError
from auditor.model import ReportFormat, Stamp
from auditor.model.codec import canonical, from_json
from auditor.text import _
from auditor.text.reasons import reason_of

MARK = "auditor-stamp"
_WHERE = {
    ReportFormat.HTML: re.compile(rb'<meta name="auditor-stamp" content="([^"]*)">'),
    ReportFormat.PDF: re.compile(rb"^%auditor-stamp (.*)$", re.MULTILINE),
    ReportFormat.CSV: re.compile(rb'^auditor-stamp,"(.*)"\r?$', re.MULTILINE),
    ReportFormat.JUNIT: re.compile(rb'<property name="auditor-stamp" value="([^"]*)" ?/>'),
}
_NO_STAMP = (
    *(LookupError, TypeError, ValueError),  # of JSON that is no report
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),  # of a damaged archive
    RuntimeError,  # of an encrypted one, one by a method unknown here, or JSON that is nested without end
)


def stamp_text(stamp: Stamp) -> str:
    """The stamp on one line, in ASCII."""
    return json.dumps(json.loads(canonical(stamp)), sort_keys=True, separators=(",", ":"))


def colophon(stamp: Stamp) -> tuple[tuple[str, str], ...]:
    """What the stamp says, for people."""
    return (
        (_("Policy"), f"{stamp.policy} {stamp.policy_version}"),
        (_("SHA-256 of the policy"), stamp.policy_sha256),
        (_("SHA-256 of all files"), stamp.files_sha256),
        (_("SHA-256 of the plan"), stamp.plan_sha256),
        (_("Last entry of the journal"), str(stamp.seq)),
        (_("Its hash"), stamp.head),
        (_("Program"), f"auditor {stamp.program}"),
    )


def read_stamp(path: Path) -> Stamp:
    """The stamp in a report's file, whatever its format. Raises UsageError where there is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(_("{path} cannot be read: {reason}").format(path=path, reason=reason_of(error))) from error
    try:
        data = _found(content)
        return from_json(Stamp, data)
    except _NO_STAMP as error:
        raise UsageError(
            _("{path} carries no stamp: it is no report of the auditor, or was changed").format(path=path)
        ) from error


def _found(content: bytes) -> Any:
    if content.startswith(b"PK"):
        return _in_workbook(content)
    if content.lstrip(b"\xef\xbb\xbf").startswith(b"{"):
        return _in_json(json.loads(content))
    for kind, pattern in _WHERE.items():
        held = pattern.findall(content)
        if held:
            text = held[-1].decode()
            return json.loads(text.replace('""', '"') if kind is ReportFormat.CSV else unescape(text))
    raise ValueError("no stamp")


def _in_workbook(content: bytes) -> Any:
    import io

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        told = archive.read("docProps/core.xml").decode()
    found = re.search(r"<dc:description>(.*?)</dc:description>", told, re.DOTALL)
    if found is None:
        raise ValueError("no stamp")
    return json.loads(unescape(found[1]))


def _in_json(value: Any) -> Any:
    """Where each JSON format has room for what is not its own."""
    if "stamp" in value:
        return value["stamp"]
    if "runs" in value:
        return value["runs"][0]["properties"][MARK]
    if "passthrough" in value:
        return value["passthrough"][MARK]
    (document,) = value.values()
    props = document["metadata"]["props"]
    return json.loads(next((p["remarks"] for p in props if p["name"] == MARK), ""))
