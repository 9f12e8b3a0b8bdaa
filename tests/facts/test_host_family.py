"""What holds for every fact read on a host: goldens, hostile output, and its fragment in three shells."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.collecting.redaction import redact
from auditor.errors import ParseError
from auditor.facts.shape import conform
from tests.facts.hosts import ALLOWED, GOLDENS, HOST_FACTS, OUTPUTS, PATH, REFUSED, SHELLS, arguments, fact, run, script, stored

NAMES = tuple(fact.name for fact in HOST_FACTS)
each_output = pytest.mark.parametrize("path", OUTPUTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
each_name = pytest.mark.parametrize("name", NAMES)

MOVING = {"clock", "mounts", "services"}  # the value differs between two readings: the shell itself is among the processes
# A namespace away from what other tests start; where the fragment walks the file systems, they are made small first.
ALONE = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"] if os.geteuid() == 0 else []
SMALL = 'for d in /root /home /opt /srv /var/cache /usr/share; do [ ! -d "$d" ] || mount -t tmpfs small "$d"; done; exec "$@"'
WALKS = {"file_walk"}


def alone(name: str) -> list[str]:
    """The command before a shell's that runs it apart."""
    return [*ALONE, "sh", "-c", SMALL, "small"] if ALONE and name in WALKS else ALONE


def text_of(path: Path) -> str:
    return path.read_bytes().decode()


def flatten(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in flatten(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in flatten(inner)]
    return [value]


@each_output
def test_golden(path: Path) -> None:
    """Each stored output parses to its stored value, also after redaction, with Windows line ends and with stray spaces."""
    told, output = stored(path), text_of(path)
    assert told.keys() == {"source", "args", "value"}
    assert told["source"].startswith(("real: ", "documented format"))
    for text in (output, redact(output), output.replace("\n", "\r\n"), re.sub(r"(?<!\\)\n", "  \n", output), output + "\n\n"):
        assert told["value"] == fact(path.parent.name).value(text, told["args"])


@each_name
def test_every_output_has_its_value(name: str) -> None:
    """No value stands without an output, each fact has a real golden, and the example is of the shape."""
    values = {path.stem for path in (GOLDENS / name).glob("*.json")}
    outputs = sorted((GOLDENS / name).glob("*.txt"))
    assert {path.stem for path in outputs} == values
    assert any(stored(path)["source"].startswith("real: ") for path in outputs)
    assert conform(fact(name).shape, fact(name).example) == fact(name).example


@each_output
def test_cut_output_is_refused(path: Path) -> None:
    """An output cut anywhere before its end marker is never read as the whole truth."""
    output, args = text_of(path), stored(path)["args"]
    for end in range(0, len(output) - len("end\n"), max(1, len(output) // 40)):
        with pytest.raises(ParseError):
            fact(path.parent.name).value(output[:end], args)


@each_name
@pytest.mark.parametrize(
    "output",
    ["", "\n", "end", "\r\n \r\n", "\x00end", "end\nend\nx", "\x1b[2J\nend\n", "a" * 300_000 + "\nend", "x\n" * 100_000 + "end"],
    ids=["empty", "blank", "end", "white", "nul", "twice", "escape", "long", "many"],
)
def test_hostile_output_is_a_value_or_a_parse_error(name: str, output: str) -> None:
    """Empty, huge and senseless output never ends in another exception, nor ever without one where nothing was said."""
    try:
        value = fact(name).value(output, arguments(name))
    except ParseError:
        return
    assert output.strip() == "end"
    assert not any(flatten(value)), "where nothing was found, nothing may be claimed"


@each_name
@given(data=st.data())
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_text_is_a_whole_value_or_a_parse_error(name: str, data: st.DataObject) -> None:
    """Whatever a target prints, also a golden with lines mixed, doubled or replaced, nothing but ParseError is raised."""
    texts = [text_of(path) for path in sorted((GOLDENS / name).glob("*.txt"))]
    lines = data.draw(st.sampled_from(texts)).split("\n")[:400]
    line = st.one_of(st.sampled_from(lines), st.text(max_size=40), st.sampled_from(lines).map(lambda s: s[: len(s) // 2]))
    body = data.draw(st.one_of(st.text(max_size=200), st.lists(line, max_size=12).map("\n".join), st.just("\n".join(lines))))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(body)))
        body = body[:at] + data.draw(st.text(max_size=8)) + body[at:]
    output = body + data.draw(st.sampled_from(["", "\nend", "\nend\n"]))
    try:
        value = fact(name).value(output, arguments(name))
    except ParseError:
        return
    assert conform(fact(name).shape, value) == value


@pytest.mark.alone  # or other tests change what is seen meanwhile
@each_name
def test_fragment_says_the_same_in_every_shell(name: str) -> None:
    """The fragment needs nothing beyond POSIX sh: dash, bash and busybox sh end alike and see the same host."""
    done = {
        shell: run([*alone(name), *words], ALLOWED + script(name)) for shell, words in SHELLS.items() if shutil.which(words[0])
    }
    assert len({d.returncode for d in done.values()}) == 1, {s: (d.returncode, d.stderr[-200:]) for s, d in done.items()}
    if all(d.returncode == 0 for d in done.values()):
        values = [fact(name).value(d.stdout, arguments(name)) for d in done.values()]
        assert name in MOVING or all(value == values[0] for value in values)


@each_name
def test_privileged_commands_are_listed_as_typed(name: str) -> None:
    """What sudoers is told to permit is exactly what the fragment runs as root, with absolute paths and fixed arguments."""
    probe = fact(name).probes["linux"]
    words = r"""as_root (/(?:'[^']*'|"(?:\\.|[^"\\])*"|[^'")|;\n])*)"""
    typed = {match.strip() for match in re.findall(words, probe.script)}
    assert typed == set(probe.privileged)


@pytest.mark.parametrize("name", [name for name in NAMES if "awk" in fact(name).probes["linux"].script])
def test_tool_that_fails_ends_the_probe(name: str, tmp_path: Path) -> None:
    """A filter that breaks half-way never reads as a host on which nothing was found."""
    (tmp_path / "awk").write_text("#!/bin/sh\nexit 2\n")
    (tmp_path / "awk").chmod(0o755)
    text = script(name).replace("/usr/sbin/samhain", "/bin/sh")  # where no such tool is there, awk has nothing to filter
    done = run([*alone(name), "dash"], ALLOWED + text, path=f"{tmp_path}:{PATH}")
    if name == "updates" and "known=no" in done.stdout.splitlines():
        # a machine without package lists: awk had nothing to filter, and what is not known must say so
        assert fact("updates").value(done.stdout, {})["known"] is False  # type: ignore[index,call-overload]
        return
    assert "end" not in done.stdout.splitlines()
    assert done.returncode != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.alone
@each_name
def test_who_may_not_look_sees_nothing_else(name: str) -> None:
    """An ordinary user whom sudo refuses sees what root sees, or the probe fails: what may not be read is never absent."""
    root = run([*alone(name), "dash"], ALLOWED + script(name))
    nobody = run([*alone(name), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "dash"], REFUSED + script(name))
    if root.returncode == 0 == nobody.returncode and not fact(name).probes["linux"].privileged and name not in MOVING:
        assert fact(name).value(nobody.stdout, arguments(name)) == fact(name).value(root.stdout, arguments(name))


@each_name
def test_without_tools_nothing_is_claimed(name: str, tmp_path: Path) -> None:
    """Where no command is found at all, the probe fails, or says what it says with all of them."""
    done = run(["/bin/dash"], ALLOWED + script(name), path=str(tmp_path))
    if done.returncode == 0:
        told = run([*alone(name), "dash"], ALLOWED + script(name))
        assert fact(name).value(done.stdout, arguments(name)) == fact(name).value(told.stdout, arguments(name))
