"""On which ports a conversation is held, and what came of it: told in a host's slice as nmap tells what its scripts say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, SubElement

from auditor.errors import ParseError
from auditor.facts._nmap_output import identified, in_tls, number, open_ports, script
from auditor.facts.interface import Conversation, NetworkProbe, Told

FAILED = "failed"
SILENT, CLOSED = "silence", "the connection was closed"


def speaks_tls(port: Element, conversation: Conversation) -> bool:
    """Whether TLS is spoken from the first byte, as nmap found or, where it found nothing, as is usual."""
    service = port.find("service")
    if conversation.plain_first:
        return False
    if in_tls(service):
        return True
    return not identified(service) and number(port) in conversation.tls_ports


def is_due(port: Element, conversation: Conversation) -> bool:
    """Whether the conversation is held on the open port."""
    service = port.find("service")
    if conversation.after:
        return script(port, conversation.after) is not None and (in_tls(service) or not identified(service))
    name = service.get("name", "") if service is not None and identified(service) else ""
    usual = number(port) in conversation.ports | conversation.tls_ports
    if name not in conversation.services and not (usual and not name):
        return False
    return not (conversation.plain_only and speaks_tls(port, conversation))


def written(name: str, told: Told | str) -> Element:
    """What came of a conversation, as an element of the slice; a text is why nothing did."""
    out = Element("script", id=name)
    for key, value in ((FAILED, told),) if isinstance(told, str) else told:
        SubElement(out, "elem", key=key).text = value
    return out


def held(
    output: str, probe: NetworkProbe, may_fail: frozenset[str] = frozenset()
) -> Iterator[tuple[Element, dict[str, dict[str, list[str]]]]]:
    """Each open port of a host's slice on which conversations were due, with what each told by its keys.

    Raises ParseError when one was due and is missing, or came to nothing: what was not told is not the absence of it. One that
    ``may_fail`` then tells its reason under ``FAILED`` alone.
    """
    for port in open_ports(output):
        due = [c for c in probe.conversations if is_due(port, c)]
        if due:
            yield port, {c.name: _values(port, c.name, c.name in may_fail) for c in due}


def spoken(ports: Iterable[Element], probe: NetworkProbe) -> list[Element]:
    """The ports that are settled: their conversations came to an end, or they said that they are something else."""
    return [port for port in ports if _is_settled(port, probe)]


def _is_settled(port: Element, probe: NetworkProbe) -> bool:
    due = [c for c in probe.conversations if is_due(port, c)]
    if not due:
        return identified(port.find("service"))
    return all(not _failure(script(port, c.name)) for c in due)


def _values(port: Element, name: str, may_fail: bool) -> dict[str, list[str]]:
    said = script(port, name)
    if (reason := _failure(said)) and may_fail:
        return {FAILED: [reason]}
    if reason:
        raise ParseError(f"port {number(port)} was asked ({name}) and its answer is not known: {reason}")
    values: dict[str, list[str]] = {}
    for element in said if said is not None else ():
        values.setdefault(element.get("key", ""), []).append(element.text or "")
    return values


def _failure(said: Element | None) -> str:
    if said is None:
        return "it was not asked"
    return next((e.text or "for no reason told" for e in said if e.get("key") == FAILED), "")
