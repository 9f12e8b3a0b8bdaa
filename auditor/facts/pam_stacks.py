"""The modules that logins, password changes and changes of user pass through, with includes put in place.

``binding`` is a module that nobody gets round: whom it refuses PAM refuses, and a password that it refuses is not stored. One
that stands after what already let in or stored, that a jump leaves out or whose answer does not count, is not; nor is one with an
option that lets through whom it ought to keep out, such as ``nullok``. Settings of a module's own file are told as arguments.
"""

from __future__ import annotations

from dataclasses import replace

from auditor.errors import ParseError
from auditor.facts._pam import SHOW_PAM, Module, Pam
from auditor.facts._pam_walk import Walk
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, record
from auditor.model import Json, Text

_SERVICES = ("login", "passwd", "sshd", "su", "su-l", "sudo")
_FILES = {"pam_pwhistory": "/etc/security/pwhistory.conf", "pam_u2f": "/etc/security/pam_u2f.conf"}
_REMEMBERED = "10"  # by pam_pwhistory where nothing is set

# pam_pwhistory reads its file since PAM 1.5.3, and before that on the RHEL family: the module names the file that it reads
_SCRIPT = (
    SHOW_PAM
    + f"""\
show {_FILES["pam_u2f"]}
for module in /lib/security /lib64/security /lib/*/security /usr/lib/security /usr/lib64/security /usr/lib/*/security; do
  if grep -qs {_FILES["pam_pwhistory"]} "$module/pam_pwhistory.so"; then show {_FILES["pam_pwhistory"]}; break; fi
done
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """PAM's files as ``path:line``; ``nopam`` on a host without PAM. A service without a file of its own is left out."""
    pam = Pam(output, "pam_stacks")
    services: dict[str, Json] = {}
    for name in _SERVICES:
        if pam.present and pam.has(name):
            services[name] = {kind: _told(pam, pam.stack(name, kind), kind) for kind in ("auth", "password")}
    return {"pam": pam.present, "services": services}


def _configured(pam: Pam, module: Module) -> Module:
    """The module with the settings of its file that its own arguments do not override."""
    if module.name not in _FILES:
        return module
    if module.argument("conf") is not None:
        raise ParseError(f"pam_stacks: {module.name} names another file by conf=, which the probe does not read")
    pam.budget.spend(len(pam.text(_FILES[module.name])))
    settings = pam.settings(_FILES[module.name])
    if module.name == "pam_pwhistory":
        settings.setdefault("remember", _REMEMBERED)
    own = {argument.partition("=")[0].lower() for argument in module.arguments}
    added = [f"{key}={value}" if value else key for key, value in settings.items() if key not in own]
    return replace(module, arguments=(*module.arguments, *added))


def _told(pam: Pam, found: list[Module], kind: str) -> list[Json]:
    stack = [_configured(pam, module) for module in found]
    walk = Walk(stack, pam.budget)
    return [
        {"control": module.control, "module": module.name, "arguments": [*module.arguments], "binding": walk.binding(kind, at)}
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
    version=4,
    example={
        "pam": True,
        "services": {
            "su": {
                "auth": [{"control": "required", "module": "pam_wheel", "arguments": ["use_uid"], "binding": True}],
                "password": [],
            },
        },
    },
    probes={"linux": HostProbe(script=_SCRIPT, max_bytes=1_048_576)},
)
