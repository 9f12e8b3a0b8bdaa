"""What a slice keeps of what an NSE script said: what facts read, in an order of its own, nothing that wavers or is secret."""

from __future__ import annotations

import re
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement

# Of a script's tables only what facts read: certificates carry keys and PEM.
_KEPT = {
    "http-title": ("redirect_url",),
    "ssh2-enum-algos": ("kex_algorithms", "server_host_key_algorithms", "encryption_algorithms", "mac_algorithms"),
    "smb-protocols": ("dialects",),
    "smb2-security-mode": ("2", "3"),
    "ssl-cert": ("subject", "issuer", "pubkey", "extensions", "sig_algo", "validity"),
}
# Of a VNC server's ways to log on the numbers, by where they are offered.
_VNC_TYPES = ("Security types", "VeNCrypt auth subtypes", "TLS auth subtypes", "Tight auth subtypes")
_DROPPED = frozenset({"modulus", "exponent", "ecdhparams", "critical"})
_TLS_VERSION = re.compile(r"(?:SSL|TLS)")
# Of a web server's headers those that checks read: the others carry times, lengths and tags of the very answer.
_HEADERS = frozenset({
    "content-security-policy", "location", "server", "set-cookie", "strict-transport-security", "www-authenticate",
    "x-content-type-options", "x-frame-options", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator",
})  # fmt: skip
_HEADER = re.compile(r"\s*([A-Za-z0-9-]{1,60}):[ \t]*(.*)")
_NONCE = re.compile(r"'(nonce|sha256|sha384|sha512)-[^']*'")
_GROUP = re.compile(r"dh ([0-9]{1,5})")


def kept(script: Element) -> Element:
    """The script's element as it goes into a slice."""
    name = script.get("id", "")
    out = Element("script", id=name)
    if name == "ssl-enum-ciphers":
        _ciphers(script, out)
        return out
    if name == "http-headers":
        _headers(script.get("output", ""), out)
        return out
    if name == "vnc-info":
        _security_types(script, out)
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


def _headers(output: str, out: Element) -> None:
    """The headers by their names in lower case, in order. Each cookie is its name and flags: its value is somebody's session.

    Of one header said twice browsers mostly look at the first: those stay as the server said them, but for cookies.
    """
    found: list[tuple[str, str]] = []
    for line in output.splitlines():
        match = _HEADER.fullmatch(line)
        if match and (name := match[1].lower()) in _HEADERS:
            found.append((name, _steady(name, match[2].strip())))
    for name, value in sorted(dict.fromkeys(found), key=lambda said: (said[0], said[1] if said[0] == "set-cookie" else "")):
        SubElement(out, "elem", key=name).text = value


def _security_types(script: Element, out: Element) -> None:
    """The numbers in order: nmap's names for them change with its version, and the elements of one now stand so, now so."""
    for key in _VNC_TYPES:
        for said in (t for t in script if t.get("key") == key):
            numbers = {e.text or "" for row in said for e in row if e.get("key") in ("type", "code")}
            numbers |= {
                e.text or "" for e in said if e.tag == "elem"
            }  # "None", where a server of TightVNC's kind asks for nothing
            table = SubElement(out, "table", key=key)
            for number in sorted(numbers):
                SubElement(table, "elem").text = number


def _steady(name: str, value: str) -> str:
    """The value without what differs with each answer."""
    if name == "set-cookie":
        pair, *flags = (part.strip() for part in value.split(";"))
        kept_flags = sorted({flag.lower() for flag in flags} & {"secure", "httponly"})
        return "; ".join([pair.partition("=")[0], *kept_flags])
    if name == "location":
        return _origin(value)
    if name == "www-authenticate":
        return value.split(maxsplit=1)[0].lower() if value else ""
    return _NONCE.sub(r"'\1-'", value) if name == "content-security-policy" else value


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
