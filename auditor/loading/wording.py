"""How places and values are named in mistakes; a value that may be a secret is never repeated."""

from __future__ import annotations

import json
import re

from auditor.loading.document import Document, Keys
from auditor.loading.secrets import looks_secret
from auditor.model import Json
from auditor.text import _

_MAX_SHOWN = 60
_PRIVATE = re.compile(r"pass|secret|token|key|credential|private|jump|user", re.IGNORECASE)


def where(keys: Keys) -> str:
    """``hosts[3].ports``; ``the file`` for the top."""
    shown = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return shown.removeprefix(".") or _("the file")


def got(value: Json, keys: Keys, document: Document) -> str:
    """The value as a person would write it, shortened; described only, where it may be a secret."""
    match value:
        case None:
            return _("empty")
        case dict():
            return _("a mapping")
        case list():
            return _("a list")
        case str() if looks_secret(value) or (document.department and _may_be_secret(value, keys)):
            return _("a text that is not repeated here")
        case str():
            return json.dumps(value if len(value) <= _MAX_SHOWN else value[:_MAX_SHOWN] + "…", ensure_ascii=False)
        case _:
            return json.dumps(value)


def _may_be_secret(value: str, keys: Keys) -> bool:
    """What stands where names of secrets or logins go; and anything with an @, for people write user:password@host."""
    return "@" in value or any(_PRIVATE.search(str(key)) for key in keys)
