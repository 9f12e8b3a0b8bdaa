"""The modules that logins, password changes and changes of user pass through, with includes put in place.

``binding`` is a module that nobody gets round: whom it refuses PAM refuses, and a password that it refuses is not stored. One
that stands after what already let in or stored, that a jump leaves out or whose answer does not count, is not.
"""

from __future__ import annotations

from auditor.facts._pam import SHOW_PAM, Module, Pam
from auditor.facts._pam_walk import binding
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, record
from auditor.model import Json, Text

_SERVICES = ("login", "passwd", "sshd", "su", "su-l", "sudo")


def parse(output: str, _args: Arguments) -> Json:
    """PAM's files as ``path:line``; ``nopam`` on a host without PAM. A service without a file of its own is left out."""
    pam = Pam(output, "pam_stacks")
    services: dict[str, Json] = {}
    for name in _SERVICES:
        if pam.present and pam.has(name):
            services[name] = {kind: _told(pam.stack(name, kind), kind) for kind in ("auth", "password")}
    return {"pam": pam.present, "services": services}


def _told(stack: list[Module], kind: str) -> list[Json]:
    return [
        {"control": module.control, "module": module.name, "arguments": [*module.arguments], "binding": binding(stack, kind, at)}
        for at, module in enumerate(stack)
        if module.control != "substack"
    ]


_STACK = ListOf(record(control=STR, module=STR, arguments=ListOf(STR), binding=BOOL))

FACT = Fact(
    name="pam_stacks",
    title=Text(
        en="Modules of PAM that logins and password changes pass through", ar="وحدات PAM التي يمر بها الدخول وتغيير كلمات المرور"
    ),
    shape=record(pam=BOOL, services=MapOf(record(auth=_STACK, password=_STACK))),
    parse=parse,
    version=2,
    example={
        "pam": True,
        "services": {
            "su": {
                "auth": [{"control": "required", "module": "pam_wheel", "arguments": ["use_uid"], "binding": True}],
                "password": [],
            },
        },
    },
    probes={"linux": HostProbe(script=SHOW_PAM + "echo end\n", max_bytes=1_048_576)},
)
