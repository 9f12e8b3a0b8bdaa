"""Drops secrets that came all the same, before anything is stored.

Probes filter on the target; this is the second fence. It must never change what a parser reads: parse(redact(x)) = parse(x)
for every golden.
"""

from __future__ import annotations

import re

from auditor.model.texts import ByText

GONE = "[redacted]"

_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)", re.DOTALL)
# crypt(3): an id, then salt and hash; the length keeps prices and shell variables out
_CRYPT = re.compile(
    r"\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|md5|apr1|argon2(?:id|i|d)|scrypt|pbkdf2[a-z0-9-]*)\$[./A-Za-z0-9$=,+*-]{12,}"
)
# the second field of a line of shadow, unless it is empty, x or a lock; old DES hashes are 13 letters
_SHADOW = re.compile(r":([!*]?)[./A-Za-z0-9_]{13,}(?=:[0-9]*:[0-9]*:[0-9]*:[0-9]*:[0-9]*:[0-9]*:)")
# of a line; a package of the system is called passwd, and its version stands after a sign
_NAMES = (
    r"(?:p(?:ass(?:word|phrase|wd(?<!^passwd)|(?<![a-z]pass))|wd(?<![a-z]pwd))|secrets?|token"
    r"|(?:bind|db|admin|user)_?(?:pw|pass)|(?:secret|api|access|private|file|auth)[_-]?key)"
)
_VALUE = r"(\"[^\"\n]+\"|'[^'\n]+'|[^\s\"';,]+)"
# whatever stands before the name: DB_PASSWORD=, ldapbindpasswd=, "splunk-token": "…" in JSON
_ASSIGNED = re.compile(rf"(?i)({_NAMES}(?:[\"']?\s*=\s*|\"\s*:\s*(?=\"))){_VALUE}")
# directives of web servers whose value stands after a blank
_GIVEN = re.compile(
    r"(?i)(\b(?:SetEnv|fastcgi_param|uwsgi_param|scgi_param|env)[ \t]+\"?\w{0,60}(?:PASS|PW|SECRET|TOKEN|_KEY)\w{0,60}\"?[ \t]+"
    rf"|\bAuthLDAPBindPassword[ \t]+|\bAuthorization[\"']?[ \t]+){_VALUE}"
)
_DIRECTIVES = ("setenv", "_param", "env ", "authldapbindpassword", "authorization")
_JSON = '":'  # behind a name
_URL = re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,64}:)[^\s/@]{1,128}(?=@)")


_clean = ByText[str]()  # texts that hold no secret, by themselves: hosts that print the same share one text


def redact(text: str) -> str:
    """The text with every secret that it is known to look like replaced by ``[redacted]``."""
    known = _clean.get(text)
    if known is not None:
        return known
    without = _redacted(text)
    if without == text:
        _clean.put(text, text)
    return without


def _redacted(text: str) -> str:
    if "PRIVATE KEY" in text:
        text = _PEM.sub(GONE, text)
    if "$" in text:
        text = _CRYPT.sub(GONE, text)
    if ":" in text:
        text = _SHADOW.sub(rf":\1{GONE}", text)
    if "://" in text and "@" in text:
        text = _URL.sub(rf"\1{GONE}", text)
    lowered = text.lower()
    if _names_a_secret(lowered):
        text = "\n".join([_assigned(line) if "=" in line or _JSON in line else line for line in text.split("\n")])
    if any(word in lowered for word in _DIRECTIVES):
        text = "\n".join(map(_given, text.split("\n")))
    return text


def _assigned(line: str) -> str:
    return _ASSIGNED.sub(_hidden, line) if _names_a_secret(line.lower()) else line


def _given(line: str) -> str:
    lowered = line.lower()
    return _GIVEN.sub(_hidden, line) if any(word in lowered for word in _DIRECTIVES) else line


def _hidden(found: re.Match[str]) -> str:
    """What was matched without its value, in the quotes that it had."""
    quote = found[2][0] if found[2][0] in "\"'" else ""
    return f"{found[1]}{quote}{GONE}{quote}"


def _names_a_secret(lowered: str) -> bool:
    """Spares most text, and most lines of the rest, the costly search."""
    return "pass" in lowered or "pw" in lowered or "secret" in lowered or "token" in lowered or "key" in lowered
