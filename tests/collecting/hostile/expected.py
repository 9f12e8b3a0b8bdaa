"""What each misbehaving server is to end as: reach, what its probes came to, and the words that a person reads."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.model import Reach

NOTHING = ("not_run", "not_run")
ALL = ("ok", "ok")
NEEDED = " The audit needs a login that may run /bin/sh."


@dataclass(frozen=True)
class End:
    """How a visit ends. ``detail`` is how the sentence begins."""

    reach: Reach
    detail: str = ""
    statuses: tuple[str, ...] = NOTHING


def _late(detail: str, statuses: tuple[str, ...] = NOTHING) -> End:
    return End(Reach.TIMED_OUT, detail, statuses)


def _shellless(detail: str) -> End:
    return End(Reach.NO_SHELL, detail)


def _cut(detail: str) -> End:
    return End(Reach.UNREACHABLE, detail)


BEFORE_LOGIN = {
    "silent": _late("The host accepted the connection, but sent no SSH greeting in time."),
    "greets_only": _late("The host greeted, but did not finish the key exchange in time."),
    "drips_greeting": _late("The host accepted the connection, but sent no SSH greeting in time."),
    "rambles": _cut("What answers at the SSH port does not greet as an SSH server does."),
    "boasts": _cut("What answers at the SSH port gave no SSH greeting in its first 65536 bytes."),
    "speaks_http": _cut("What answers at the SSH port does not greet as an SSH server does."),
    "swells": _cut("The host announced an SSH packet of 4294967280 bytes, more than is taken; the session was cut."),
    "closes_at_once": _cut("The host closed the connection before it greeted as an SSH server does."),
    "closes_in_kex": _cut("The host closed the connection in the middle of the key exchange."),
    "MuteLogin": _late("The host left the login of 'auditor' without an answer."),
    "BannerFlood": _late("The host left the login of 'auditor' without an answer."),
    "ClosesInLogin": End(
        Reach.DENIED,
        "The host hung up in the middle of the login of 'auditor', as hosts do when the account has expired or is locked.",
    ),
    "impostor": End(Reach.UNTRUSTED, "The host key of [127.0.0.1]:"),
}

AFTER_LOGIN = {
    "MuteOpen": _late("The login succeeded, but the host opened no session in time."),
    "RefusesSession": _shellless("The host refused the session: "),
    "RefusesExec": _shellless("The login succeeded, but the host does not let it run commands." + NEEDED),
    "MuteExec": _late("The login succeeded, but the host left the request for a shell without an answer."),
    "Rekeys": _shellless("The host asked for new session keys again and again; the session was cut."),
    "RekeysHalf": _late("The login succeeded, but its shell did not begin the script in time." + NEEDED),
    "Ignores": _late("The login succeeded, but its shell did not begin the script in time." + NEEDED),
    "Floods": _shellless("The host sent more than all probes together may print; the session was cut."),
    "Bursts": _shellless("The host sent more than it was given room for; the session was cut."),
    "Drips": _late("The login succeeded, but its shell did not begin the script in time; it said: 'zz"),
    "DripsFrames": _late("The whole audit of the host took too long.", ("timed_out", "not_run")),
    "ClosesAfterFrame": End(Reach.REACHED, "The host closed the connection.", ("ok", "truncated")),
    "Forges": _shellless("The login succeeded, but its shell did not run the script; it said: '0000"),
    "Parrots": _shellless("The login succeeded, but its shell did not run the script; it said: 'auditor_main() {'."),
    "Device": _shellless(
        "The login succeeded, but its shell did not begin the script in time; it said: "
        "\"User Access Verification Router> % Invalid input detected at '^' marker."
    ),
    "Leaves": _shellless(
        "The login succeeded, but its shell did not run the script; it said: 'This account is currently not available.'." + NEEDED
    ),
    "NoStatus": End(Reach.REACHED, "", ALL),
    "NoWords": End(Reach.REACHED, "", ALL),
}

ENDS = {**BEFORE_LOGIN, **AFTER_LOGIN}
HEALTHY = "Host"
