"""What a web server says in the headers of its front page, as browsers get them: protection, cookies, versions told."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._nmap_output import as_items, closed_ports, identified, in_tls, number, open_ports, script
from auditor.facts.interface import Arguments, Fact, NetworkProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, MapOf, optional, record
from auditor.model import Json, Text

_USUAL = frozenset({80, 8080})  # silence there is no proof that there is no web server
_MAX_AGE = re.compile(r'(?:^|;)\s*max-age\s*=\s*"?([0-9]{1,12})"?\s*(?:;|,|$)', re.IGNORECASE)  # RFC 6797


def parse(output: str, _args: Arguments) -> Json:
    """A host's slice of nmap's XML: for each port that speaks HTTP the headers of ``/`` by their names in lower case.

    ``hsts_seconds`` is the max-age of Strict-Transport-Security, 0 when there is none. ``cookies`` are names with the flags
    ``secure`` and ``httponly``; ``www-authenticate`` is the scheme alone, ``location`` where a redirect leads without its path.
    ``tls`` is left out where nmap found neither TLS nor what the service is: the script speaks TLS where plain words fail, and
    does not tell. A port that speaks HTTP, or usually does and did not say what else it is, and whose headers were not read:
    ParseError.
    """
    servers: list[Json] = []
    for port in open_ports(output):
        service, said = port.find("service"), script(port, "http-headers")
        attributes = {} if service is None else service.attrib
        if said is None:
            if identified(service) and attributes.get("name", "").startswith("http"):
                raise ParseError(f"port {number(port)} speaks HTTP and its headers were not read")
            if number(port) in _USUAL and not identified(service) and not in_tls(service):
                raise ParseError(f"port {number(port)} showed no headers, and what it speaks could not be told")
            continue
        pairs = [(e.get("key", ""), e.text or "") for e in said if e.tag == "elem"]
        told: dict[str, list[str]] = {}
        for name, value in pairs:
            if name != "set-cookie":
                told.setdefault(name, []).append(value)
        headers: dict[str, Json] = {name: ", ".join(values) for name, values in told.items()}
        cookies: list[Json] = [_cookie(value) for name, value in pairs if name == "set-cookie"]
        seconds = _MAX_AGE.search(str(headers.get("strict-transport-security", "")))
        server: dict[str, Json] = {
            "port": number(port),
            "headers": headers,
            "cookies": cookies,
            "hsts_seconds": int(seconds[1]) if seconds else 0,
        }
        if in_tls(service) or identified(service):
            server["tls"] = in_tls(service)
        servers.append(server)
    return servers


def _cookie(value: str) -> Json:
    name, *flags = value.split("; ")
    return {"name": name, "secure": "secure" in flags, "httponly": "httponly" in flags}


def proven(output: str, _args: Arguments) -> list[Json]:
    """Ports whose headers were read, those that said they are something else, and those that refused."""
    told = [p for p in open_ports(output) if script(p, "http-headers") is not None or identified(p.find("service"))]
    return as_items(told) + closed_ports(output)


FACT = Fact(
    name="web_headers",
    title=Text(en="Headers that web servers send with their front page", ar="الترويسات التي ترسلها خوادم الويب مع صفحتها الأولى"),
    shape=ListOf(
        record(
            port=INT,
            tls=optional(BOOL),
            headers=MapOf(STR),
            cookies=ListOf(record(name=STR, secure=BOOL, httponly=BOOL)),
            hsts_seconds=INT,
        ),
    ),
    parse=parse,
    example=[
        {
            "port": 443,
            "tls": True,
            "headers": {"server": "nginx", "strict-transport-security": "max-age=31536000"},
            "cookies": [{"name": "session", "secure": True, "httponly": True}],
            "hsts_seconds": 31536000,
        }
    ],
    network=NetworkProbe(what="scripts", scripts=("http-headers",), service_detection=True),
    version=3,
    proven=proven,
)
