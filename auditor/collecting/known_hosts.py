"""The workspace's known_hosts: which host keys are trusted, read strictly and written only on a person's word.

Only this file is trusted, not the user's own: cron and people then see the same hosts. The format is OpenSSH's: hashed names,
patterns and ``@revoked`` are honoured; ``@cert-authority`` lines are kept but trust nothing, because host certificates are not
verified.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fnmatch
import hashlib
import hmac
import os
import shlex
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from auditor.errors import ConfigurationError
from auditor.model import Asset
from auditor.text import _
from auditor.text.reasons import reason_of

_MARKERS = ("@revoked", "@cert-authority")


class KeyState(StrEnum):
    """What is on record about the key that a host shows."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host's public key; ``host`` is its name in known_hosts, such as ``web1`` or ``[web1]:2222``."""

    host: str
    type: str
    base64: str

    @property
    def fingerprint(self) -> str:
        """SHA256:…, as ``ssh-keygen -l`` prints it."""
        return fingerprint(base64.b64decode(self.base64))


@dataclass(frozen=True, slots=True)
class _Entry:
    names: tuple[str, ...]
    type: str
    blob: bytes
    marker: str = ""


def fingerprint(blob: bytes) -> str:
    """SHA256:… of a key in its wire form."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")


def host_name(address: str, port: int) -> str:
    """A host's name in known_hosts: the port is written when it is not 22."""
    return address.lower() if port == 22 else f"[{address.lower()}]:{port}"


def trust_command(asset: Asset) -> str:
    """The exact command by which a person accepts the asset's host key."""
    return f"auditor hosts trust {shlex.quote(asset.uid)}"


class KnownHosts:
    """The content of one known_hosts file, made for many look-ups."""

    def __init__(self, entries: tuple[_Entry, ...]) -> None:
        self._exact: dict[str, list[_Entry]] = {}
        self._other: list[_Entry] = []
        for entry in entries:
            if any(map(_is_pattern, entry.names)):
                self._other.append(entry)
            else:
                for name in entry.names:
                    self._exact.setdefault(name.lower(), []).append(entry)

    def _entries(self, host: str) -> list[_Entry]:
        return [*self._exact.get(host, ()), *(e for e in self._other if _matches(e.names, host))]

    def types(self, host: str) -> tuple[str, ...]:
        """The key types on record for a host, in the order of the file."""
        return tuple(dict.fromkeys(e.type for e in self._entries(host) if not e.marker))

    def state(self, host: str, key_type: str, blob: bytes) -> KeyState:
        """What the record says of this key. A key of a type not on record is ``changed`` where another type is on record."""
        entries = self._entries(host)
        if any(e.marker == "@revoked" and e.blob == blob for e in entries):
            return KeyState.REVOKED
        trusted = [e for e in entries if not e.marker]
        if any(e.type == key_type and hmac.compare_digest(e.blob, blob) for e in trusted):
            return KeyState.KNOWN
        return KeyState.CHANGED if trusted else KeyState.UNKNOWN


def load(path: Path) -> KnownHosts:
    """Read a known_hosts file; a missing one trusts nobody. Raises ConfigurationError naming every line that is wrong."""
    return KnownHosts(tuple(e for _, e in _lines(_read(path), path) if e is not None))


def key_state(path: Path, key: HostKey) -> KeyState:
    """What is on record about a key that a host showed."""
    return load(path).state(key.host, key.type, base64.b64decode(key.base64))


def trust(path: Path, keys: tuple[HostKey, ...]) -> int:
    """Put the keys on record, in place of the other keys on record for the same hosts. Returns how many lines were written.

    A line that also speaks for other hosts keeps speaking for those; ``@revoked`` lines are never touched.
    """
    hosts = {key.host for key in keys}
    kept = []
    for line, entry in _lines(_read(path), path):
        if entry is None or entry.marker or not any(_named(entry.names, host) for host in hosts):
            kept.append(line)
            continue
        names = tuple(n for n in entry.names if not any(_named((n,), host) for host in hosts))
        if names:
            kept.append(" ".join((",".join(names), entry.type, base64.b64encode(entry.blob).decode("ascii"))))
    new = [f"{key.host} {key.type} {key.base64}" for key in keys]
    _write(path, [*kept, *new])
    return len(new)


def import_known_hosts(path: Path, source: Path, hosts: Iterable[str] = (), text: str | None = None) -> int:
    """Add a supplied known_hosts in bulk; lines already there are not repeated. Returns how many were added.

    Refuses, naming each, lines whose host is on record with another key of the same type: a changed key is trusted one by one.
    What hashed names and patterns mean is asked of ``hosts``, the names that are looked up, and of all that are written out.
    ``text`` is the content of ``source`` where it was read already.
    """
    text = _read(source, missing_ok=False) if text is None else text
    supplied = [(line, entry) for line, entry in _lines(text, source) if entry is not None]
    present = [(line, entry) for line, entry in _lines(_read(path), path) if entry is not None]
    known = KnownHosts(tuple(entry for _, entry in present))
    entries = {entry for _, entry in present}
    written = [name for _, entry in (*supplied, *present) for name in entry.names if not _is_pattern(name)]
    record = _Record(known, entries, {*map(str.lower, written), *hosts})
    found = [(name, entry.type) for _line, entry in supplied if not entry.marker for name in record.against(entry)]
    if found:
        told = _("{host}: another {type} key is on record for this host")
        mistakes = tuple(f"{source}: " + told.format(host=name, type=kind) for name, kind in found)
        raise ConfigurationError(_("The supplied known_hosts contradicts the workspace's."), mistakes)
    added = [line for line, entry in supplied if entry not in entries]
    if added:
        _write(path, [*_read(path).splitlines(), *added])
    return len(added)


class _Record:
    """What is on record, to be held against lines that are supplied."""

    def __init__(self, known: KnownHosts, entries: Iterable[_Entry], hosts: Iterable[str]) -> None:
        self._known = known
        self._recorded = [(host, types) for host in sorted(hosts) if (types := known.types(host))]
        self._patterns: dict[tuple[str, str], set[bytes]] = {}  # by name as it is written and type of key
        for entry in entries:
            for name in entry.names:
                if _is_pattern(name) and not entry.marker:
                    self._patterns.setdefault((name, entry.type), set()).add(entry.blob)

    def against(self, entry: _Entry) -> list[str]:
        """The names for which another key of the same type is on record than this line has."""
        patterns = [name for name in entry.names if _is_pattern(name)]
        plain = [] if patterns else [name.lower() for name in entry.names]
        for host, types in self._recorded if patterns else ():
            if entry.type in types and _matches(entry.names, host):
                plain.append(host)
        contested = [h for h in plain if entry.type in self._known.types(h)]
        found = [h for h in contested if self._known.state(h, entry.type, entry.blob) is not KeyState.KNOWN]
        # the same hash, or the same pattern, means the same hosts, whichever they are
        same = [(name, self._patterns.get((name, entry.type))) for name in patterns if not name.startswith("!")]
        return found or [name for name, keys in same if keys and entry.blob not in keys]


def _is_pattern(name: str) -> bool:
    """Whether a name does not say by itself which host it is."""
    return name.startswith(("|", "!")) or "*" in name or "?" in name


def _matches(names: tuple[str, ...], host: str) -> bool:
    """As OpenSSH: a negated pattern that matches rules the whole line out."""
    found = False
    for name in names:
        if name.startswith("!"):
            if _glob(host, name[1:]):
                return False
        elif name.startswith("|1|"):
            found = found or _hashed(host, name)
        elif _glob(host, name):
            found = True
    return found


def _glob(host: str, pattern: str) -> bool:
    # square brackets are literal in known_hosts ([host]:port)
    return fnmatch.fnmatchcase(host, pattern.lower().replace("[", "[[]"))


def _named(names: tuple[str, ...], host: str) -> bool:
    return any(name.lower() == host or (name.startswith("|1|") and _hashed(host, name)) for name in names)


def _hashed(host: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in name[3:].split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(salt, host.encode(), "sha1"), digest)


def _read(path: Path, missing_ok: bool = True) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        if missing_ok:
            return ""
        raise ConfigurationError(f"{path}: " + _("there is no such file")) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: " + _("cannot be read: {reason}").format(reason=reason_of(error))) from error


def _lines(text: str, path: Path) -> list[tuple[str, _Entry | None]]:
    """Each line with what it says; None for comments. A line we cannot read may be a revocation, so none is passed over."""
    found: list[tuple[str, _Entry | None]] = []
    mistakes = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            found.append((line, None))
            continue
        fields = line.split()
        marker = fields.pop(0) if fields[0].startswith("@") else ""
        try:
            if marker and marker not in _MARKERS:
                raise ValueError(_("unknown marker {marker}").format(marker=marker))
            names, key_type, encoded = fields[:3]
            blob = base64.b64decode(encoded, validate=True)
            if blob[4 : 4 + int.from_bytes(blob[:4], "big")] != key_type.encode():
                raise ValueError(_("the key is not of the type that the line says"))
        except (ValueError, binascii.Error) as error:
            why = str(error) if "unpack" not in str(error) else _("expected: hosts, key type, key")
            mistakes.append(f"{path}:{number}:1: " + _("not a known_hosts line: {problem}").format(problem=why))
            continue
        found.append((line, _Entry(tuple(names.split(",")), key_type, blob, marker)))
    if mistakes:
        raise ConfigurationError(_("{path} cannot be used.").format(path=path), tuple(mistakes))
    return found


def _write(path: Path, lines: list[str]) -> None:
    """Whole or not at all: killed at any moment, the old file or the new one is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".known_hosts-")  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
