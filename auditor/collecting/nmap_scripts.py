"""What a slice keeps of what an NSE script said: what facts read, in an order of its own, nothing that wavers or is secret."""

from __future__ import annotations

import re
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement

# Of a script's tables only what facts read: certificates carry keys and PEM.
_KEPT = {
    "http-title": ("redirect_url",),
    "ssh2-enum-algos": ("kex_algorithms", "server_host_key_algorithms", "encryption_algorithms", "mac_algorithms"),
    "ssl-cert": ("subject", "issuer", "pubkey", "extensions", "sig_algo", "validity"),
}
_DROPPED = frozenset({"modulus", "exponent", "ecdhparams", "critical"})
_TLS_VERSION = re.compile(r"(?:SSL|TLS)")
_GROUP = re.compile(r"dh ([0-9]{1,5})")


def kept(script: Element) -> Element:
    """The script's element as it goes into a slice."""
    name = script.get("id", "")
    out = Element("script", id=name)
    if name == "ssl-enum-ciphers":
        _ciphers(script, out)
        return out
    keys = _KEPT.get(name)
    for child in script:
        if keys is None or child.get("key", "").startswith(keys):
            _copy(child, out)
    return out


def _ciphers(script: Element, out: Element) -> None:
    """Each version with the names of its ciphers in order, and the shortest Diffie-Hellman group that was agreed on.

    nmap's own order is now the server's and now the alphabet, and its grades and warnings change with its version.
    """
    for version in sorted((t for t in script if _TLS_VERSION.match(t.get("key", ""))), key=lambda t: t.get("key", "")):
        table = SubElement(out, "table", key=version.get("key", ""))
        listed = [row for ciphers in version if ciphers.get("key") == "ciphers" for row in ciphers]
        names = {e.text or "" for row in listed for e in row if e.get("key") == "name"}
        said = {e.text or "" for row in listed for e in row if e.get("key") == "kex_info"}
        groups = [int(match[1]) for text in said if (match := _GROUP.fullmatch(text))]
        if names:
            ciphers = SubElement(table, "table", key="ciphers")
            for cipher in sorted(names):
                SubElement(ciphers, "elem").text = cipher
        if groups:
            SubElement(table, "elem", key="dh").text = str(min(groups))


def _copy(element: Element, parent: Element) -> None:
    key = element.get("key")
    if element.tag not in ("table", "elem") or key in _DROPPED:
        return
    out = SubElement(parent, element.tag, {} if key is None else {"key": key})
    if element.tag == "elem":
        out.text = _origin(element.text or "") if key == "redirect_url" else element.text
    for child in element:
        _copy(child, out)


def _origin(url: str) -> str:
    """Where a redirect leads, without path and query: those may carry a session of that very request."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}/" if parts.netloc else ""
