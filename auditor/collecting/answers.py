"""What came of a department's network probes, until all that is asked of a host is there.

Hosts are scanned together, and what one has shown is a list of thousands of ports for each fact. So it is not written out before
whoever takes it has room, host by host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from xml.etree.ElementTree import Element

from auditor.collecting.nmap_xml import Ports, host_slice
from auditor.collecting.targets import Target
from auditor.model import ProbeCall


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a probe: its output, made when it is wanted; when that had come in; how many seconds it took."""

    call: ProbeCall
    text: Callable[[], str]
    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Reached:
    """A host that nmap reached, as it saw it; those of its ports that are asked about; what came of its probes so far."""

    target: Target
    host: Element
    ports: Ports
    answers: list[Answer] = field(default_factory=list)


def from_nmap(found: Reached, at: datetime, seconds: float) -> Iterator[Answer]:
    """What nmap alone answers."""
    for call, probe in found.target.probes:
        if not probe.questions and not probe.conversations:
            yield Answer(call, partial(host_slice, found.host, probe, found.ports), at, seconds)
