"""Proves that the script runs the same under every shell, keeps its probes apart, and takes no more privilege than is listed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collecting.framing import FrameReader
from auditor.collecting.script import build_script, privileged_commands, sudoers_for
from auditor.collecting.session import Session
from auditor.facts import FACTS
from auditor.model import AssetPlan, Observation, ProbeCall
from tests.collecting.conftest import Facts, fact, host

SHELLS = [
    pytest.param(shell, id=shell[0], marks=pytest.mark.skipif(shutil.which(shell[0]) is None, reason="not installed"))
    for shell in (("dash",), ("bash", "--posix"), ("busybox", "sh"))
]
AS_GAMES = ("setpriv", "--reuid=games", "--regid=games", "--clear-groups")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def run(
    facts: Facts, *command: str, probes: tuple[ProbeCall, ...] | None = None, sudo: bool = True, env: dict[str, str] | None = None
) -> tuple[Observation, ...]:
    """The observations of a session whose script went through a shell's standard input."""
    plan = AssetPlan(host(sudo=sudo), probes or tuple(ProbeCall(n) for n in facts), ())
    session = Session(plan, 60, facts.lookup)
    done = subprocess.run(command, input=session.script, capture_output=True, env=env, check=False, timeout=60)
    session.stdout(done.stdout)
    session.stderr(done.stderr)
    assert session.finished
    return session.observations()


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell(shell: tuple[str, ...]) -> None:
    """Output, error output, status, cap, deadline and arguments come out alike under each shell; no probe eats the script."""
    facts = Facts(
        fact("plain", "printf 'no end of line'; echo words >&2"),
        fact("fails", "echo partly; exit 3"),
        fact("full", "printf abc", max_bytes=3),
        fact("over", "yes", max_bytes=100),
        fact("hangs", "trap '' TERM; sleep 3017 & sleep 3018; echo late", timeout=1),
        fact("eats", "cat; echo ate nothing"),
        fact("noisy", "yes error | head -c 400000 >&2; echo fine"),
        fact("env", 'echo "$LC_ALL $PATH ${BASH_ENV-unset}"'),
        fact("exits", "set -e; false; echo not reached"),
        fact("last", "echo last"),
    )
    seen = {
        o.probe.fact: o
        for o in run(facts, *shell, env={"PATH": "/nowhere:/usr/bin:/bin", "BASH_ENV": "/dev/null", "LC_ALL": "ar"})
    }
    assert {n: (o.status.value, o.exit_status) for n, o in seen.items()} == {
        "plain": ("ok", 0),
        "fails": ("failed", 3),
        "full": ("ok", 0),
        "over": ("truncated", 141),
        "hangs": ("timed_out", None),
        "eats": ("ok", 0),
        "noisy": ("ok", 0),
        "env": ("ok", 0),
        "exits": ("failed", 1),
        "last": ("ok", 0),
    }
    assert [seen[n].stdout for n in ("plain", "fails", "full", "eats")] == ["no end of line", "partly\n", "abc", "ate nothing\n"]
    assert seen["env"].stdout == "C /usr/sbin:/usr/bin:/sbin:/bin unset\n"
    assert (seen["plain"].stderr, len(seen["noisy"].stderr) <= 16_384, len(seen["over"].stdout)) == ("words\n", True, 100)
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not {"sleep 3017", "sleep 3018"} & set(left.splitlines())


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.alone
def test_each_probe_has_its_own_deadline(shell: tuple[str, ...]) -> None:
    """One watchdog serves all probes of a limit: it ends each that hangs, in its time, and none that comes after long ones."""
    long = "sleep 1.4; echo done"
    facts = Facts(
        fact("a", long, timeout=2),
        fact("b", long, timeout=2),
        fact("hangs", "sleep 3021", timeout=2),
        fact("c", long, timeout=2),
        fact("leaves", "trap 'exit 0' TERM; sleep 3022", timeout=2),
        fact("again", "trap : TERM; sleep 3023; sleep 3024; echo late", timeout=2),
        fact("d", long, timeout=2),
        fact("slow", "sleep 3.2; echo done", timeout=5),
    )
    began = time.monotonic()
    seen = {o.probe.fact: o.status.value for o in run(facts, *shell)}
    took = time.monotonic() - began
    assert seen == {n: "timed_out" if n in ("hangs", "leaves", "again") else "ok" for n in facts}
    # 8.8 s of sleep, and for each of the three its limit, a second of grace and one by which the watchdog may look late
    assert took < 8.8 + 3 * 4 + 4
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in left.splitlines() if line.startswith("sleep 302")]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_watchdog_holds_no_stream(shell: tuple[str, ...]) -> None:
    """Neither output of the session is open in it. Regression: in dash and busybox both were, and a session ended with it."""
    facts = Facts(fact("naps", "sleep 2", timeout=3028))
    session = Session(AssetPlan(host(), (ProbeCall("naps"),), ()), 4000, facts.lookup)
    with subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        streams = {Path(f"/proc/{process.pid}/fd/{n}").readlink() for n in (1, 2)}
        assert process.stdin is not None
        process.stdin.write(session.script)
        process.stdin.close()
        while not (pauses := _listed("ppid,args", "sleep 3028")):
            assert process.poll() is None
            time.sleep(0.05)
        held = {entry.readlink() for entry in Path("/proc", pauses[0].split()[0], "fd").iterdir()}
    assert process.returncode == 0
    assert held
    assert not held & streams


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_sleeps_on_after_a_session(shell: tuple[str, ...]) -> None:
    """The watchdog's pause ends with the session, however short that was.

    Regression: a TERM that came between the fork and the exec of ``sleep`` was lost, and one session of many left a watchdog.
    """
    facts = Facts(fact("plain", "echo hello", timeout=3029))
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _n: run(facts, *shell)[0].stdout, range(240)))
    assert set(seen) == {"hello\n"}
    end = time.monotonic() + 2
    while left := _listed("stat,args", "sleep 3029"):
        assert time.monotonic() < end, left
        time.sleep(0.05)


def _listed(columns: str, args: str) -> list[str]:
    """The lines of ``ps`` that end so."""
    listed = subprocess.run(["ps", "-eo", columns], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.endswith(args)]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_status_of_a_long_output_is_not_lost(shell: tuple[str, ...]) -> None:
    """What the probe's shell tells while its output is still on its way neither tears the output nor is torn by it."""
    text = "".join(f"line {n} of many\n" for n in range(3_000))
    script = 'n=0; while [ $n -lt 3000 ]; do echo "line $n of many"; n=$((n+1)); done'
    whole = f"out=$({script}); for turn in 1 2 3 4; do printf '%s' \"$out\"; done"
    facts = Facts(*(fact(f"p{i}", whole) for i in range(25)))
    facts |= Facts(*(fact(f"d{i}", f"{whole}; as_root true; {script}", max_bytes=1_000_000) for i in range(5)))
    seen = run(facts, *AS_GAMES, *shell, sudo=False) if os.geteuid() == 0 else run(facts, *shell)[:25]
    assert {(o.status.value, o.stdout) for o in seen[:25]} == {("ok", text[:-1] * 4)}
    assert {(o.status.value, o.stdout) for o in seen[25:]} <= {("denied", text[:-1] * 4 + text)}


@pytest.mark.parametrize("shell", SHELLS)
def test_what_ends_from_outside_is_no_answer(shell: tuple[str, ...]) -> None:
    """A probe whose shell, or whose output's cutter, is killed has failed, whatever it printed, and costs the others nothing."""
    me = "read -r me rest </proc/self/stat"
    heads = 'for p in /proc/[0-9]*; do read -r i n s parent x <"$p/stat" 2>/dev/null || continue; [ "$n" = "(head)" ]'
    facts = Facts(
        fact("killed", f'echo partly; {me}; kill -KILL "$me"; sleep 1'),
        fact(
            "uncut",
            f'sleep 0.3; {me}; set -- ${{rest#*) }}; {heads} && [ "$parent" = "$2" ] && kill -KILL "$i"; done; exit 0',
        ),
        fact("last", "echo last"),
    )
    seen = run(facts, *shell)
    assert [o.status.value for o in seen] == ["failed", "failed", "ok"]
    assert (seen[0].exit_status, seen[0].stdout, seen[1].exit_status) == (None, "partly\n", None)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_bounded_probe_is_one_process_and_still_has_a_cap(shell: tuple[str, ...]) -> None:
    """Where the script bounds itself nothing cuts it on the way, and its status, errors and deadline are those of any other."""
    facts = Facts(
        fact("full", "printf abc", max_bytes=3, bounded=True),
        fact("over", "printf abcd", max_bytes=3, bounded=True),
        fact("fails", "set -e; echo why >&2; false; echo not reached", bounded=True),
        fact("hangs", "echo partly; sleep 3026", timeout=1, bounded=True),
        fact("last", "echo last", bounded=True),
    )
    seen = run(facts, *shell)
    assert [o.status.value for o in seen] == ["ok", "truncated", "failed", "timed_out", "ok"]
    assert [(o.stdout, o.stderr) for o in seen[:3]] == [("abc", ""), ("abc", ""), ("", "why\n")]


def test_bounded_facts_are(tmp_path: Path) -> None:
    """A fact that says so prints little more than its cap, however much there is to read, and that does not pass for whole."""
    (tmp_path / "big").write_bytes(b"line\n" * 1_000_000)
    bounded = [f for f in FACTS if any(p.bounded for p in f.probes.values())]
    assert {f.name for f in bounded} == {"file_stat", "file_text"}
    calls = tuple(ProbeCall(f.name, (("path", str(tmp_path / "big")),)) for f in bounded)
    plan = AssetPlan(host(), calls, ())
    session = Session(plan, 60)
    done = subprocess.run(["sh"], input=session.script, capture_output=True, check=True)
    session.stdout(done.stdout)
    session.stderr(done.stderr)
    assert len(done.stdout) < sum(f.probes["linux"].max_bytes for f in bounded if f.name == "file_text") + 1_000
    assert {o.probe.fact: o.status.value for o in session.observations()} == {"file_stat": "ok", "file_text": "truncated"}


@pytest.mark.parametrize("shell", SHELLS)
def test_errors_stay_with_their_probe(shell: tuple[str, ...]) -> None:
    """Stderr comes back as written, up to its cap, whatever the one before wrote; what a probe leaves running holds nobody."""
    texts = ("", "\n", "\n\nx", "a\n\nb\n\n", "no end", "-n %s \\\\ \t\n", "last\n")
    facts = Facts(*(fact(f"t{i}", f"printf %s {shlex.quote(text)} >&2") for i, text in enumerate(texts)))
    facts |= Facts(
        fact("line", "head -c 40000 /dev/zero | tr '\\0' y >&2"),
        fact("lines", "yes error | head -c 400000 >&2"),
        fact("leaves", "sleep 3025 >/dev/null 3>&- & echo $!; echo left >&2"),
        fact("after", "echo after >&2"),
    )
    began = time.monotonic()
    told = run(facts, *shell)
    seen = [o.stderr for o in told]
    os.kill(int(told[-2].stdout), signal.SIGTERM)
    assert seen[: len(texts)] == list(texts)
    assert (seen[-4], seen[-3][:12], seen[-2:]) == ("y" * 16_384, "error\nerror\n", ["left\n", "after\n"])
    assert 16_000 < len(seen[-3]) <= 16_384
    assert time.monotonic() - began < 10


@settings(max_examples=20)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_arguments_never_become_shell(text: str) -> None:
    """Whatever an inventory or a parameter says arrives in the probe as it was written, and as nothing else."""
    calls = (ProbeCall("show", (("text", text),)),)
    script = build_script(calls, "linux", "m" * 32, lookup=Facts(fact("show", 'printf %s "$arg_text"')).lookup)
    reader = FrameReader("m" * 32, {0: 1000})
    reader.feed(subprocess.run(["sh"], input=script.encode(), capture_output=True, check=True).stdout)
    assert (bytes(reader.payloads[0].data), reader.payloads[0].status) == (text.encode(), "0")


def test_half_a_script_does_nothing() -> None:
    """Nothing runs before all of the script has arrived."""
    script = build_script((ProbeCall("a"),), "linux", "m" * 32, lookup=Facts(fact("a", "echo ran")).lookup)
    done = subprocess.run(["sh"], input=script[: script.rindex("auditor_main")].encode(), capture_output=True, check=False)
    assert (done.stdout, b"ran" in done.stderr) == (b"", False)


def test_bad_names_are_refused() -> None:
    """Names of arguments and users go unquoted and therefore must be plain."""
    facts = Facts(fact("a", "true", privileged=("/bin/true",)))
    with pytest.raises(ValueError, match="argument"):
        build_script((ProbeCall("a", (("x;reboot", "1"),)),), "linux", "m", lookup=facts.lookup)
    with pytest.raises(ValueError, match="user"):
        sudoers_for((ProbeCall("a"),), "root ALL=(ALL) ALL #", lookup=facts.lookup)


@pytest.mark.parametrize("shell", SHELLS)
def test_all_facts_are_shell(shell: tuple[str, ...]) -> None:
    """The script of all facts parses under each shell, and has no here-document, which would be a file on the target."""
    calls = tuple(ProbeCall(f.name, tuple((n, "x") for n in f.arguments)) for f in FACTS)
    script = build_script(calls, "linux", "m" * 32)
    assert subprocess.run([*shell, "-n"], input=script, text=True, capture_output=True, check=False).stderr == ""
    assert not re.search(r"<<-?\s*['\"\\]?[A-Za-z_]", script)


@pytest.mark.lab
@pytest.mark.skipif(shutil.which("strace") is None or os.geteuid() != 0, reason="needs strace")
@pytest.mark.parametrize("shell", SHELLS)
def test_writes_nothing(shell: tuple[str, ...], tmp_path: Path) -> None:
    """The kernel saw no file opened for writing but /dev/null, and none made, renamed or removed."""
    trace = tmp_path / "trace"
    facts = Facts(
        fact("a", "cat /etc/passwd"), fact("b", "sleep 9", timeout=1), fact("c", "yes | head -c 17000 >&2; as_root id -u")
    )
    makers = "creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,link,linkat,symlink,symlinkat,truncate"
    run(facts, "strace", "-f", "-qq", "-o", str(trace), "-e", f"trace=open,openat,{makers}", *shell)
    lines = [line for line in trace.read_text().splitlines() if " = -1 " not in line and "/dev/null" not in line]
    written = re.compile(rf"O_WRONLY|O_RDWR|O_CREAT|\b({makers.replace(',', '|')})\(")
    assert [line for line in lines if written.search(line)] == []
    assert lines


@pytest.mark.lab
@pytest.mark.skipif(shutil.which("strace") is None or os.geteuid() != 0, reason="needs strace")
def test_a_probe_costs_two_processes(tmp_path: Path) -> None:
    """What a target pays for a limit, a cap, the errors and a frame is a shell and ``head``, and a handful for the session."""
    trace = tmp_path / "trace"
    facts = Facts(*(fact(f"p{i}", "echo yes") for i in range(40)))
    run(facts, "strace", "-f", "-qq", "-o", str(trace), "-e", "trace=fork,vfork,clone,clone3,execve", "dash")
    lines = [line for line in trace.read_text().splitlines() if " = -1 " not in line and "resumed" not in line]
    assert (len([line for line in lines if "execve(" in line]) - 40) <= 4
    assert 80 <= len([line for line in lines if "execve(" not in line and "---" not in line and "+++" not in line]) <= 86


@pytest.mark.lab
@needs_root
@pytest.mark.skipif(shutil.which("sudo") is None, reason="needs sudo")
def test_least_privilege(tmp_path: Path) -> None:
    """With just the lines of sudoers_for a user reads what is listed; all else is denied, whatever the probe says.

    One question may be refused without the whole probe, where the fragment closes the descriptor that tells it.
    """
    odd = ("/usr/bin/printf", "%s|", "x,y:z=1", "*", "#h", "!n", "[q]", "back\\slash", "two words")
    listed = "/usr/bin/printf '%s|' x,y:z=1 '*' '#h' '!n' '[q]' 'back\\slash' 'two words'"
    facts = Facts(
        fact("shadow", "as_root /usr/bin/head -c 4 /etc/shadow", privileged=("/usr/bin/head -c 4 /etc/shadow",)),
        fact("odd", f"as_root {listed}", privileged=(listed,)),
        fact("fails", "as_root /usr/bin/false", privileged=("/usr/bin/false",)),
        fact("bare", "as_root /usr/bin/false with arguments; echo x"),
        fact("wider", "as_root /usr/bin/printf '%s|' x,y:z=1 anything '#h' '!n' '[q]' 'back\\slash' 'two words'"),
        fact("hidden", "as_root /usr/bin/cat /etc/shadow 2>/dev/null || true; echo nothing found"),
        fact("captured", 'found=$(as_root /usr/bin/cat /etc/shadow 2>&1); echo "found: none"'),
        fact("asked", "3>/dev/null as_root /usr/bin/cat /etc/shadow || echo refused"),
        fact("unprivileged", "id -un"),
    )
    calls = tuple(ProbeCall(n) for n in facts)
    sudoers = tmp_path / "sudoers"
    sudoers.write_text(sudoers_for(calls, "games", lookup=facts.lookup))
    sudoers.chmod(0o440)
    subprocess.run(["visudo", "-cqf", str(sudoers)], check=True)
    # a mount namespace of its own: this machine's sudoers stays as it is
    inside = f"mount --bind {sudoers} /etc/sudoers && exec {' '.join(AS_GAMES)} sh"
    seen = {o.probe.fact: o for o in run(facts, "unshare", "-m", "sh", "-c", inside)}
    assert {n: o.status.value for n, o in seen.items()} == {
        "shadow": "ok",
        "odd": "ok",
        "fails": "failed",
        "bare": "denied",
        "wider": "denied",
        "hidden": "denied",
        "captured": "denied",
        "asked": "ok",
        "unprivileged": "ok",
    }
    assert seen["asked"].stdout == "refused\n"
    assert (seen["shadow"].stdout, seen["odd"].stdout) == ("root", "|".join(odd[2:]) + "|")


@pytest.mark.lab
@needs_root
def test_sudo_missing_or_not_to_be_tried() -> None:
    """Where the inventory forbids sudo, what needs it is denied and never asked for; root needs none."""
    facts = Facts(fact("secret", "as_root /usr/bin/id -u; exit 0", privileged=("/usr/bin/id -u",)), fact("open", "echo open"))
    assert [o.status.value for o in run(facts, *AS_GAMES, "sh", sudo=False)] == ["denied", "ok"]
    assert [o.stdout for o in run(facts, "sh", sudo=False)] == ["0\n", "open\n"]


FAKE = {
    "sudo: a password is required": "denied",
    "sudo: interactive authentication is required": "denied",
    "Sorry, user games is not allowed to execute '/x' as root on h.": "denied",
    "games is not in the sudoers file.": "denied",
    "sudo: /usr/bin/id: command not found": "denied",
    "sudo: unable to resolve host h: Name or service not known": "failed",
    "sudo: unable to write log file: /var/log/sudo.log: No space left on device": "failed",
    "id: cannot find name": "failed",
}


@pytest.mark.lab
@needs_root
@pytest.mark.parametrize(("words", "expected"), FAKE.items())
def test_words_of_refusal(words: str, expected: str, tmp_path: Path) -> None:
    """Each sudo's way of refusing is known; a warning is no refusal, and neither is a permitted command that fails."""
    fake = tmp_path / "sudo"
    fake.write_text(f'#!/bin/sh\n[ "$2" = -l ] && echo "games may run" && exit 0\necho "{words}" >&2\nexit 1\n')
    fake.chmod(0o755)
    facts = Facts(fact("a", "as_root /usr/bin/id -u; exit 1"))
    inside = f"mount --bind {fake} /usr/bin/sudo && exec {' '.join(AS_GAMES)} sh"
    (seen,) = run(facts, "unshare", "-m", "sh", "-c", inside)
    assert (seen.status.value, seen.stderr.strip()) == (expected, words)


@pytest.mark.lab
@needs_root
def test_refusal_in_unknown_words(tmp_path: Path) -> None:
    """A sudo that refuses without words we know is asked whether it permits the command at all."""
    fake = tmp_path / "sudo"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    facts = Facts(fact("a", "as_root /usr/bin/id -u; echo all is well"))
    (seen,) = run(facts, "unshare", "-m", "sh", "-c", f"mount --bind {fake} /usr/bin/sudo && exec {' '.join(AS_GAMES)} sh")
    assert seen.status.value == "denied"


def test_privileged_commands_take_arguments() -> None:
    """A command may name the fact's argument, or who logs in; each command is listed once."""
    facts = Facts(
        fact("a", "true", privileged=("/bin/cat $arg_path", "/bin/true")),
        fact("b", "true", privileged=("/bin/true", '/bin/echo "user=$login,x"')),
    )
    calls = (ProbeCall("a", (("path", "/etc/x y"),)), ProbeCall("b"))
    listed = ("/bin/cat /etc/x\\ y", '/bin/true ""', "/bin/echo user\\=games\\,x")
    assert privileged_commands(calls, "games", "linux", facts.lookup) == listed
    assert sudoers_for((ProbeCall("none"),), "games", lookup=Facts(fact("none", "true")).lookup) == ""


def test_without_timeout_command_and_quickly() -> None:
    """Forty probes that do nothing do not wait for their watchdogs."""
    facts = Facts(*(fact(f"p{i}", ":", timeout=30) for i in range(40)))
    began = time.monotonic()
    assert {o.status.value for o in run(facts, "sh")} == {"ok"}
    assert time.monotonic() - began < 10
    assert not re.search(r"(^|[|;&( ])timeout ", build_script((ProbeCall("p0"),), "linux", "m", lookup=facts.lookup))
