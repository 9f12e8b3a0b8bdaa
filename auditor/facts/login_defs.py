"""Defaults for accounts yet to be made (/etc/login.defs), and the masks with which sessions create files.

A mask written in login.defs rules a session only where pam_umask applies it; shells' start files then change it. ``umasks``
therefore lists every mask that may rule, each with where it is written. By ``usergroups`` of pam_umask a person's own group may
do what the person may: on Debian 13 even without that word, on Ubuntu where login.defs gives the mask and says USERGROUPS_ENAB.
The modules of Debian 11 and 12 do not read that, though their manual says so; nor does upstream's, which RHEL has.
"""

from __future__ import annotations

import re

from auditor.facts._lines import number
from auditor.facts._pam import SHOW_PAM, Module, Pam
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_PATH = "/etc/login.defs"
_RELEASE = "/etc/os-release"
_STARTS = ("/etc/profile", "/etc/bashrc", "/etc/bash.bashrc", "/etc/profile.d/")
_SERVICES = ("sshd", "login")
_NUMBERS = ("pass_max_days", "pass_min_days", "pass_warn_age", "pass_min_len", "uid_min", "uid_max", "sys_uid_max")
_WANTED = 0o027
# A comment begins with a word; `$#`, and what stands in quotes, begins none.
_COMMENT = re.compile(r"""('[^']*'|"(?:\\.|[^"\\])*"|\\.)|(?<![^\s;&|()])#.*""")
_COMMAND = re.compile(r"(?:^|[;&|)]\s*|\{\s+|\b(?:then|else|do)\s+)umask\s+([^\s;&|)]+)")
_CLAUSE = re.compile(r"([ugoa]+)=([rwx]*)\Z")


def parse(output: str, _args: Arguments) -> Json:
    """PAM's files, login.defs and the shells' start files, as ``path:line``."""
    pam = Pam(output, "login_defs")
    settings: dict[str, str] = {}
    for text in pam.text(_PATH):
        key, _, said = text.strip().replace("\t", " ").partition(" ")
        if key and not key.startswith("#"):  # behind a value nothing is a comment, and the value is none that counts
            settings[key.upper()] = said.lstrip(' "').partition('"')[0].strip()  # the last one holds
    value: dict[str, Json] = {"present": _PATH in pam.files}
    for name in _NUMBERS:
        if name.upper() in settings:
            value[name] = _number(settings[name.upper()], f"login_defs: {name.upper()}")
    if "ENCRYPT_METHOD" in settings:
        value["encrypt_method"] = settings["ENCRYPT_METHOD"].upper()
    if "UMASK" in settings:
        value["umask"] = settings["UMASK"]
    return {**value, "umasks": [*_session_masks(pam, settings), *_start_masks(pam)]}


def _number(text: str, where: str) -> int:
    """As C reads it: 010 is 8."""
    return int(text, 8) if re.fullmatch("0[0-7]+", text, re.ASCII) else number(text, where)


def _session_masks(pam: Pam, settings: dict[str, str]) -> list[Json]:
    """What pam_umask sets at log-on: its own argument, else that of login.defs, else nothing but the system's 022."""
    found: list[Json] = []
    for service in _SERVICES:
        if not pam.present or not pam.has(service):
            continue
        modules = [m for m in pam.stack(service, "session") if m.name == "pam_umask"]
        given = modules[-1].argument("umask") if modules else None
        shared = bool(modules) and _shares(pam, modules[-1], settings)
        if not modules:
            found.append(_mask(f"{service} (no pam_umask)", "022"))
        elif given is not None:
            found.append(_mask(f"{service} (pam_umask)", given, shared))
        else:
            found.append(_mask(f"{service} ({_PATH})", settings.get("UMASK") or "022", shared))
    return found


def _shares(pam: Pam, module: Module, settings: dict[str, str]) -> bool:
    """Whether pam_umask gives a person's own group the owner's rights."""
    release = dict(re.sub("[\"']", "", line).strip().split("=", 1) for line in pam.files.get(_RELEASE, []) if "=" in line)
    version = release.get("VERSION_ID", "13").split(".")[0]  # what is not released yet has no number
    ubuntu = "ubuntu" in (release.get("ID", ""), *release.get("ID_LIKE", "").split())
    told = [word for word in module.arguments if word in ("usergroups", "nousergroups")]
    if told and not (ubuntu and version in ("18", "20")):
        return told[-1] == "usergroups"
    if ubuntu:  # before 22.04 the module knows no word that forbids it
        enabled = module.argument("umask") is None and settings.get("USERGROUPS_ENAB", "").lower() == "yes"
        return enabled or "usergroups" in told
    return release.get("ID") == "debian" and version.isdigit() and int(version) >= 13


def _start_masks(pam: Pam) -> list[Json]:
    found: list[Json] = []
    for path, lines in pam.files.items():
        if path.startswith(_STARTS):
            masks = [mask for text in lines for mask in _COMMAND.findall(_COMMENT.sub(r"\1", text).strip())]
            found += [_mask(path, mask) for mask in masks if not mask.startswith("-")]  # -S and -p only print
    return found


def _mask(source: str, text: str, shared: bool = False) -> Json:
    bits = _bits(text)
    if shared and bits is not None:
        bits = bits & 0o707 | (bits & 0o700) >> 3
        source, text = f"{source}, usergroups", f"{bits:03o}"
    return {"source": source, "mask": text, "at_least_027": bits is not None and bits & _WANTED == _WANTED}


def _bits(text: str) -> int | None:
    """An octal mask, or a symbolic one such as ``u=rwx,g=rx,o=``; None when only the shell can tell."""
    text = text.strip("\"'")
    if re.fullmatch(r"[0-7]{1,4}", text):
        return int(text, 8)
    allowed: dict[str, int] = {}
    for clause in text.split(","):
        match = _CLAUSE.match(clause)
        if match is None:
            return None
        for who in "ugo" if "a" in match[1] else match[1]:
            allowed[who] = sum({"r": 4, "w": 2, "x": 1}[c] for c in set(match[2]))
    if set(allowed) != set("ugo"):
        return None
    return 0o777 - (allowed["u"] * 64 + allowed["g"] * 8 + allowed["o"])


FACT = Fact(
    name="login_defs",
    title=Text(en="Defaults for accounts and file masks", ar="الإعدادات الافتراضية للحسابات وأقنعة أذونات الملفات"),
    shape=record(
        present=BOOL,
        umask=optional(STR),
        encrypt_method=optional(STR),  # in capitals
        **{name: optional(INT) for name in _NUMBERS},
        umasks=ListOf(record(source=STR, mask=STR, at_least_027=BOOL)),
    ),
    parse=parse,
    version=5,
    example={
        "present": True,
        "umask": "027",
        "encrypt_method": "YESCRYPT",
        "pass_max_days": 90,
        "uid_min": 1000,
        "umasks": [{"source": "sshd (/etc/login.defs)", "mask": "027", "at_least_027": True}],
    },
    probes={
        "linux": HostProbe(
            script=SHOW_PAM
            + f"show {_RELEASE} {_PATH} /etc/profile /etc/bashrc /etc/bash.bashrc /etc/profile.d/*.sh\necho end\n",
            max_bytes=1_048_576,
        )
    },
)
