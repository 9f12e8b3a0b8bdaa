"""Whether an account is locked after failed attempts: pam_faillock in the stacks through which people log in."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.errors import ParseError
from auditor.facts._pam import SHOW_PAM, Module, Pam, setting
from auditor.facts._pam_walk import Walk
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

_CONF = "/etc/security/faillock.conf"
_SERVICES = ("sshd", "login")
_DENY, _UNLOCK_TIME, _FAIL_INTERVAL = 3, 600, 900  # pam_faillock's own defaults


def parse(output: str, _args: Arguments) -> Json:
    """PAM's files and faillock.conf, as ``path:line``; ``nopam`` on a host without PAM."""
    pam = Pam(output, "pam_lockout")
    services = [name for name in _SERVICES if pam.present and pam.has(name)]
    return {"pam": pam.present, "services": [_service(pam, name) for name in services]}


def _service(pam: Pam, service: str) -> Json:
    stack = pam.stack(service, "auth")
    walk = Walk(stack, pam.budget)
    lines = {at: m for at, m in enumerate(stack) if m.name == "pam_faillock"}
    refusing = [m for at, m in lines.items() if {"preauth", "authsucc"} & set(m.arguments) and walk.binding("auth", at)]
    failing = [at for at, m in lines.items() if "authfail" in m.arguments]
    if not failing or not refusing or not walk.counting(failing):
        return {"service": service, "in_use": False, "deny": 0, "unlock_time": 0, "fail_interval": 0, "even_deny_root": False}
    if any(m.argument("conf") is not None for m in lines.values()):
        raise ParseError(f"pam_lockout: {service} names another file by conf=, which the probe does not read")
    written = pam.settings(_CONF)

    def number(key: str, default: int, among: Iterable[Module] = refusing) -> list[int]:
        return [setting(key, "pam_lockout", default, _plain(m.argument(key)), _plain(written.get(key))) for m in among]

    return {
        "service": service,
        "in_use": True,
        # several lines may differ: each figure is the most lenient of them
        "deny": max(number("deny", _DENY), key=lambda n: n or float("inf")),
        "unlock_time": min(number("unlock_time", _UNLOCK_TIME), key=lambda n: n or float("inf")),
        # the line that counts a failure strikes out those that are older than its own interval
        "fail_interval": min(number("fail_interval", _FAIL_INTERVAL, [*refusing, *(stack[at] for at in failing)])),
        "even_deny_root": "even_deny_root" in written or all("even_deny_root" in m.arguments for m in refusing),
    }


def _plain(text: str | None) -> str | None:
    return "0" if text is not None and text.lower() == "never" else text


FACT = Fact(
    name="pam_lockout",
    title=Text(en="Locking of accounts after failed attempts", ar="قفل الحسابات بعد محاولات الدخول الفاشلة"),
    shape=record(
        pam=BOOL,
        services=ListOf(
            record(
                service=STR,
                in_use=BOOL,  # each wrong password is counted, and nobody gets round the refusal of a locked account
                deny=INT,  # 0: never locks
                unlock_time=INT,  # seconds; 0: stays locked until an administrator unlocks it
                fail_interval=INT,  # seconds within which the failures must come to lock
                even_deny_root=BOOL,
            )
        ),
    ),
    parse=parse,
    version=4,
    example={
        "pam": True,
        "services": [
            {
                "service": "sshd",
                "in_use": True,
                "deny": 5,
                "unlock_time": 900,
                "fail_interval": 900,
                "even_deny_root": False,
            }
        ],
    },
    probes={"linux": HostProbe(script=SHOW_PAM + f"show {_CONF}\necho end\n", max_bytes=1_048_576)},
)
