"""What a new password must be like: the modules that ``passwd`` passes through, with their settings."""

from __future__ import annotations

from auditor.facts._pam import SHOW_PAM, Module, Pam, setting
from auditor.facts._pam_walk import Walk
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, optional, record
from auditor.model import Json, Text

_MAIN = "/etc/security/pwquality.conf"
_HASHES = ("yescrypt", "gost_yescrypt", "sha512", "sha256", "blowfish", "md5", "bigcrypt")
_CREDITS = ("dcredit", "ucredit", "lcredit", "ocredit")
_DEFAULTS = {"minlen": 8, "minclass": 0, "maxrepeat": 0, "difok": 1, "dictcheck": 1, "enforcing": 1, **dict.fromkeys(_CREDITS, 0)}
_DEBIAN_MINLEN = 6
_LIBRARY_MINLEN = 6


def parse(output: str, _args: Arguments) -> Json:
    """PAM's files and pwquality's, as ``path:line``; ``nopam`` on a host without PAM."""
    pam = Pam(output, "pwquality")
    stack = pam.stack("passwd", "password") if pam.present and pam.has("passwd") else []
    walk = Walk(stack, pam.budget)
    judging = (m for at, m in enumerate(stack) if m.name == "pam_pwquality" and walk.binding("password", at))
    quality = next(judging, None)
    unix = next((m for m in stack if m.name == "pam_unix"), None)
    value: dict[str, Json] = {"pam": pam.present, "in_stack": quality is not None}
    shortest = 0
    if unix is not None:
        # pam_unix refuses short passwords on its own account, beside pam_pwquality
        shortest = setting("minlen", "pwquality", _unix_minlen(pam), unix.argument("minlen"))
        if named := [name for name in _HASHES if unix.argument(name) is not None]:
            value["hash"] = named[-1].upper()
    if quality is not None:
        value.update(_settings(pam, quality))
        if value["enforcing"]:
            shortest = max(shortest, _shortest(pam, quality))
    return {**value, "min_length": shortest}


def _unix_minlen(pam: Pam) -> int:
    """What pam_unix asks for of itself: nothing but in Debian's PAM and its kin, which alone knows ``@include``."""
    lines = (line for path, text in pam.files.items() if path.startswith("/etc/pam.d/") for line in text)
    return _DEBIAN_MINLEN if any(line.strip().lower().startswith("@include") for line in lines) else 0


def _settings(pam: Pam, module: Module) -> dict[str, Json]:
    number = _Numbers(pam, module)
    return {
        "enforcing": number("enforcing") != 0,
        "minlen": number("minlen"),
        "minclass": max(number("minclass"), sum(number(key) < 0 for key in _CREDITS)),
        "maxrepeat": number("maxrepeat"),
        "difok": number("difok"),
        "dictcheck": number("dictcheck") != 0,
        "enforce_for_root": "enforce_for_root" in number.written or module.argument("enforce_for_root") is not None,
    }


def _shortest(pam: Pam, module: Module) -> int:
    """Credits for kinds of characters let a password be shorter than minlen, yet never than the library's own limit."""
    number = _Numbers(pam, module)
    return max(number("minlen") - sum(max(number(key), 0) for key in _CREDITS), _LIBRARY_MINLEN)


class _Numbers:
    """Settings of pam_pwquality: the module's arguments override the files."""

    def __init__(self, pam: Pam, module: Module) -> None:
        self._module = module
        self.written: dict[str, str] = {}
        folder = sorted(path for path in pam.files if path.startswith(f"{_MAIN}.d/") and path.endswith(".conf"))
        for path in (*folder, _MAIN):  # the library lets the main file have the last word
            self.written.update(pam.settings(path))

    def __call__(self, key: str) -> int:
        return setting(key, "pwquality", _DEFAULTS[key], self._module.argument(key), self.written.get(key))


FACT = Fact(
    name="pwquality",
    title=Text(en="Rules for new passwords", ar="قواعد كلمات المرور الجديدة"),
    shape=record(
        pam=BOOL,
        in_stack=BOOL,  # pam_pwquality, where no password that it refuses is stored all the same
        min_length=INT,  # the shortest password that is let through; 0 when nothing decides
        hash=optional(STR),  # in capitals: the method named on pam_unix's line, which overrides login.defs
        enforcing=optional(BOOL),
        minlen=optional(INT),
        minclass=optional(INT),
        maxrepeat=optional(INT),
        difok=optional(INT),
        dictcheck=optional(BOOL),
        enforce_for_root=optional(BOOL),
    ),
    parse=parse,
    version=4,
    example={"pam": True, "in_stack": True, "min_length": 12, "enforcing": True, "minlen": 12, "hash": "YESCRYPT"},
    probes={
        "linux": HostProbe(
            script=SHOW_PAM + f"show {_MAIN} {_MAIN}.d/*.conf\necho end\n",
            max_bytes=1_048_576,
        )
    },
)
