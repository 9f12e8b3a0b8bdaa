"""Proves that an asset's two parts make the same result in whichever order they come, and wherever the first one waits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collecting import pending as waiting
from auditor.collecting.pending import Halves, Pending
from auditor.model import Asset, AssetKind, AssetPlan, AssetResult, Observation, ObservationStatus, ProbeCall, Reach

NOW = datetime(2026, 1, 1, 1, 2, 3, 4000, tzinfo=UTC)
SSHD, PORTS, LIVE = ProbeCall("sshd"), ProbeCall("open_ports"), ProbeCall("tls", (("port", 443),))


def pending(n: int) -> Pending:
    return Pending.of(AssetPlan(Asset(f"d/{n}", AssetKind.HOST, "d", f"h{n}", "192.0.2.1"), (SSHD, PORTS, LIVE), ()))


def host_part(n: int, text: str) -> AssetResult:
    seen = Observation(f"d/{n}", SSHD, ObservationStatus.OK, NOW, text, "", 0, 0.25)
    return AssetResult(f"d/{n}", Reach.REACHED, (seen,), NOW, NOW, "", "SHA256:x")


def come(one: Pending, n: int, text: str, part: str) -> None:
    if part == "host":
        one.host, one.host_done = host_part(n, text), True
    else:
        one.network = {c: Observation(f"d/{n}", c, ObservationStatus.OK, NOW, f"{text} ports") for c in one.calls}
        one.network_done = True


@pytest.mark.parametrize("room", [0, 1, 100])
@pytest.mark.parametrize("disk", ["there", "none"])
@pytest.mark.parametrize("short", [0, 200])
@given(
    st.permutations([(n, part) for n in range(4) for part in ("host", "network")]),
    st.lists(st.text(max_size=20), min_size=4, max_size=4),
)
def test_parts_come_in_any_order(room: int, disk: str, short: int, order: list[tuple[int, str]], texts: list[str]) -> None:
    """In memory, in the file, or in memory because the disk is full: what comes out is what went in, of that very asset."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting, "_IN_MEMORY", room)
        patch.setattr(waiting, "_SHORT", short)
        halves = Halves(Path("/tmp") if disk == "there" else Path("/nowhere"))
        found: dict[int, AssetResult] = {}
        ready: list[int] = []
        every = [pending(n) for n in range(4)]
        for n, part in order:
            come(every[n], n, texts[n], part)
            if not every[n].whole or n % 2:  # one that is whole may have to wait too
                halves.put(every[n])
                assert every[n].host is None
                assert every[n].network == {}
            if every[n].whole:
                ready.append(n)
        for n in ready:
            halves.give_back(every[n])
            found[n] = every[n].merged()
        halves.close()
    for n in range(4):
        at_once = pending(n)
        come(at_once, n, texts[n], "host")
        come(at_once, n, texts[n], "network")
        assert found[n] == at_once.merged()


def test_many_parts_do_not_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: with checks from the network, what hosts had printed waited in memory until nmap came to their department."""
    monkeypatch.setattr(waiting, "_IN_MEMORY", 3)
    halves = Halves(tmp_path)
    for n in range(10):
        one = pending(n)
        come(one, n, "x" * 1000, "host")
        halves.put(one)
    assert len(halves._kept) == 3
    assert list(tmp_path.iterdir()) == []  # the file has no name: nothing is left of it, whatever happens
    halves.close()


def test_what_many_print_stands_in_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_IN_MEMORY", 0)
    halves = Halves(tmp_path)
    every = [pending(n) for n in range(20)]
    for n, one in enumerate(every):
        come(one, n, "x" * 100_000 if n % 2 else "y\ud800", "host")
        halves.put(one)
    assert halves._end < 120_000
    for n, one in enumerate(every):
        halves.give_back(one)
        assert one.host == host_part(n, "x" * 100_000 if n % 2 else "y\ud800")
    halves.close()


def test_a_part_of_an_output_does_not_pass_for_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that gives back less than was written must not make a shorter list of what the host has."""
    monkeypatch.setattr(waiting, "_IN_MEMORY", 0)
    halves = Halves(tmp_path)
    one = pending(1)
    come(one, 1, "x" * 1000, "host")
    halves.put(one)
    assert halves._file is not None
    halves._file.truncate(900)
    halves.give_back(one)
    assert one.host is not None
    assert one.host.reach is Reach.UNREACHABLE
    assert one.host.detail == "The auditor failed on this host: OSError: [Errno 5] Input/output error"
    halves.close()


def test_of_two_parts_that_wait_only_the_one_that_is_lost_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the host told stays, and nothing of what it was asked from the network passes for seen."""
    monkeypatch.setattr(waiting, "_IN_MEMORY", 0)
    halves = Halves(tmp_path)
    one = pending(1)
    come(one, 1, "x", "host")
    come(one, 1, "x", "network")
    halves.put(one)
    assert halves._file is not None
    halves._file.truncate(halves._end - 1)  # the network's part stands last
    halves.give_back(one)
    told = {o.probe: (o.status, o.stdout) for o in one.merged().observations}
    failed = ObservationStatus.FAILED
    assert told == {SSHD: (ObservationStatus.OK, "x"), PORTS: (failed, ""), LIVE: (failed, "")}
    halves.close()


@pytest.mark.parametrize("part", ["host", "network"])
def test_a_part_that_does_not_come_back_is_accounted_for(part: str) -> None:
    """What the other part saw stays; of this one nothing is known, and it says why."""
    one = pending(1)
    come(one, 1, "x", "network" if part == "host" else "host")
    one.host_done = one.network_done = True
    one.lost(part == "host", OSError(5, "Input/output error"))
    result = one.merged()
    told = {o.probe: o.status for o in result.observations}
    ok, lost = ObservationStatus.OK, ObservationStatus.NOT_RUN if part == "host" else ObservationStatus.FAILED
    of_host, of_network = (lost, ok) if part == "host" else (ok, lost)
    assert told == {SSHD: of_host, PORTS: of_network, LIVE: of_network}
    why = result.detail if part == "host" else result.observations[-1].stderr
    assert "Input/output error" in why
