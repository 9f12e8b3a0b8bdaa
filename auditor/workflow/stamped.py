"""The files that a report is made from, by the hashes that its stamp has of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from auditor.errors import UsageError
from auditor.loading import SETTINGS_FILE, shown_path
from auditor.model import Catalogue, Json, Settings
from auditor.model.codec import digest, to_json
from auditor.text import _
from auditor.text.reasons import reason_of

_MOST_PICTURE = 500_000


def input_hashes(catalogue: Catalogue, settings_text: str | None = None) -> tuple[tuple[str, str], ...]:
    """(path, SHA-256) of every file that a report is made from: those of the workspace, and the letterheads' pictures.

    Of auditor.toml it is the hash of what reports look like by it. People, timeouts and letters are in no report, and naming a
    person must not leave all earlier reports unverifiable. ``settings_text`` is a whole auditor.toml to be hashed instead, as it
    was for reports made before.
    """
    settings = catalogue.settings
    found = [(name, _sha256(content.encode())) for name, content in catalogue.sources if name != SETTINGS_FILE]
    if settings_text is None:
        found.append((f"{SETTINGS_FILE} [report]", digest(report_looks(settings))))
    else:
        found.append((SETTINGS_FILE, _sha256(settings_text.encode())))
    logos = {h.logo for h in (settings.letterhead, *settings.letterheads.values()) if h.logo is not None}
    found += [(shown_path(settings.root, path), _sha256(picture_bytes(path))) for path in logos]
    return tuple(sorted(found))


def report_looks(settings: Settings) -> Json:
    """All of auditor.toml that can be seen in a report."""
    heads = {"": settings.letterhead, **settings.letterheads}
    shown: Json = {n: [to_json(h.text), shown_path(settings.root, h.logo) if h.logo else ""] for n, h in heads.items()}
    return [settings.numerals, settings.dates, shown]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def picture_bytes(path: Path) -> bytes:
    """The content of a letterhead's picture. Raises UsageError for one that cannot be read or is too large for every page."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(_("{path} cannot be read: {reason}").format(path=path, reason=reason_of(error))) from error
    if len(content) > _MOST_PICTURE:
        raise UsageError(
            _("{path} is larger than {most} bytes, which is too much for a letterhead").format(path=path, most=_MOST_PICTURE)
        )
    return content
