"""What a fact is: a shape, a probe per platform, and a pure parser. One module per fact defines one ``FACT``."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from xml.etree.ElementTree import Element

from auditor.errors import ParseError
from auditor.facts._lines import whole
from auditor.facts.shape import Plain, Shape, conform
from auditor.model import AssetKind, Json, Scalar, Text

Arguments: TypeAlias = Mapping[str, Scalar]
Told: TypeAlias = tuple[tuple[str, str], ...]
Talk: TypeAlias = Generator[bytes | None, bytes, Told]
SECURE: None = None


@dataclass(frozen=True, slots=True)
class HostProbe:
    """How a fact is read on a host of one platform.

    ``script`` is a POSIX sh fragment. It runs unprivileged in a subshell under ``LC_ALL=C`` with an exact, minimal PATH
    and standard input closed; it must work under dash, bash and busybox sh, write nothing, and exit 0 only when what it
    printed is the whole truth (say ``absent`` for a thing that is not there; exit 1 for what could not be read).
    Arguments of the fact arrive as shell variables ``arg_<name>``, quoted by the auditor.

    Commands that need root are run as ``as_root /absolute/path fixed arguments``; each is listed in ``privileged`` exactly as
    sudoers is to permit it, where ``$login`` stands for the user who logs in. ``as_root`` runs it directly when the login is
    root, else through ``sudo -n``; when that is not permitted the whole observation is ``denied``, whatever the fragment then
    prints, unless it asks by ``3>/dev/null as_root`` and itself tells what was refused. Secrets are filtered on the target.

    ``volatile``: the output differs each night by nature (clock); kept apart and never a reason to call an observation new.

    ``bounded``: by its own making the script prints little more than ``max_bytes`` at the very most, and starts nothing in the
    background, so that no process is spent on cutting its output. What is over ``max_bytes`` counts as cut all the same.
    """

    script: str
    privileged: tuple[str, ...] = ()
    timeout: float = 10.0  # seconds
    max_bytes: int = 262_144
    volatile: bool = False
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One UDP datagram to one port of a host. ``name`` is unique within the probe that asks it.

    ``keep`` is pure: of a datagram that came back the part that a parser reads, without what differs each night (times,
    counters, order), or None when it is no answer to this question. Raising anything is None too.

    ``any_port``: the host answers from another port than the one asked, as TFTP's servers do. ``witness`` names a question
    of the same probe: where that is answered and this is not, both are asked again, each alone, before silence counts.
    """

    name: str
    port: int
    payload: bytes
    keep: Callable[[bytes], bytes | None]
    any_port: bool = False
    witness: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One TCP connection to a port that nmap found open, where no script of nmap tells a refusal from silence.

    It is held on the usual ``ports`` unless they said that they are something else, and on any port that said it is one of
    ``services`` (nmap's names); ``tls_ports`` are those of them usual for TLS from the first byte. ``plain_only``: not held where
    TLS is spoken from the first byte. ``plain_first``: the first words are plain, also where nmap found that TLS would do.

    ``after`` names a script of nmap instead: held on every port of which it said something and that speaks TLS from the first
    byte, or did not tell what it is. ``about`` gives from the port, as nmap tells of it, the texts that ``talk`` is called with.

    ``talk`` is pure and given the words to say one by one: it yields bytes to send (``b""``: only wait) and is sent what comes
    next, or yields ``SECURE`` and goes on once TLS is spoken. It returns what a parser reads, as keys with values, without what
    differs each night or is secret. Raising anything means that what came is no answer.
    """

    name: str
    ports: frozenset[int]
    services: frozenset[str]
    talk: Callable[..., Talk]
    tls_ports: frozenset[int] = frozenset()
    plain_only: bool = False
    plain_first: bool = False
    after: str = ""
    about: Callable[[Element], tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class NetworkProbe:
    """How a fact is read from the network; what several ask of nmap is merged into one run.

    ``what`` is ``discover`` (which addresses of a network answer), ``ports`` (which TCP ports of a host are open),
    ``scripts`` (NSE ``scripts`` run against the open ports), ``conversations`` (held by ourselves on open ports, and told in the
    slice as scripts are) or ``datagrams`` (``questions`` sent over UDP).
    ``service_detection`` asks for -sV (light). The parser is given the asset's slice of the nmap XML, a ``<host>`` element
    (for a network: a ``<hosts>`` element); for datagrams the lines that ``_datagrams.read`` reads. ``second_address`` asks the
    host at its IPv6 address, where the inventory lists one beside its address.
    """

    what: str
    scripts: tuple[str, ...] = ()
    service_detection: bool = False
    volatile: bool = False
    questions: tuple[Question, ...] = ()
    second_address: bool = False
    conversations: tuple[Conversation, ...] = ()

    def described(self) -> dict[str, Json]:
        """What is asked, as plain data to be shown and kept with a run."""
        held: list[Json] = [{"name": c.name, "ports": [*sorted(c.ports | c.tls_ports)]} for c in self.conversations]
        return {
            **({"conversations": held} if held else {}),
            "what": self.what,
            "scripts": list(self.scripts),
            "service_detection": self.service_detection,
            "volatile": self.volatile,
            "second_address": self.second_address,
            "questions": [{"name": q.name, "port": q.port, "payload": q.payload.hex()} for q in self.questions],
        }


@dataclass(frozen=True, slots=True)
class Fact:
    """A named, typed value. ``parse(output, args)`` is pure and raises only ParseError.

    ``example`` is a value of the shape, shown to authors of checks. ``version`` rises when the parser's answers change.

    ``proven`` is for a list that silence may shorten: the items, in the list or not, of which the output is proof. A subject that
    once failed and is not among them is then unknown, not gone. None: the whole list is proof, also of what it lacks.
    """

    name: str
    title: Text
    shape: Shape
    parse: Callable[[str, Arguments], Json]
    example: Json
    probes: Mapping[str, HostProbe] = field(default_factory=dict)  # by platform: "linux"
    network: NetworkProbe | None = None
    arguments: Mapping[str, Plain] = field(default_factory=dict)
    asset_kind: AssetKind = AssetKind.HOST
    version: int = 1
    proven: Callable[[str, Arguments], list[Json]] | None = None

    @property
    def volatile(self) -> bool:
        """Whether its output differs each night by nature, on any platform."""
        return any(p.volatile for p in self.probes.values()) or (self.network is not None and self.network.volatile)

    def value(self, output: str, args: Arguments) -> Json:
        """Parse and hold the value against the shape. Raises ParseError, and nothing else, on any input."""
        try:
            return conform(self.shape, self.parse(output, args), self.name)
        except ParseError:
            raise
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError, MemoryError) as error:
            raise ParseError(f"{self.name}: {type(error).__name__}: {error}") from error


def whole_lines(name: str, output: str) -> list[str]:
    """The lines before the end marker, stripped, blank ones left out. Raises ParseError when the marker is not the last line."""
    return [line for line in (line.strip(" \r") for line in whole(output, name)) if line]
