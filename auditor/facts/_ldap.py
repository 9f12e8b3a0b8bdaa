"""The little of LDAP that an anonymous client says and hears (RFC 4511), as words for a conversation that somebody else holds."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

from auditor.facts._ber import BOOLEAN, ENUMERATED, INTEGER, SEQUENCE, STRING, elements, first_size, integer, tlv

# Result codes (RFC 4511, appendix A)
SUCCESS, OPERATIONS_ERROR, SIZE_LIMIT_EXCEEDED, UNWILLING = 0, 1, 4, 53
# To whom does not say who he is, or not over TLS, this is not shown: stronger authentication required, confidentiality required,
# no such object (a server hides what may not be seen), inappropriate authentication, invalid credentials, insufficient rights.
REFUSALS = frozenset({8, 13, 32, 48, 49, 50})
HIDDEN = frozenset({32, 50})  # those of them that speak of one thing alone

BASE, SUBTREE = 0, 2
LARGEST = 65_536
_MOST_MESSAGES = 64
_BIND, _BOUND = 0x60, 0x61
_SEARCH, _ENTRY, _DONE, _REFERENCE, _EXTENDED, _EXTENDED_ANSWER = 0x63, 0x64, 0x65, 0x73, 0x77, 0x78
_START_TLS = b"1.3.6.1.4.1.1466.20037"
# By these codes Active Directory, Samba and OpenLDAP's `require authc` ask who it is; others mean a fault or else by them.
_VAGUE = frozenset({OPERATIONS_ERROR, UNWILLING})
_BIND_FIRST = (b"000004DC", b"successful bind must be completed", b"without authentication", b"authentication required")
_ANY_BIND = b"BIND required"  # OpenLDAP's `require bind`: of one that names nobody it is content

Step: TypeAlias = Generator[bytes | None, bytes, "Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """What one request came to: its code, the names and attributes of the entries, and whether more came than were asked for."""

    code: int
    entries: tuple[tuple[bytes, dict[str, list[bytes]]], ...] = ()
    said: bytes = b""
    more: bool = False

    @property
    def refused(self) -> bool:
        """Whether the server declined to show this to somebody who did not say who he is."""
        return self.code in REFUSALS or (self.code in _VAGUE and any(word in self.said for word in _BIND_FIRST))

    @property
    def wants_bind(self) -> bool:
        """Whether the server asks for a bind before this; not every server minds that it names nobody."""
        return self.code in _VAGUE and any(word in self.said for word in (*_BIND_FIRST, _ANY_BIND))


@dataclass(slots=True)
class Client:
    """One connection's requests in turn; each is a generator of what to send, sent what came."""

    _number: int = 0
    _rest: bytes = b""
    _bound: bool = False

    def search(self, base: bytes, scope: int, attributes: tuple[str, ...], most: int) -> Step:
        """The first ``most`` entries under ``base`` with these attributes; more than that ends the reading.

        Where the server asks for a bind first it is given one that names nobody, as any stranger may say it.
        """
        result = yield from self._search(base, scope, attributes, most)
        if result.wants_bind and not self._bound:
            self._bound = True
            yield from self._bind()
            result = yield from self._search(base, scope, attributes, most)
        return result

    def _bind(self) -> Step:
        """Say that one is nobody. Whether that is taken shows in what is answered next."""
        self._number += 1
        words = tlv(_BIND, integer(3), tlv(STRING), tlv(0x80))
        tag, body = yield from self._message(tlv(SEQUENCE, integer(self._number), words))
        if tag != _BOUND:
            raise ValueError("an answer to something else")
        return _result(body, ())

    def _search(self, base: bytes, scope: int, attributes: tuple[str, ...], most: int) -> Step:
        self._number += 1
        request = search_request(self._number, base, scope, attributes, most)
        entries: list[tuple[bytes, dict[str, list[bytes]]]] = []
        words: bytes = request
        for _ in range(_MOST_MESSAGES):
            tag, body = yield from self._message(words)
            words = b""
            if tag == _DONE:
                return _result(body, tuple(entries))
            if tag == _ENTRY:
                entries.append(_entry(body))
                if len(entries) > most:
                    return Result(SIZE_LIMIT_EXCEEDED, tuple(entries), more=True)
            elif tag != _REFERENCE:
                raise ValueError("an answer to something else")
        raise ValueError("the search does not end")

    def start_tls(self) -> Step:
        """Ask to speak TLS; where the code is ``SUCCESS`` the next word has to be TLS's."""
        self._number += 1
        request = tlv(SEQUENCE, integer(self._number), tlv(_EXTENDED, tlv(0x80, _START_TLS)))
        tag, body = yield from self._message(request)
        if tag != _EXTENDED_ANSWER or self._rest:
            raise ValueError("no answer to StartTLS, or words before TLS")
        return _result(body, ())

    def _message(self, words: bytes) -> Generator[bytes | None, bytes, tuple[int, bytes]]:
        size = first_size(self._rest, LARGEST)
        while words or size is None or len(self._rest) < size:
            self._rest += yield words
            words = b""
            size = first_size(self._rest, LARGEST)
        message, self._rest = self._rest[:size], self._rest[size:]
        ((tag, content),) = elements(message)
        (kind, number), (operation, body), *_controls = elements(content)
        if tag != SEQUENCE or kind != INTEGER or int.from_bytes(number, "big") != self._number:
            raise ValueError("no answer to what was asked")
        return operation, body


def search_request(number: int, base: bytes, scope: int, attributes: tuple[str, ...], most: int) -> bytes:
    """A search for anything (``objectClass`` is there) of at most ``most`` entries, 0 for as many as there are."""
    wanted = tlv(SEQUENCE, *(tlv(STRING, name.encode()) for name in attributes))
    limits = (integer(most), integer(10))
    request = tlv(
        _SEARCH,
        tlv(STRING, base),
        tlv(ENUMERATED, bytes([scope])),
        tlv(ENUMERATED, b"\0"),
        *limits,
        tlv(BOOLEAN, b"\0"),
        tlv(0x87, b"objectClass"),
        wanted,
    )
    return tlv(SEQUENCE, integer(number), request)


def _entry(body: bytes) -> tuple[bytes, dict[str, list[bytes]]]:
    (kind, name), (_, attributes) = elements(body)
    if kind != STRING:
        raise ValueError("an entry without a name")
    found: dict[str, list[bytes]] = {}
    for _, attribute in elements(attributes):
        (_, key), (_, values) = elements(attribute)
        found.setdefault(key.decode("ascii").lower(), []).extend(value for _, value in elements(values))
    return name, found


def _result(body: bytes, entries: tuple[tuple[bytes, dict[str, list[bytes]]], ...]) -> Result:
    (kind, code), _matched, (_, said), *_rest = elements(body)
    if kind != ENUMERATED or not 0 < len(code) <= 2:
        raise ValueError("a result without a code")
    return Result(int.from_bytes(code, "big"), entries, said)
