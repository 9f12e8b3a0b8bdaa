"""Proves that any bytes make frames or none but never an error, and that no payload passes for a frame or for another text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auditor.collecting.framing import FrameReader, decode

MARKER = "0123456789abcdef" * 2
OTHER = "f" * 32
_LINES = st.sampled_from(
    [
        f"\n{MARKER} b 0\n".encode(),
        f"{MARKER} s 0 0\n".encode(),
        f"\n{MARKER} e 0\n".encode(),
        f"\n{MARKER} e 0 t\n".encode(),
        f"{MARKER} d 0\n".encode(),
        f"{MARKER} e 0\n".encode(),
        f"\n{MARKER} z\n".encode(),
        f"\n{MARKER}".encode(),
        f"\n{OTHER} s 0 0\n".encode(),
        b"\n",
        b"\x00\xff",
    ]
)
_PIECES = st.lists(st.one_of(_LINES, st.binary(max_size=40)), max_size=30)
_PAYLOAD = st.lists(
    st.one_of(
        st.binary(max_size=60), st.sampled_from([f"\n{OTHER} s 0 0\n".encode(), f"\n{MARKER[:-1]}".encode(), b"\n", b"\n\n"])
    ),
    max_size=8,
).map(b"".join)


def whole(payloads: list[bytes]) -> bytes:
    frames = (
        f"\n{MARKER} b {i}\n".encode() + p + f"{MARKER} s {i} {i % 256}\n\n{MARKER} e {i}\n".encode()
        for i, p in enumerate(payloads)
    )
    return b"".join((*frames, f"\n{MARKER} z\n".encode()))


@given(_PIECES)
def test_any_bytes(pieces: list[bytes]) -> None:
    """No input raises, and nothing is kept beyond the cap or for a probe that was not planned."""
    reader = FrameReader(MARKER, {0: 16})
    for piece in pieces:
        reader.feed(piece)
    reader.close()
    assert reader.payloads.keys() <= {0}
    assert all(len(p.data) <= 16 for p in reader.payloads.values())


@given(st.lists(_PAYLOAD, max_size=4), st.integers(1, 50))
def test_payloads_come_back(payloads: list[bytes], size: int) -> None:
    """Whatever a probe prints comes back byte for byte, however the stream was cut into pieces."""
    payloads = [p for p in payloads if MARKER.encode() not in p]
    stream = b"a greeting\n" + whole(payloads)
    reader = FrameReader(MARKER, dict.fromkeys(range(len(payloads)), 10_000))
    for start in range(0, len(stream), size):
        reader.feed(stream[start : start + size])
    assert reader.finished
    assert [bytes(reader.payloads[i].data) for i in range(len(payloads))] == payloads
    assert all(p.ended and p.status == str(i % 256) and not p.overflow for i, p in reader.payloads.items())


@given(_PIECES, st.integers(1, 9))
def test_cutting_changes_nothing(pieces: list[bytes], size: int) -> None:
    """The same bytes mean the same in one piece and in many."""
    stream = b"".join(pieces)
    one, many = FrameReader(MARKER, {0: 64}), FrameReader(MARKER, {0: 64})
    one.feed(stream)
    for start in range(0, len(stream), size):
        many.feed(stream[start : start + size])
    one.close()
    many.close()
    assert (one.payloads, one.finished) == (many.payloads, many.finished)


def test_missing_end_and_cap() -> None:
    """A payload without its end is not ended; one over its cap is cut and says so; one of just its size does not."""
    reader = FrameReader(MARKER, {0: 3, 1: 3, 2: 3})
    reader.feed(f"\n{MARKER} b 0\nabc\n{MARKER} e 0\n\n{MARKER} b 1\nabcd\n{MARKER} e 1\n\n{MARKER} b 2\nab\n".encode())
    reader.close()
    assert [(bytes(p.data), p.ended, p.overflow) for p in reader.payloads.values()] == [
        (b"abc", True, False),
        (b"abc", True, True),
        (b"ab\n", False, False),
    ]


def test_a_probe_begins_once() -> None:
    """A second beginning of the same probe cannot replace what the first brought; an end of another probe ends nothing."""
    reader = FrameReader(MARKER, {0: 9, 1: 9})
    bad = f"\n{MARKER} b 0\nbad\n{MARKER} e 1\n{MARKER} s 0 1\n\n{MARKER} e 0\n"
    reader.feed(f"{bad}\n{MARKER} b 0\ngood{MARKER} s 0 0\n\n{MARKER} e 0\n".encode())
    assert (bytes(reader.payloads[0].data), reader.payloads[0].status, reader.payloads.keys()) == (b"bad", "1", {0})


def test_a_status_is_told_once_and_of_a_whole_output() -> None:
    """It may overtake the end of the payload; a second one, a late probe, or a broken cut leaves none that could pass."""
    reader = FrameReader(MARKER, dict.fromkeys(range(5), 9))
    ends = ("s 0 0", "s 1 1\n{MARKER} s 1 0", "s 2 0", "s 3 0", "s 3 0"), ("e 0", "e 1", "e 2 t", "e 3 x", "e 4")
    for number, (status, end) in enumerate(zip(*ends, strict=True)):
        status = status.replace("{MARKER}", MARKER)
        reader.feed(f"\n{MARKER} b {number}\nab{MARKER} {status}\ncd\n{MARKER} {end}\n".encode())
    assert [(bytes(p.data), p.ended, p.status, p.late) for p in reader.payloads.values()] == [
        (b"abcd", True, "0", False),
        (b"abcd", True, "x", False),
        (b"abcd", True, "x", True),
        (b"abcd", True, "x", False),
        (b"abcd", True, "", False),
    ]


@given(_PAYLOAD, st.integers(0, 500), st.integers(1, 50))
def test_what_is_told_aside_may_stand_anywhere(payload: bytes, at: int, size: int) -> None:
    """A status or a refusal cut into the middle of the output is heard, and the output comes back without it.

    Both used to have a line end before them, which bash writes for itself: with output between the two, the refusal was lost.
    """
    payload = payload.replace(MARKER.encode(), b"")
    aside = payload[:at] + f"{MARKER} d 0\n{MARKER} s 0 7\n".encode() + payload[at:]
    stream = f"\n{MARKER} b 0\n".encode() + aside + f"\n{MARKER} e 0\n\n{MARKER} z\n".encode()
    reader = FrameReader(MARKER, {0: 10_000})
    for start in range(0, len(stream), size):
        reader.feed(stream[start : start + size])
    seen = reader.payloads[0]
    assert (bytes(seen.data), seen.status, seen.denied, seen.ended, reader.finished) == (payload, "7", True, True, True)


def test_denied() -> None:
    """A refusal of privilege is remembered, and is no part of the payload."""
    reader = FrameReader(MARKER, {0: 9})
    reader.feed(f"\n{MARKER} b 0\nab{MARKER} d 0\ncd{MARKER} s 0 0\n\n{MARKER} e 0\n".encode())
    assert (bytes(reader.payloads[0].data), reader.payloads[0].denied) == (b"abcd", True)


@given(st.binary(max_size=200))
def test_decoded_text_is_safe(data: bytes) -> None:
    """No control, escape, surrogate, or hidden end of line is left; decoding twice changes nothing."""
    text = decode(data)
    assert all(c in "\n\t" or c.isprintable() or ord(c) > 0x9F for c in text)
    assert len(text.splitlines()) <= text.count("\n") + 1
    assert decode(text.encode()) == text


def test_nothing_unsafe_is_dropped() -> None:
    """A value with a hidden character never becomes another, innocent value; Windows line ends do not count as hidden."""
    assert decode(b"tel\0net") == "tel\ufffdnet"
    assert decode(b"tel\x1b[31mnet\x1b]0;title\x07") == "tel\ufffdnet\ufffd"
    assert decode("no\u2028yes\u202e".encode()) == "no\ufffdyes\ufffd"
    assert decode(b"no\r\nyes\r") == "no\nyes\ufffd"
    assert decode("سياسة\tأمن".encode()) == "سياسة\tأمن"


def test_a_long_run_of_carriage_returns_is_read_once() -> None:
    """Regression: it took the square of its length, more than a minute for one probe, and all other hosts waited."""
    assert decode(b"\r" * 4_000_000 + b"x") == "\ufffd" * 4_000_000 + "x"
    assert decode(b"a\r\r\nb\rc\r\n\n\x00") == "a\nb\ufffdc\n\n\ufffd"
