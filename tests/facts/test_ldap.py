"""What is asked of a directory and what its answers come to: nothing but a clear refusal is taken for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ParseError
from auditor.facts._ber import ENUMERATED, SEQUENCE, STRING, elements, integer, tlv
from auditor.facts.interface import SECURE, Conversation
from auditor.facts.ldap_service import FACT, PROBE

ANONYMOUS, STARTTLS = PROBE.conversations
BOUND, ENTRY, DONE, REFERENCE, EXTENDED = 0x61, 0x64, 0x65, 0x73, 0x78


def message(number: int, tag: int, *parts: bytes) -> bytes:
    return tlv(SEQUENCE, integer(number), tlv(tag, *parts))


def done(number: int, code: int = 0, said: bytes = b"", tag: int = DONE) -> bytes:
    return message(number, tag, tlv(ENUMERATED, bytes([code])), tlv(STRING), tlv(STRING, said))


def entry(number: int, name: bytes, **attributes: bytes) -> bytes:
    rows = [tlv(SEQUENCE, tlv(STRING, key.encode()), tlv(0x31, tlv(STRING, value))) for key, value in attributes.items()]
    return message(number, ENTRY, tlv(STRING, name), tlv(SEQUENCE, *rows))


ROOT = entry(1, b"", namingContexts=b"dc=x", supportedSASLMechanisms=b"GSSAPI") + done(1)


def held(conversation: Conversation, *answers: bytes, piece: int = 65_536) -> dict[str, list[str]]:
    """The conversation when the server answers so in turn, in pieces of that size."""
    talk = conversation.talk()
    said: dict[str, list[str]] = {}
    waiting = [a[i : i + piece] for a in answers for i in range(0, len(a), piece)]
    try:
        words = next(talk)
        while True:
            words = talk.send(b"" if words is SECURE else waiting.pop(0))
    except StopIteration as end:
        for key, value in end.value:
            said.setdefault(key, []).append(value)
    return said


def judged(told: dict[str, list[str]]) -> Any:
    rows = "".join(f'<elem key="{key}">{value}</elem>' for key, values in told.items() for value in values)
    return FACT.value(slice_of(f'<script id="ldap-anonymous">{rows}</script>{NO_TLS}'), {})


NO_TLS = '<script id="ldap-starttls"><elem key="starttls">no</elem></script>'


def slice_of(scripts: str, number: int = 389, service: str = "") -> str:
    port = f'<port protocol="tcp" portid="{number}"><state state="open"/>{service}{scripts}</port>'
    return f'<host><status state="up"/><ports closed="">{port}</ports></host>'


def test_only_that_entries_are_there_is_asked_and_two_at_most() -> None:
    """No attribute of an entry is asked for: the directory's contents do not reach the auditor."""
    talk = ANONYMOUS.talk()
    next(talk)
    ((_, content),) = elements(talk.send(ROOT) or b"")
    (_, number), (tag, body) = elements(content)
    (_, base), (_, scope), _deref, (_, most), _time, _types, _filter, (_, wanted) = elements(body)
    assert (b"\x02", 0x63, b"dc=x", b"\x02", b"\x02") == (number, tag, base, scope, most)
    assert [(STRING, b"1.1")] == elements(wanted)


@pytest.mark.parametrize("piece", [1, 3, 65_536])
def test_entries_of_a_naming_context_are_seen_however_the_answer_is_cut(piece: int) -> None:
    told = held(ANONYMOUS, ROOT, entry(2, b"dc=x") + entry(2, b"cn=a,dc=x") + done(2, 4), piece=piece)
    assert ["entries 2"] == told["context"]
    assert 2 == judged(told)[0]["anonymous_entries"]


def test_a_server_that_ends_never_shows_entries_all_the_same() -> None:
    """It shows more than was asked for and does not stop: it has shown enough."""
    told = held(ANONYMOUS, ROOT, b"".join(entry(2, b"cn=%d,dc=x" % n) for n in range(9)))
    assert 2 == judged(told)[0]["anonymous_entries"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (8, b""),
        (13, b""),
        (32, b""),
        (48, b"Anonymous access is not allowed."),
        (50, b""),
        (1, b"000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed"),
        (53, b"authentication required"),
        (0, b""),
    ],
)
def test_a_refusal_is_told_from_a_fault(code: int, said: bytes) -> None:
    """What Active Directory, 389 Directory Server and OpenLDAP answer to strangers, and a search that finds nothing."""
    asked_again = [done(3, tag=BOUND), done(4, code, said)] if said[:4] in (b"0000", b"auth") else []
    told = held(ANONYMOUS, ROOT, done(2, code, said), *asked_again, *(done(n, code) for n in range(3, 8)))
    assert 0 == judged(told)[0]["anonymous_entries"]


@pytest.mark.parametrize("answer", [0, 48])
def test_a_bind_that_names_nobody_opens_what_asks_for_a_bind(answer: int) -> None:
    """Regression: a directory that is content with any bind (OpenLDAP's `require bind`) was unknown, and is open to strangers.

    One that then still refuses has refused; one that still asks for a bind is unknown.
    """
    wants = done(1, 1, b"BIND required")
    root = entry(3, b"", namingContexts=b"dc=x") + done(3)
    bound = done(2, answer, tag=BOUND)
    assert 1 == judged(held(ANONYMOUS, wants, bound, root, entry(4, b"dc=x") + done(4)))[0]["anonymous_entries"]
    assert 0 == judged(held(ANONYMOUS, wants, bound, done(3, 48)))[0]["anonymous_entries"]
    with pytest.raises(ParseError, match="answered with code 1"):
        judged(held(ANONYMOUS, wants, bound, done(3, 1, b"BIND required")))


def test_a_bind_names_nobody_and_carries_no_secret() -> None:
    """Version 3, no name, no password; and it is said once."""
    talk = ANONYMOUS.talk()
    next(talk)
    assert bytes.fromhex("300c 020102 6007 020103 0400 8000") == talk.send(done(1, 1, b"BIND required"))
    with pytest.raises(ValueError, match="something else"):
        talk.send(done(2))


@pytest.mark.parametrize("code", [32, 50])
def test_people_below_a_hidden_context_are_found_by_their_usual_name(code: int) -> None:
    """Regression, false pass: the top may be hidden while `ou=people` below it is shown to everyone who thinks of it."""
    told = held(ANONYMOUS, ROOT, done(2, code), done(3), entry(4, b"ou=users,dc=x") + done(4))
    assert 1 == judged(told)[0]["anonymous_entries"]
    with pytest.raises(ParseError, match="naming context"):
        judged(held(ANONYMOUS, ROOT, done(2, code), done(3, 51)))


@pytest.mark.parametrize("code", [1, 2, 3, 10, 11, 51, 52, 53, 80])
def test_a_fault_is_no_refusal(code: int) -> None:
    """Busy, out of time, referred elsewhere: unknown, never "shows nothing"."""
    with pytest.raises(ParseError, match="naming context"):
        judged(held(ANONYMOUS, ROOT, done(2, code, b"try later")))
    with pytest.raises(ParseError, match="answered with code"):
        judged(held(ANONYMOUS, done(1, code, b"try later")))


@pytest.mark.parametrize("root", [done(1), done(1, 32), done(1, 50), entry(1, b"", vendorName=b"x") + done(1)])
def test_a_directory_that_hides_its_naming_contexts_is_not_closed(root: bytes) -> None:
    """Regression, false pass: whoever knows the name may still read; only entries that come all the same decide."""
    with pytest.raises(ParseError, match="does not tell"):
        judged(held(ANONYMOUS, root, done(2, 32)))
    assert 1 == judged(held(ANONYMOUS, root, entry(2, b"dc=y") + done(2)))[0]["anonymous_entries"]


def test_more_naming_contexts_than_are_asked_for_stay_open() -> None:
    contexts = tlv(0x31, *(tlv(STRING, b"dc=%d" % n) for n in range(20)))
    row = tlv(SEQUENCE, tlv(STRING, b"namingContexts"), contexts)
    root = message(1, ENTRY, tlv(STRING), tlv(SEQUENCE, row)) + done(1)
    with pytest.raises(ParseError, match="16 of its 20"):
        judged(held(ANONYMOUS, root, *(done(n, 48) for n in range(2, 18))))


@pytest.mark.parametrize(
    "answer",
    [
        done(7),
        done(1, tag=EXTENDED),
        b"\x30\x03\x02\x01\x01",
        b"\x30\x80\x02\x01\x01",
        b"\x30\x84\x7f\xff\xff\xff\x02",
        b"\x30\x85" + bytes(9),
        message(1, DONE),
        entry(1, b"", **{"ä": b"x"}),
    ],
)
def test_what_is_no_answer_ends_the_conversation(answer: bytes) -> None:
    """Another request's answer, a forged length, a cut or endless message."""
    with pytest.raises((ValueError, TypeError)):
        held(ANONYMOUS, answer)


def test_a_search_of_endless_references_ends() -> None:
    with pytest.raises(ValueError, match="does not end"):
        held(ANONYMOUS, message(1, REFERENCE, tlv(STRING, b"ldap://x")) * 100)


def test_after_starttls_it_is_asked_again() -> None:
    """What is refused in the clear may be shown to everyone who speaks TLS."""
    root = entry(2, b"", namingContexts=b"dc=x") + done(2)
    told = held(STARTTLS, done(1, tag=EXTENDED), root, entry(3, b"dc=x") + done(3))
    assert {"starttls": ["yes"], "root": ["told"], "contexts": ["1"], "context": ["entries 1"]} == told
    assert {"starttls": ["no"]} == held(STARTTLS, done(1, 2, tag=EXTENDED))


def test_words_before_tls_are_refused() -> None:
    """Whoever stands in between could put them there (CVE-2011-0411 and its like)."""
    with pytest.raises(ValueError, match="before TLS"):
        held(STARTTLS, done(1, tag=EXTENDED) + b"x")


@pytest.mark.parametrize("service", ["", '<service name="ldap" method="probed"/>', '<service name="ldap" method="table"/>'])
@pytest.mark.parametrize(
    "scripts", ["", NO_TLS, f'<script id="ldap-anonymous"><elem key="failed">silence</elem></script>{NO_TLS}']
)
def test_a_directory_that_was_not_heard_has_no_value(service: str, scripts: str) -> None:
    """Silence, or a port that was not asked, is not a directory that shows nothing; nor is it proof of anything."""
    output = slice_of(scripts, service=service)
    with pytest.raises(ParseError, match="port 389"):
        FACT.value(output, {})
    assert FACT.proven is not None
    assert [] == FACT.proven(output, {})


def test_what_was_shown_in_the_clear_counts_though_starttls_broke() -> None:
    """A broken certificate must not hide an open directory; StartTLS is then left out, so that no check passes on it."""
    broken = '<script id="ldap-starttls"><elem key="failed">TLS could not be agreed on</elem></script>'
    shown = '<script id="ldap-anonymous"><elem key="root">told</elem><elem key="context">entries 1</elem></script>'
    value: Any = FACT.value(slice_of(shown + broken), {})
    assert [{"port": 389, "tls": False, "mechanisms": [], "anonymous_entries": 1}] == value
    with pytest.raises(ParseError, match="StartTLS"):
        FACT.value(slice_of(shown.replace("entries 1", "refused") + broken), {})


def test_a_port_that_is_something_else_is_no_directory() -> None:
    output = slice_of("", service='<service name="ssh" method="probed"/>')
    assert FACT.proven is not None
    assert ([], [389]) == (FACT.value(output, {}), [item["port"] for item in FACT.proven(output, {})])  # type: ignore[index,call-overload]


@given(data=st.binary(max_size=120), first=st.sampled_from([b"", ROOT]))
def test_no_answer_breaks_the_reading(data: bytes, first: bytes) -> None:
    """Whatever comes, the conversation tells something or ends in what its holder takes for no answer."""
    said: Callable[[], Any] = lambda: held(ANONYMOUS, *([first] if first else []), data)  # noqa: E731
    try:
        assert isinstance(said(), dict)
    except (ValueError, IndexError, TypeError):
        return
