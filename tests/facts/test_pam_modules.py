"""Modules of PAM that lock accounts, ask for a second factor or remember passwords: where and with what options they count."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import fact

_UNIX, _DENY = "sufficient pam_unix.so nullok", "required pam_deny.so"


def _value(name: str, service: str, kind: str, lines: list[str], *more: str) -> Any:
    output = "\n".join([*(f"/etc/pam.d/{service}:{kind} {line}" for line in lines), *more, "end"])
    return fact(name).value(output, {})


_PREAUTH, _AUTHFAIL = "required pam_faillock.so preauth silent", "required pam_faillock.so authfail"
_LOCAL = [
    "[default=1 ignore=ignore success=ok] pam_usertype.so isregular",
    "[default=1 ignore=ignore success=ok] pam_localuser.so",
]
_SSSD = [_LOCAL[0], "sufficient pam_sss.so forward_pass"]
_DELAY = ["required pam_env.so", "required pam_faildelay.so delay=2000000"]
_DEBIAN = ["requisite pam_deny.so", "required pam_permit.so"]
_CARD = "[success=done authinfo_unavail=ignore user_unknown=ignore ignore=ignore default=die] pam_sss.so try_cert_auth"


@pytest.mark.parametrize(
    ("locks", "lines"),
    [
        (True, [*_DELAY, _PREAUTH, _UNIX, _AUTHFAIL, _DENY]),
        (True, [*_DELAY, _PREAUTH, *_LOCAL, _UNIX, *_SSSD, _AUTHFAIL, _DENY]),
        (True, [*_DELAY, _PREAUTH, "sufficient pam_fprintd.so", *_LOCAL, _UNIX, *_SSSD, _AUTHFAIL, _DENY]),
        (True, [*_DELAY, _PREAUTH, _CARD, *_LOCAL, _UNIX, *_SSSD, _AUTHFAIL, _DENY]),
        (True, [*_DELAY, _PREAUTH, "sufficient pam_sss.so", _AUTHFAIL, _DENY]),
        (
            True,
            [
                "requisite pam_faillock.so preauth",
                "[success=2 default=ignore] pam_unix.so nullok",
                "[default=die] pam_faillock.so authfail",
                *_DEBIAN,
            ],
        ),
        (
            True,
            [
                "[success=1 default=bad] pam_unix.so",
                "[default=die] pam_faillock.so authfail",
                "sufficient pam_faillock.so authsucc",
                _DENY,
            ],
        ),
        (
            False,
            [
                "[success=3 default=1] pam_unix.so",
                "[default=die] pam_faillock.so authfail",
                "requisite pam_faillock.so preauth",
                *_DEBIAN,
            ],
        ),
        (False, ["sufficient pam_krb5.so", "requisite pam_faillock.so preauth", _UNIX, _AUTHFAIL, _DENY]),
        (False, ["[default=1] pam_env.so", _PREAUTH, _UNIX, _AUTHFAIL, _DENY]),
        (False, [_PREAUTH, "[success=done default=die] pam_unix.so", _AUTHFAIL, _DENY]),
        (False, [_PREAUTH, "sufficient pam_unix.so", "requisite pam_oath.so", _AUTHFAIL, _DENY]),
        (False, ["optional pam_faillock.so preauth", _UNIX, _AUTHFAIL, _DENY]),
    ],
)
def test_a_lock_that_is_passed_by_is_none(locks: bool, lines: list[str]) -> None:
    """Regression: account-lockout passed on a pam_faillock that is jumped over, or that a wrong password does not come by.

    Those that lock are authselect's with-faillock (RHEL 8 and 9), Debian's by pam-auth-update and that of the module's manual.
    """
    assert _value("pam_lockout", "sshd", "auth", lines)["services"][0]["in_use"] == locks


def test_a_lock_beside_no_known_password_is_undecided() -> None:
    """Which module asks for a password that may be wrong is not known: no verdict."""
    with pytest.raises(ParseError, match="ask for a password"):
        _value("pam_lockout", "sshd", "auth", [_PREAUTH, "sufficient pam_own.so", _AUTHFAIL, _DENY])


@pytest.mark.parametrize(
    ("binds", "line"),
    [
        (True, "required pam_google_authenticator.so"),
        (True, "required pam_google_authenticator.so secret=/var/otp/${USER} user=root"),
        (False, "required pam_google_authenticator.so nullok"),
        (True, "required pam_u2f.so cue"),
        (False, "required pam_u2f.so nouserok"),
        (False, "required pam_u2f.so alwaysok"),
        (False, "required pam_yubico.so id=1 nullok"),
        (False, "required pam_yubico.so id=1 alwaysok"),
        (False, "required pam_radius_auth.so localifdown"),
        (True, "required pam_oath.so usersfile=/etc/users.oath"),
        (False, "[success=ok user_unknown=ignore default=die] pam_oath.so usersfile=/etc/users.oath"),
        (False, "[success=ok authinfo_unavail=ignore default=die] pam_radius_auth.so"),
    ],
)
def test_who_has_no_second_factor_is_not_let_in(binds: bool, line: str) -> None:
    """Regression: ssh-second-factor passed on modules that let through whom nobody enrolled, by an option or by their control."""
    told = _value("pam_stacks", "sshd", "auth", ["required pam_unix.so", line])["services"]["sshd"]["auth"]
    assert told[-1]["binding"] == binds


def test_an_option_in_the_modules_own_file_counts() -> None:
    """Regression: pam_u2f 1.4 takes nouserok from its own file as well; which file conf= names is not read."""
    conf = ("/etc/security/pam_u2f.conf:", "/etc/security/pam_u2f.conf:nouserok")
    told = _value("pam_stacks", "sshd", "auth", ["required pam_unix.so", "required pam_u2f.so cue"], *conf)
    assert told["services"]["sshd"]["auth"][-1] == {
        "control": "required",
        "module": "pam_u2f",
        "arguments": ["cue", "nouserok"],
        "binding": False,
    }
    with pytest.raises(ParseError, match="conf="):
        _value("pam_stacks", "sshd", "auth", ["required pam_u2f.so conf=/etc/u2f"])


def test_su_of_root_only_leaves_the_others_open() -> None:
    """Regression: su-restricted passed on a pam_wheel that asks about root alone."""
    for options, binds in (("use_uid", True), ("use_uid root_only", False)):
        lines = ["sufficient pam_rootok.so", f"required pam_wheel.so {options}", "required pam_unix.so"]
        assert _value("pam_stacks", "su", "auth", lines)["services"]["su"]["auth"][1]["binding"] == binds


@pytest.mark.parametrize(
    ("arguments", "conf", "told"),
    [
        ("", ["remember = 24"], "remember=24"),
        ("remember=5", ["remember = 24"], "remember=5"),
        ("", ["# remember = 24"], "remember=10"),
        ("", [], "remember=10"),
    ],
)
def test_pwhistory_is_set_by_its_own_file(arguments: str, conf: list[str], told: str) -> None:
    """Regression: password-history failed on RHEL, where the number stands in pwhistory.conf; ten is the module's default."""
    lines = [f"required pam_pwhistory.so use_authtok {arguments}", "sufficient pam_unix.so use_authtok", _DENY]
    file = "/etc/security/pwhistory.conf"
    value = _value("pam_stacks", "passwd", "password", lines, f"{file}:", *(f"{file}:{line}" for line in conf))
    assert [a for a in value["services"]["passwd"]["password"][0]["arguments"] if a.startswith("remember")] == [told]
