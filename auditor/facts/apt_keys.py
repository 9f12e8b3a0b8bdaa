"""The keys by which apt believes its sources: those of its common keyring, and those that a source names or holds in signed-by.

The keyrings are public; they are read whole and taken apart here (RFC 4880), because no program for it is on every host. Of a
key its kind and size are told; whether it expired is not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

# A source may name several keyrings, on the line below too; since Ubuntu 23.10 add-apt-repository writes the key itself there.
_SCRIPT = (
    THERE
    + r"""
if [ ! -e /usr/bin/apt-config ]; then
  printf 'installed=no\nend\n'
  exit 0
fi
echo installed=yes
listable /etc/apt /etc/apt/trusted.gpg.d /etc/apt/sources.list.d
set --
for file in /etc/apt/trusted.gpg /etc/apt/trusted.gpg.d/*.gpg /etc/apt/trusted.gpg.d/*.asc; do
  if exists "$file"; then set -- "$@" "$file"; fi
done
common=$#
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  exists "$file" || continue
  [ -r "$file" ] || exit 1
  text=$(sed -e '/^[[:space:]]*#/d' "$file") || exit 1
  named=$(printf '%s\n' "$text" | sed -e ':a' -e '$!{N;ba' -e '}' -e 's/\([Bb][Yy]:\)[[:space:]]*\n[[:space:]]*/\1 /g' |
    grep -ioE 'signed-by[=:][[:space:]]*/[^]]*' | sed 's#^[^/]*##' | tr ', ' '\n\n' | grep '^/')
  [ $? -le 1 ] || exit 1
  for key in $named; do
    case " $* " in *" $key "*) continue ;; esac
    if exists "$key"; then set -- "$@" "$key"; fi
  done
done
number=0
for file in "$@"; do
  [ -r "$file" ] || exit 1
  number=$((number + 1))
  if [ $number -le $common ]; then kind=common; else kind=bound; fi
  printf 'keyring=%s %s\n' "$kind" "$file"
  case $file in
    *.asc) sed 's/[[:space:]]*$//' "$file" || exit 1 ;;
    *) if grep -q 'BEGIN PGP PUBLIC' "$file"; then cat "$file"; else base64 "$file"; fi || exit 1 ;;
  esac
  echo
done
for file in /etc/apt/sources.list.d/*.sources; do
  if [ ! -e "$file" ]; then continue; fi
  held=$(sed -n -e '/^#/d' -e 's/^[^[:space:]]*:[[:space:]]*-----BEGIN/ -----BEGIN/' \
    -e '/^[[:space:]].*BEGIN PGP PUBLIC/,/END PGP PUBLIC/p' "$file") || exit 1
  if [ -z "$held" ]; then continue; fi
  printf 'keyring=bound %s\n' "$file"
  printf '%s\n' "$held" | sed -e 's/^[[:space:]]*//' -e 's/^\.$//' || exit 1
done
echo end
"""
)

_ALGORITHMS = {
    1: "rsa",
    2: "rsa",
    3: "rsa",
    16: "elgamal",
    17: "dsa",
    18: "ecdh",
    19: "ecdsa",
    22: "eddsa",
    25: "x25519",
    27: "ed25519",
}


def parse(output: str, _args: Arguments) -> Json:
    """``installed=``, then ``keyring=common|bound <path>`` and the file in base64, bare or in ASCII armour."""
    lines = whole_lines("apt_keys", output)
    if lines == ["installed=no"]:
        return []
    if lines[:1] != ["installed=yes"]:
        raise ParseError("apt_keys: whether apt is installed is missing")
    rings: dict[str, tuple[bool, list[str]]] = {}
    text: list[str] = []
    for line in lines[1:]:
        if line.startswith("keyring="):
            kind, _, path = line.removeprefix("keyring=").partition(" ")
            if kind not in ("common", "bound") or not path.startswith("/"):
                raise ParseError(f"apt_keys: not a keyring: {line[:80]!r}")
            text = rings.setdefault(path, (kind == "common", []))[1]
        else:
            text.append(line)
    found: dict[str, Json] = {}
    for path, (common, body) in rings.items():
        for block in _blocks(body):
            for key in _keys(block):
                found.setdefault(str(key["fingerprint"]), {**key, "file": path, "common": common})
    return list(found.values())


def _blocks(lines: list[str]) -> Iterator[bytes]:
    """The binary keyrings in a file: one when it is bare base64, one for each block of armour."""
    armoured = any(line.startswith("-----BEGIN PGP") for line in lines)
    body: list[str] = []
    inside = not armoured
    for line in lines:
        if line.startswith("-----BEGIN PGP"):
            inside, body = True, []
        elif line.startswith("-----END PGP"):
            yield _decoded(body)
            inside, body = False, []
        elif inside and ":" not in line and not (armoured and line.startswith("=")):
            body.append(line)
    if not armoured:
        yield _decoded(body)
    elif inside:
        raise ParseError("apt_keys: an armoured key is cut")


def _decoded(lines: list[str]) -> bytes:
    try:
        return base64.b64decode("".join(lines), validate=True)
    except binascii.Error as error:
        raise ParseError("apt_keys: a keyring that is not base64") from error


def _keys(data: bytes) -> Iterator[dict[str, Json]]:
    """The primary keys of a keyring, and the subkeys that sign: packets 6 and 14."""
    place = 0
    while place < len(data):
        tag, start, end = _packet(data, place)
        place = end
        body = data[start:end]
        if tag not in (6, 14) or not body:
            continue
        if body[0] not in (3, 4, 6) or len(body) < 12:
            raise ParseError("apt_keys: a key of a version that is not known")
        at = {3: 7, 4: 5, 6: 5}[body[0]]
        algorithm = _ALGORITHMS.get(body[at], f"algorithm {body[at]}")
        if tag == 14 and algorithm in ("elgamal", "ecdh", "x25519"):
            continue  # for encryption only
        bits = int.from_bytes(body[at + 1 : at + 3], "big") if algorithm in ("rsa", "dsa", "elgamal") and body[0] != 6 else 0
        digest = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest().upper()
        yield {"fingerprint": digest, "algorithm": algorithm, "bits": bits, "primary": tag == 6}


def _packet(data: bytes, place: int) -> tuple[int, int, int]:
    """Tag, start and end of the packet at that place. Raises ParseError when it reaches beyond the data."""
    head = data[place]
    if not head & 0x80 or place + 6 > len(data):
        raise ParseError("apt_keys: not a keyring of OpenPGP")
    if head & 0x40:
        tag, first = head & 0x3F, data[place + 1]
        if first < 192:
            start, length = place + 2, first
        elif first < 224:
            start, length = place + 3, (first - 192) * 256 + data[place + 2] + 192
        elif first == 255:
            start, length = place + 6, int.from_bytes(data[place + 2 : place + 6], "big")
        else:
            raise ParseError("apt_keys: a packet of unknown length")
    else:
        tag, kind = (head >> 2) & 0x0F, head & 3
        if kind == 3:
            raise ParseError("apt_keys: a packet of unknown length")
        size = 1 << kind
        start, length = place + 1 + size, int.from_bytes(data[place + 1 : place + 1 + size], "big")
    if start + length > len(data):
        raise ParseError("apt_keys: a keyring is cut")
    return tag, start, start + length


FACT = Fact(
    name="apt_keys",
    title=Text(en="Keys that apt trusts", ar="المفاتيح التي يثق بها apt"),
    shape=ListOf(record(fingerprint=STR, algorithm=STR, bits=INT, primary=BOOL, file=STR, common=BOOL)),
    parse=parse,
    example=[
        {
            "fingerprint": "4D64FEC119C2029067D6E791F8D2585B8783D481",
            "algorithm": "eddsa",
            "bits": 0,
            "primary": True,
            "file": "/etc/apt/trusted.gpg.d/debian-archive-bookworm-stable.asc",
            "common": True,
        }
    ],
    probes={"linux": HostProbe(script=_SCRIPT)},
)
