"""Stacks are walked as the real libpam of this machine walks them, module by module."""

from __future__ import annotations

import ctypes
import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from auditor.facts._pam import Module, Pam
from auditor.facts._pam_walk import Walk
from tests.facts.hosts import fact

_CONTROLS = (
    "required",
    "requisite",
    "sufficient",
    "optional",
    "[success=1 default=ignore]",
    "[success=2 default=ignore]",
    "[success=ok ignore=ignore default=1]",
    "[success=done default=die]",
    "[default=bad success=ok user_unknown=ignore]",
    "[success=reset auth_err=done default=ok]",
    "[perm_denied=ignore success=ok]",
    "[success=ok default=reset]",
    "[ success = 1  default=bad ]",
)
_ANSWERS = ("success", "ignore", "auth_err", "user_unknown")


@pytest.fixture(scope="module")
def libpam() -> Any:
    """The library, with the module that answers as it is told."""
    found = [*Path("/usr/lib").glob("**/security/pam_debug.so"), *Path("/usr/lib64").glob("security/pam_debug.so")]
    try:
        library = ctypes.CDLL("libpam.so.0")
        library.pam_start_confdir  # noqa: B018  # since PAM 1.4
    except (OSError, AttributeError):
        pytest.skip("no libpam that takes a folder")
    if not found:
        pytest.skip("no pam_debug")
    return library


def _lets_in(libpam: Any, folder: Path) -> bool:
    """Whether the service ``judged`` of ``folder`` says yes."""
    handle, conversation = ctypes.c_void_p(), (ctypes.c_void_p * 2)()
    started = libpam.pam_start_confdir(b"judged", b"nobody", conversation, str(folder).encode(), ctypes.byref(handle))
    assert started == 0
    try:
        return bool(libpam.pam_authenticate(handle, 0) == 0)
    finally:
        libpam.pam_end(handle, 0)


def _write(folder: Path, stack: list[Module], answers: tuple[str, ...], judged: int) -> None:
    """The stack as files: what stands a level deeper is a substack."""
    files: dict[str, list[str]] = {"judged": [], "inner": [], "other": ["auth required pam_deny.so"]}
    answered = iter(answers)
    for at, module in enumerate(stack):
        if module.control == "substack":
            files["judged"].append(f"auth substack {folder}/inner")  # PAM 1.5 looks for names in /etc/pam.d alone
            continue
        answer = "perm_denied" if at == judged else next(answered)
        files["inner" if module.level else "judged"].append(f"auth {module.control} pam_debug.so auth={answer}")
    for name, lines in files.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))


def _read(folder: Path) -> list[Module]:
    lines = [f"/etc/pam.d/{path.name}:{line}" for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]
    return Pam("\n".join([*lines, "end"]), "pam_stacks").stack("judged", "auth")


@pytest.mark.parametrize("seed", range(150))
def test_the_walk_is_that_of_libpam(seed: int, libpam: Any, tmp_path: Path) -> None:
    """A module binds exactly if libpam refuses whatever the others answer; random stacks with jumps and a substack."""
    dice = random.Random(seed)
    levels = dice.choice(([0, 0, 0], [0, 0, 0, 0], [0, "s", 1, 1, 0], ["s", 1, 1, 0], [0, "s", 1, 0]))
    stack = [
        Module("substack", "inner", (), 0) if level == "s" else Module(dice.choice(_CONTROLS), "pam_debug", (), int(level))
        for level in levels
    ]
    judged = dice.choice([i for i, level in enumerate(levels) if level != "s"])
    stack[judged] = Module(stack[judged].control, "pam_wheel", (), stack[judged].level)
    let_in = []
    for answers in itertools.product(_ANSWERS, repeat=len(levels) - 1 - levels.count("s")):
        _write(tmp_path, stack, answers, judged)
        if _lets_in(libpam, tmp_path):
            let_in.append(answers)
    read = [(m.control, m.level) for m in _read(tmp_path)]
    assert read == [(m.control, m.level) for m in stack]
    assert Walk(stack).binding("auth", judged) == (not let_in), (stack, let_in[:1])


def _bound(kind: str, name: str, *lines: str) -> list[bool]:
    output = "\n".join([*(f"/etc/pam.d/judged:{kind} {line}" for line in lines), "end"])
    stack = Pam(output, "pam_stacks").stack("judged", kind)
    return [Walk(stack).binding(kind, at) for at, module in enumerate(stack) if module.name == name]


@pytest.mark.parametrize(
    ("binds", "lines"),
    [
        (True, ["sufficient pam_rootok.so", "required pam_wheel.so", "sufficient pam_unix.so", "required pam_deny.so"]),
        (
            True,
            [
                "[success=1 default=ignore] pam_unix.so",
                "requisite pam_deny.so",
                "required pam_permit.so",
                "required pam_wheel.so",
            ],
        ),
        (True, ["sufficient pam_succeed_if.so uid = 0 use_uid quiet", "required pam_wheel.so"]),
        (True, ["sufficient pam_wheel.so trust group=ops", "required pam_wheel.so group=sugroup", "required pam_unix.so"]),
        (False, ["sufficient pam_rootok.so", "sufficient pam_unix.so", "required pam_wheel.so"]),
        (False, ["[success=1 default=ignore] pam_unix.so", "required pam_wheel.so", "required pam_permit.so"]),
        (False, ["sufficient pam_succeed_if.so user ingroup staff", "required pam_wheel.so"]),
        (False, ["sufficient pam_wheel.so", "required pam_unix.so"]),
    ],
)
def test_who_knows_the_password_gets_round_a_later_wheel(binds: bool, lines: list[str]) -> None:
    """Regression: su-restricted passed on a pam_wheel that stands after a sufficient pam_unix, or that a jump leaves out."""
    assert _bound("auth", "pam_wheel", *lines)[-1] == binds


def test_a_stack_without_end_is_an_error() -> None:
    """A hostile host cannot keep the audit busy."""
    with pytest.raises(ParseError):
        _bound("auth", "pam_wheel", *["sufficient pam_unix.so"] * 200, "required pam_wheel.so")
    deep = [
        Module("substack" if at % 2 else "[success=ok auth_err=bad perm_denied=ok default=ignore]", "pam_x", (), at // 2)
        for at in range(60)
    ]
    with pytest.raises(ParseError):
        Walk([*deep, Module("[default=bad]", "pam_wheel", (), 30)]).binding("auth", 60)


_HISTORY, _UNIX, _DENY = "pam_pwhistory.so remember=24", "sufficient pam_unix.so", "required pam_deny.so"


@pytest.mark.parametrize(
    ("binds", "lines"),
    [
        (True, [f"requisite {_HISTORY}", f"{_UNIX} use_authtok", _DENY]),
        (True, [f"required {_HISTORY}", f"{_UNIX} use_authtok", _DENY]),
        (True, ["requisite pam_pwquality.so retry=3", f"requisite {_HISTORY} use_authtok", f"{_UNIX} use_authtok", _DENY]),
        (True, [f"requisite {_HISTORY}", "requisite pam_pwquality.so", f"{_UNIX} use_authtok", _DENY]),
        (True, [f"requisite {_HISTORY}", "requisite pam_pwquality.so retry=3 use_authtok", f"{_UNIX} use_authtok", _DENY]),
        (True, [f"optional {_HISTORY}", f"{_UNIX} use_authtok", _DENY]),
        (False, [f"optional {_HISTORY}", "required pam_unix.so"]),
        (False, [_UNIX, f"required {_HISTORY} use_authtok"]),
        (False, ["[success=1 default=ignore] pam_unix.so", _DENY, f"required {_HISTORY} use_authtok"]),
        (False, [f"required {_HISTORY}", _UNIX, _DENY]),
        (False, [f"requisite {_HISTORY}", _UNIX, _DENY]),
        (False, [f"required {_HISTORY} use_authtok", "requisite pam_pwquality.so", f"{_UNIX} use_authtok", _DENY]),
        (False, [f"requisite {_HISTORY}", "requisite pam_pwquality.so retry=3", f"{_UNIX} use_authtok", _DENY]),
    ],
)
def test_an_old_password_is_stored_round_a_history_in_the_wrong_place(binds: bool, lines: list[str]) -> None:
    """Regression: password-history passed on a pam_pwhistory after pam_unix, and on one after which a new password is asked for.

    These were tried on PAM 1.5.2 with a password of the past: it was stored where the module does not bind, at the first
    attempt or, where an acceptable one has to come first, at the second.
    """
    assert _bound("password", "pam_pwhistory", *lines) == [binds]


_QUALITY = "pam_pwquality.so minlen=12"


@pytest.mark.parametrize(
    ("binds", "lines"),
    [
        (True, [f"requisite {_QUALITY} retry=3", f"{_UNIX} use_authtok", _DENY]),
        (True, [f"required {_QUALITY}", f"{_UNIX} use_authtok", _DENY]),
        (True, [f"requisite {_QUALITY}", f"requisite {_HISTORY}", f"{_UNIX} use_authtok", _DENY]),
        (False, [f"required {_QUALITY}", _UNIX, _DENY]),
        (False, [_UNIX, f"requisite {_QUALITY}"]),
        (False, [f"required {_QUALITY}", f"required {_HISTORY}", f"{_UNIX} use_authtok", _DENY]),
        (False, [f"requisite {_QUALITY}", f"requisite {_HISTORY} retry=3", f"{_UNIX} use_authtok", _DENY]),
    ],
)
def test_a_weak_password_is_stored_round_a_test_in_the_wrong_place(binds: bool, lines: list[str]) -> None:
    """Regression: password-min-length passed on a pam_pwquality after pam_unix, or after which a password is asked for anew."""
    assert _bound("password", "pam_pwquality", *lines) == [binds]
    output = "\n".join([*(f"/etc/pam.d/passwd:password {line}" for line in lines), "end"])
    told = fact("pwquality").value(output, {})
    assert (told["in_stack"], told["min_length"]) == ((True, 12) if binds else (False, 0))
