"""Files that people attach: of a kind that opens without running anything, not too large, and what their names say."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import UsageError
from auditor.loading.callers import open_as_caller
from auditor.text import _
from auditor.text.reasons import reason_of

MAX_BYTES = 10_000_000
_ZIP = b"PK\x03\x04"
_STARTS: dict[str, tuple[bytes, ...]] = {
    ".pdf": (b"%PDF-",),
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".docx": (_ZIP,),
    ".xlsx": (_ZIP,),
    ".odt": (_ZIP,),
    ".ods": (_ZIP,),
    ".eml": (),
    ".txt": (),
    ".log": (),
    ".csv": (),
    ".md": (),
    ".json": (),
    ".yaml": (),
    ".yml": (),
}
_TEXTS = frozenset(suffix for suffix, starts in _STARTS.items() if not starts)
_MACROS = re.compile(rb"vbaProject\.bin|Basic/Standard")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that may be kept."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The name under which the ledger keeps it."""
        return hashlib.sha256(self.content).hexdigest()


def read_evidence(path: Path) -> Evidence:
    """The file, read once. Raises UsageError for one that is missing, too large, empty, or not what its name says."""
    suffix = path.suffix.lower()
    if suffix not in _STARTS:
        message = _("{file} is of a kind that is not kept; kept are: {kinds}")
        raise UsageError(message.format(file=path.name, kinds=", ".join(sorted(k[1:] for k in _STARTS))))
    try:
        with open_as_caller(path) as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(_("{path} cannot be read: {reason}").format(path=path, reason=reason_of(error))) from error
    if len(content) > MAX_BYTES:
        message = _("{file} is larger than {most} MB, the most that is kept")
        raise UsageError(message.format(file=path.name, most=MAX_BYTES // 1_000_000))
    if not content:
        raise UsageError(_("{file} is empty").format(file=path.name))
    if not _is_what_it_says(suffix, content):
        raise UsageError(_("the content of {file} is not what its name says").format(file=path.name))
    if _STARTS[suffix] == (_ZIP,) and _MACROS.search(content):
        raise UsageError(_("{file} holds macros; save it without them").format(file=path.name))
    return Evidence(path.name, content)


def _is_what_it_says(suffix: str, content: bytes) -> bool:
    if suffix in _TEXTS:
        try:
            return "\x00" not in content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return False
    return content.startswith(_STARTS[suffix])
