"""The SSH server's effective settings, as the daemon itself states them (``sshd -T``), so that Include and Match count."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_LISTS = ("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms")
_MANY = ("allowusers", "allowgroups", "denyusers", "denygroups", "authenticationmethods")
_INTS = ("maxauthtries", "logingracetime", "clientaliveinterval", "clientalivecountmax", "maxsessions")
_WORDS = (
    "permitrootlogin",
    "permitemptypasswords",
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "pubkeyauthentication",
    "hostbasedauthentication",
    "ignorerhosts",
    "x11forwarding",
    "allowtcpforwarding",
    "allowagentforwarding",
    "permituserenvironment",
    "usepam",
    "strictmodes",
    "loglevel",
    "banner",
    "maxstartups",
    "printlastlog",
)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``sshd -T``'s lines: a keyword in lower case and its value."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if lines == ["installed=no"]:
        return {"installed": False}
    if not lines or lines[0] != "installed=yes":
        raise ParseError("sshd: the first line says neither installed=yes nor installed=no")
    value: dict[str, Json] = {"installed": True, "port": [], **{name: [] for name in (*_LISTS, *_MANY)}}
    for line in lines[1:]:
        keyword, _, rest = line.partition(" ")
        keyword, rest = keyword.lower(), rest.strip()
        match keyword:
            case "port":
                value["port"].append(int(rest))  # type: ignore[union-attr]
            case name if name in _LISTS:
                value[name] = [word for word in rest.split(",") if word]
            case name if name in _MANY:
                value[name] = [*value[name], *rest.split()]  # type: ignore[misc]
            case name if name in _INTS:
                value[name] = int(rest)
            case name if name in _WORDS:
                # without-password is the old name of prohibit-password, and OpenSSH still prints it
                value[name] = "prohibit-password" if rest == "without-password" else rest
    if "permitrootlogin" not in value:
        raise ParseError("sshd: the output of sshd -T is not whole: permitrootlogin is missing")
    return value


FACT = Fact(
    name="sshd",
    title=Text(en="Effective settings of the SSH server", ar="الإعدادات الفعلية لخادم SSH"),
    shape=record(
        installed=BOOL,
        port=optional(ListOf(INT)),
        **{name: optional(ListOf(STR)) for name in (*_LISTS, *_MANY)},
        **{name: optional(INT) for name in _INTS},
        **{name: optional(STR) for name in _WORDS},
    ),
    parse=parse,
    example={"installed": True, "permitrootlogin": "no", "port": [22], "maxauthtries": 4},
    probes={
        "linux": HostProbe(
            script=(
                "if [ -x /usr/sbin/sshd ]; then\n"
                "  out=$(as_root /usr/sbin/sshd -T) || exit 1\n"
                "  printf 'installed=yes\\n%s\\n' \"$out\"\n"
                "else\n"
                "  echo installed=no\n"
                "fi\n"
            ),
            privileged=("/usr/sbin/sshd -T",),
        )
    },
)
