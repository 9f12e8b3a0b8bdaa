"""What a slice keeps of an NSE script: the same host gives the same slice each night."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest

from auditor.collecting.nmap_scripts import kept
from auditor.facts import by_name


def version(name: str, ciphers: dict[str, str]) -> str:
    rows = "".join(
        f'<table><elem key="strength">A</elem><elem key="name">{cipher}</elem><elem key="kex_info">{kex}</elem></table>'
        for cipher, kex in ciphers.items()
    )
    return f'<table key="{name}"><table key="ciphers">{rows}</table><elem key="cipher preference">server</elem></table>'


def slice_of(*versions: str) -> str:
    script = fromstring(f'<script id="ssl-enum-ciphers">{"".join(versions)}<elem key="least strength">C</elem></script>')
    return tostring(kept(script), encoding="unicode")


def test_the_order_of_ciphers_and_nmap_s_grades_do_not_reach_the_slice() -> None:
    """nmap lists them now by the server's preference, now by the alphabet: an unchanged server must not look changed."""
    one = {"TLS_B": "rsa 2048", "TLS_A": "dh 2048"}
    two = {"TLS_A": "dh 2048", "TLS_B": "rsa 2048"}
    slices = [
        slice_of(version("TLSv1.2", one), version("TLSv1.3", {"TLS_C": "ecdh_x25519"})),
        slice_of(version("TLSv1.3", {"TLS_C": "ecdh_x25519"}), version("TLSv1.2", two)),
    ]
    assert slices[0] == slices[1]
    assert not any(word in slices[0] for word in ("strength", "preference", "server", ">A<"))


@pytest.mark.parametrize(("groups", "shortest"), [(("dh 3072", "dh 1024"), "1024"), (("ecdh_x25519", "rsa 2048"), None)])
def test_the_shortest_group_is_kept(groups: tuple[str, ...], shortest: str | None) -> None:
    """Of classic Diffie-Hellman alone; the strongest of several would hide the weakest."""
    said = fromstring(slice_of(version("TLSv1.2", {f"TLS_{n}": group for n, group in enumerate(groups)})))
    assert shortest == next((e.text for e in said.iter("elem") if e.get("key") == "dh"), None)


def test_a_version_without_ciphers_is_not_given_any() -> None:
    """What was not told stays untold: the fact then leaves the port's ciphers open."""
    assert "ciphers" not in slice_of('<table key="TLSv1.2"/>').replace("ssl-enum-ciphers", "")


def test_of_a_web_server_s_headers_nothing_is_kept_that_wavers_or_is_secret() -> None:
    """Times, tags, nonces and the values of cookies stay behind; a redirect's path may carry a session."""
    said = [
        '\n  Date: Fri, 25 Jan 2013 17:39:08 GMT\n  ETag: "5f"\n  Server: nginx\n  Location: /login?session=s3cret',
        "\n  Set-Cookie: sid=s3cret; Path=/; HttpOnly; Secure\n  WWW-Authenticate: Digest realm=x, nonce=s3cret",
        "\n  Content-Security-Policy: script-src 'nonce-s3cret'\n  \n  (Request type: HEAD)\n",
    ]
    script = Element("script", id="http-headers", output="".join(said))
    assert [
        ("content-security-policy", "script-src 'nonce-'"),
        ("location", None),
        ("server", "nginx"),
        ("set-cookie", "sid; httponly; secure"),
        ("www-authenticate", "digest"),
    ] == [(e.get("key"), e.text or None) for e in kept(script)]


def test_of_a_header_said_twice_the_first_counts() -> None:
    """Regression, false pass: put in order, half a year came before the minute that browsers keep to (RFC 6797, 8.1)."""
    said = "\n  Strict-Transport-Security: max-age=60\n  Server: x\n  Strict-Transport-Security: max-age=31536000\n"
    script = kept(Element("script", id="http-headers", output=said))
    port = f'<port protocol="tcp" portid="443"><state state="open"/>{tostring(script, encoding="unicode")}</port>'
    fact = by_name("web_headers")
    assert fact is not None
    value: Any = fact.value(f'<host><status state="up"/><ports>{port}</ports></host>', {})
    assert value[0]["hsts_seconds"] == 60
