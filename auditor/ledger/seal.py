"""Seals: the journal's head signed with Ed25519, to be kept where whoever can edit the ledger cannot reach.

The chain alone finds an edit; only a seal finds that the whole chain was computed anew, or that its end was cut off.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from auditor.errors import IntegrityError, UsageError
from auditor.ledger.edge import translated
from auditor.model.codec import from_json, to_json
from auditor.text import _
from auditor.text.reasons import reason_of

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Seal:
    """That the journal's entry ``seq`` had the hash ``head``; ``key`` and ``signature`` are base64."""

    seq: int
    head: str
    at: datetime
    by: str
    key: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """What is signed: everything but the signature."""
        told = {name: value for name, value in to_json(self).items() if name != "signature"}
        return json.dumps(["auditor seal 1", told], sort_keys=True, separators=(",", ":")).encode()

    @property
    def short(self) -> str:
        """Twenty letters for the minutes of a meeting, the same for the same seal and no other."""
        number = int.from_bytes(hashlib.sha256(self.signed).digest(), "big") >> (256 - 100)
        letters = "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(95, -1, -5))
        return "-".join(letters[at : at + 5] for at in range(0, 20, 5))


def signed(seal: Seal, key: Ed25519PrivateKey) -> Seal:
    """The seal with its signature."""
    unsigned = replace(seal, key=public_text(key))
    return replace(unsigned, signature=base64.b64encode(key.sign(unsigned.signed)).decode())


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half, as base64."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def open_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a PEM file. Raises UsageError where there is none, or where others can read it."""
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(_("{path} cannot be read: {reason}").format(path=path, reason=reason_of(error))) from error
    if mode & 0o077:
        raise UsageError(_("{path} can be read by others: close it with chmod 600").format(path=path))
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError) as error:
        raise UsageError(_("{path} holds no private key without a passphrase").format(path=path)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(_("{path} holds no Ed25519 key").format(path=path))
    return key


def make_key(path: Path) -> Ed25519PrivateKey:
    """A new private key, written with mode 0600. Raises UsageError rather than write over a file."""
    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    if path.exists():
        raise UsageError(_("{path} exists already; name another file, or move it away").format(path=path))
    with translated(path), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    return key


def read_seal(path: Path) -> Seal:
    """The seal in a file. Raises UsageError where there is none."""
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(_MAX))
        return from_json(Seal, told)
    except OSError as error:
        raise UsageError(_("{path} cannot be read: {reason}").format(path=path, reason=reason_of(error))) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(_("{path} is no seal").format(path=path)) from error


def check_signature(seal: Seal, trusted: str) -> None:
    """Raise IntegrityError unless the seal is signed by the key that it names, and that is the one trusted ("" for any)."""
    if trusted and seal.key != trusted:
        raise IntegrityError(_("the seal is signed with another key than the one in auditor.toml"))
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(seal.key, validate=True))
        public.verify(base64.b64decode(seal.signature, validate=True), seal.signed)
    except (InvalidSignature, ValueError) as error:
        raise IntegrityError(_("the seal's signature is not right: the seal has been altered")) from error
