"""Secrets in an inventory: found, named, refused, and never printed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from auditor.loading.document import Document, Keys
from auditor.loading.mistake import Mistake
from auditor.model import Json
from auditor.text import N_, _

_KEY = re.compile(
    r"(^|[_-])(password|passwd|passphrase|pass|pwd|secret|token|api[_-]?key|private[_-]?key|credentials?|become_pass(word)?)($|[_-])",
    re.IGNORECASE,
)
_HARMLESS_KEYS = frozenset({"password_env", "password_command", "passphrase_env"})
_VALUE = re.compile(
    r"-----BEGIN|PuTTY-User-Key-File|\$(1|2[abxy]?|5|6|7|y|gy|sha1|argon2[a-z]*|scrypt)\$[^\s]{4,}"
    r"|\b(ghp|gho|ghs|github_pat|glpat|xox[abprs])[_-][A-Za-z0-9_-]{16,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.|\$ANSIBLE_VAULT;|://[^/\s:@]+:[^/\s@]+@"
)
_PRINTS = re.compile(r"^\s*(/bin/|/usr/bin/)?(echo|printf)\b|<<<|\bsshpass\s+-p", re.IGNORECASE)

_INSTEAD = N_(
    "give a key by its path, use the agent, or name a variable (password_env) or a command (password_command) that gives it"
)


def looks_secret(text: str) -> bool:
    """Whether the text has the form of a key, a password's hash or a token."""
    return _VALUE.search(text) is not None


def find_secrets(document: Document) -> tuple[Mistake, ...]:
    """Every secret written in the document, its comments included."""
    found = list(_in_values(document, document.value, ()))
    lines = {mistake.line for mistake in found}
    for number, line in enumerate(document.text.split("\n"), start=1):
        match = _VALUE.search(line, line.find("#")) if "#" in line else None
        if match and number not in lines:
            message = _("this comment holds a secret, and no secret may be written in an inventory; {instead}").format(
                instead=_(_INSTEAD)
            )
            found.append(Mistake(document.file, number, match.start() + 1, message, document.department))
    return tuple(found)


def _in_values(document: Document, value: Json, keys: Keys) -> Iterator[Mistake]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if looks_secret(key):
                message = _("this key is itself a secret; {instead}").format(instead=_(_INSTEAD))
                yield document.mistake((*keys, key), message, at_key=True)
            elif _KEY.search(key) and key not in _HARMLESS_KEYS:
                message = _("the key {key} names a secret, and no secret may be written in an inventory; {instead}").format(
                    key=key, instead=_(_INSTEAD)
                )
                yield document.mistake((*keys, key), message, at_key=True)
            else:
                yield from _in_values(document, inner, (*keys, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _in_values(document, inner, (*keys, index))
    elif isinstance(value, str) and looks_secret(value):
        message = _("this value is a secret, and no secret may be written in an inventory; {instead}")
        yield document.mistake(keys, message.format(instead=_(_INSTEAD)))
    elif isinstance(value, str) and keys and keys[-1] == "password_command" and _PRINTS.search(value):
        message = _("this command holds the secret that it prints; {instead}")
        yield document.mistake(keys, message.format(instead=_(_INSTEAD)))
