"""Which dialects of SMB a file server speaks on the network, and whether it insists on signed messages."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts._nmap_output import closed_ports, number, open_ports, slice_of, table, texts
from auditor.facts.interface import Arguments, Fact, NetworkProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_PORTS = (445, 139)  # nmap's scripts speak to the first that is open; on the second SMB goes over NetBIOS
_REQUIRED, _NOT_REQUIRED = "enabled and required", "not required"


def parse(output: str, _args: Arguments) -> Json:
    """A host's slice of nmap's XML: one item when one of SMB's ports is open.

    ``version_1``: the first version is spoken, whose messages anyone may forge. ``signing_required`` is what versions 2 and 3
    say; it is left out where they are not spoken. An open port whose dialects were not read: ParseError.
    """
    found = {number(port) for port in open_ports(output)}
    spoken = next((port for port in _PORTS if port in found), None)
    if spoken is None:
        return []
    scripts = {s.get("id", ""): s for e in slice_of(output, "host") if e.tag == "hostscript" for s in e}
    dialects = [str(text) for text in texts(table(scripts.get("smb-protocols"), "dialects"))]
    if not dialects:
        raise ParseError(f"port {spoken} is open and did not tell which dialects it speaks")
    value: dict[str, Json] = {"port": spoken, "version_1": any("SMBv1" in d for d in dialects)}
    value["dialects"] = [d.split(" [")[0] for d in dialects]
    modes = [str(text) for mode in scripts.get("smb2-security-mode") or () for text in texts(mode)]
    if modes:
        required = [_REQUIRED in text for text in modes]
        if not all(_REQUIRED in text or _NOT_REQUIRED in text or "disabled" in text for text in modes):
            raise ParseError(f"port {spoken} says of signing {modes[0][:60]!r}, which is not understood")
        value["signing_required"] = all(required)
    return [value]


def proven(output: str, _args: Arguments) -> list[Json]:
    """The server when it told its dialects, and its ports where they refused."""
    refused: list[Json] = [item for item in closed_ports(output) if isinstance(item, dict) and item["port"] in _PORTS]
    value = parse(output, _args)
    return value + refused if isinstance(value, list) else refused


FACT = Fact(
    name="smb_service",
    title=Text(en="How a file server speaks SMB on the network", ar="كيف يتحدث خادم الملفات بروتوكول SMB على الشبكة"),
    shape=ListOf(record(port=INT, dialects=ListOf(STR), version_1=BOOL, signing_required=optional(BOOL))),
    parse=parse,
    example=[{"port": 445, "dialects": ["210", "311"], "version_1": False, "signing_required": True}],
    network=NetworkProbe(what="scripts", scripts=("smb-protocols", "smb2-security-mode")),
    version=2,
    proven=proven,
)
