"""TLS as every port of a host offers it: versions, ciphers and the certificate shown to a client that names no server."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from auditor.errors import ParseError
from auditor.facts._nmap_output import (
    as_items,
    closed_ports,
    elem,
    identified,
    in_tls,
    number,
    open_ports,
    script,
    table,
    texts,
)
from auditor.facts._tls_hello import CONVERSATIONS, SCRIPT, further
from auditor.facts.interface import Arguments, Fact, NetworkProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

# Usual for TLS from the first byte: silence there is not proof that there is none.
_USUAL = frozenset(
    {443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 2376, 3269, 5061, 5671, 5986, 6443, 6514, 8443, 8883, 9443}
)
# Ciphers by which a server shows no certificate: anonymous ones, and those that rest on a secret or a ticket known before.
_WITHOUT_CERTIFICATE = re.compile(
    r"TLS_(?:(?:EC)?DH_anon|PSK|PSK_DHE|(?:EC)?DHE_PSK|KRB5|SRP_SHA|ECCPWD)(?:_EXPORT)?_WITH_\w+", re.ASCII
)
# Those of TLS 1.3 do not tell; a server with Ed25519 calls itself ECDSA, and static ECDH_RSA is said by a key of a curve.
_AUTHENTICATION = re.compile(r"TLS_(?:(?:EC)?DHE_)?(RSA|ECDSA|DSS)(?:_PSK|_EXPORT)?_WITH_")
_KEYS = {"RSA": "rsa", "ECDSA": "ec", "DSS": "dsa"}
_VERSION = re.compile(r"(?:SSLv[23]|TLSv1\.[0-9])")


def parse(output: str, _args: Arguments) -> Json:
    """A host's slice of nmap's XML: for each port that speaks TLS its versions and certificate.

    ``ciphers`` are those of all versions, by their names in IANA's registry; ``dh_bits`` is the shortest group of classic
    Diffie-Hellman that was agreed on. A port that speaks TLS, or usually does and did not say what else it is, and whose
    versions were not read: ParseError. A certificate that could not be read (the script that reads it was silent, or the port
    speaks only versions that our own TLS refuses) is left out: that is no proof that there is none, so checks on it do not
    decide for that port, and the other ports are judged. ``no_certificate`` is there, and true, where each cipher of the port
    shows that there is none. Ciphers are left out when a version did not tell its own. ``incomplete`` is there, and true, where
    the server was not heard to refuse whatever else it was asked for: it may agree to more than is listed.
    ``another_certificate`` is there, and true, where the ciphers tell that there is one of another kind of key, which nmap does
    not show: what is seen of the one says nothing of the other.
    """
    ports: list[Json] = []
    for port in open_ports(output):
        service = port.find("service")
        ciphers, certificate = script(port, "ssl-enum-ciphers"), script(port, "ssl-cert")
        if ciphers is None and certificate is None:
            if in_tls(service) or (number(port) in _USUAL and not identified(service)):
                raise ParseError(f"port {number(port)} completed no TLS handshake, and what it speaks could not be told")
            continue
        if ciphers is None:
            raise ParseError(f"port {number(port)} speaks TLS and its versions could not be read")
        chosen, whole = further(port)
        value: dict[str, Json] = {"port": number(port), "versions": [*sorted({*_versions(ciphers), *chosen})]}
        if (offered := _ciphers(ciphers)) is not None:
            offered = sorted({*offered, *(name for names in chosen.values() for name in names)})
            value["ciphers"] = list(offered)
        if not whole:
            value["incomplete"] = True
        if groups := [int(elem(version, "dh")) for version in ciphers if elem(version, "dh")]:
            value["dh_bits"] = min(groups)
        if certificate is not None:
            value["certificate"] = shown = _certificate(certificate)
            if len({shown["key_type"], *_kinds(offered or [])} - {"unknown"}) > 1:
                value["another_certificate"] = True
        elif whole and offered and all(map(_WITHOUT_CERTIFICATE.fullmatch, offered)):
            value["no_certificate"] = True
        ports.append(value)
    return ports


def proven(output: str, _args: Arguments) -> list[Json]:
    """Ports that spoke TLS, those that said they are something else, and those that refused."""
    told = [p for p in open_ports(output) if script(p, "ssl-enum-ciphers") is not None or identified(p.find("service"))]
    return as_items(told) + closed_ports(output)


def _versions(ciphers: Element) -> list[str]:
    versions = [t.get("key", "") for t in ciphers if t.tag == "table" and _VERSION.fullmatch(t.get("key", ""))]
    if not versions:
        raise ParseError("ssl-enum-ciphers listed no protocol version")
    return versions


def _ciphers(said: Element) -> list[str] | None:
    """The ciphers of all versions; None when one of the versions came without any."""
    names: set[str] = set()
    for version in said:
        listed = [str(text) for text in texts(table(version, "ciphers"))]
        if not listed:
            return None
        # nmap's own writing of the ciphers of TLS 1.3, which leave the key exchange open
        names.update(name.replace("TLS_AKE_WITH_", "TLS_", 1) for name in listed)
    return sorted(names)


def _kinds(ciphers: list[str]) -> set[str]:
    """The kinds of keys, as nmap calls them, by which the server proves who it is in these ciphers."""
    return {_KEYS[match[1]] for name in ciphers if (match := _AUTHENTICATION.match(name))}


def _certificate(said: Element) -> dict[str, Json]:
    key, validity = table(said, "pubkey"), table(said, "validity")
    subject, issuer = _name(table(said, "subject")), _name(table(said, "issuer"))
    common = elem(table(said, "subject"), "commonName")
    names = dict.fromkeys(_names(common, _alternative_names(table(said, "extensions"))))
    signature = elem(said, "sig_algo").lower()
    if not signature:
        raise ParseError("the certificate's signature algorithm is missing")
    return {
        "subject": subject,
        "issuer": issuer,
        "names": list(names),
        "not_before": _instant(elem(validity, "notBefore")),
        "not_after": _instant(elem(validity, "notAfter")),
        "key_type": elem(key, "type"),
        "key_bits": int(elem(key, "bits")),
        "signature": signature,
        "self_signed": subject == issuer,
    }


def _name(parts: Element | None) -> str:
    """A distinguished name on one line, in the fixed order that nmap sorts it."""
    return ", ".join(f"{e.get('key', '')}={e.text or ''}" for e in (parts if parts is not None else ()) if e.tag == "elem")


def _names(common: str, alternative: list[tuple[str, str]]) -> list[str]:
    """Those that clients look at: beside alternative names of DNS the common name counts no more (RFC 6125, 6.4.4)."""
    counts = common and all(kind != "DNS" for kind, _ in alternative)
    return [*([common] if counts else []), *(value for _, value in alternative)]


def _alternative_names(extensions: Element | None) -> list[tuple[str, str]]:
    for extension in extensions if extensions is not None else ():
        if elem(extension, "name") == "X509v3 Subject Alternative Name":
            parts = (part.strip().partition(":") for part in elem(extension, "value").split(","))
            return [(kind, value) for kind, _, value in parts if kind in ("DNS", "IP Address") and value]
    return []


def _instant(text: str) -> int:
    """Seconds since 1970; certificates state UTC. Raises ValueError on anything that is no date."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


FACT = Fact(
    name="tls",
    title=Text(
        en="TLS versions, ciphers and certificates seen from the network",
        ar="إصدارات TLS وخوارزمياته وشهاداته كما تُرى من الشبكة",
    ),
    shape=ListOf(
        record(
            port=INT,
            versions=ListOf(STR),
            ciphers=optional(ListOf(STR)),
            dh_bits=optional(INT),
            certificate=optional(
                record(
                    subject=STR,
                    issuer=STR,
                    names=ListOf(STR),
                    not_before=INT,
                    not_after=INT,
                    key_type=STR,
                    key_bits=INT,
                    signature=STR,
                    self_signed=BOOL,
                )
            ),
            another_certificate=optional(BOOL),
            no_certificate=optional(BOOL),
            incomplete=optional(BOOL),
        )
    ),
    parse=parse,
    example=[
        {
            "port": 443,
            "versions": ["TLSv1.2", "TLSv1.3"],
            "ciphers": ["TLS_AES_256_GCM_SHA384", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"],
            "dh_bits": 2048,
            "certificate": {
                "subject": "commonName=portal.health.example",
                "issuer": "commonName=National CA",
                "names": ["portal.health.example"],
                "not_before": 1735689600,
                "not_after": 1798761600,
                "key_type": "rsa",
                "key_bits": 3072,
                "signature": "sha256withrsaencryption",
                "self_signed": False,
            },
        }
    ],
    network=NetworkProbe(what="scripts", scripts=("ssl-cert", SCRIPT), service_detection=True, conversations=CONVERSATIONS),
    version=4,
    proven=proven,
)
