"""Ansible inventories, INI or YAML, read without running Ansible: plain values only, no Jinja, no vault, no plugins."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from auditor.loading.importing.ansible_ini import parse_ini
from auditor.loading.importing.ansible_yaml import parse_yaml
from auditor.loading.importing.groups import Groups, Variable
from auditor.loading.importing.host import Imported, Row, gather, read_bytes
from auditor.loading.mistake import Mistake
from auditor.model import Json
from auditor.text import _

MAX_BYTES = 1_000_000
_VARIABLES = {
    "ansible_host": "address",
    "ansible_ssh_host": "address",
    "ansible_user": "user",
    "ansible_ssh_user": "user",
    "ansible_port": "port",
    "ansible_ssh_port": "port",
    "ansible_private_key_file": "key",
    "ansible_ssh_private_key_file": "key",
    "ansible_connection": "connection",
    "ansible_ssh_common_args": "jump",
}
_CONNECTIONS = {"ssh": "ssh", "smart": "ssh", "paramiko": "ssh", "paramiko_ssh": "ssh", "local": "local"}
_WINDOWS = ("winrm", "psrp")
_SECRET = re.compile(r"pass(word|wd|phrase)?($|_)|pwd|secret|token|credential|private_key$|api_?key", re.IGNORECASE)
_JUMP = re.compile(r"(?:-J\s*|-o\s*[\"']?ProxyJump[= ])[\"']?([^\s\"']+)")


def read_ansible(path: Path, *, public: bool = False) -> Imported:
    """The hosts of an Ansible inventory; groups become tags, ``public`` says that public addresses are meant.

    Secrets are left out, and named in the notes.
    """
    return parse_ansible(read_bytes(path, MAX_BYTES), str(path), public=public)


def parse_ansible(data: bytes, file: str, *, public: bool = False) -> Imported:
    """As ``read_ansible``, of bytes: INI or YAML by the file's name, else by its first line."""
    groups, mistakes = (parse_yaml if _is_yaml(data, file) else parse_ini)(data, file)
    reading = _Reading(file, groups, list(mistakes), public)
    return gather(file, list(reading.rows()), reading.mistakes, reading.notes)


def _is_yaml(data: bytes, file: str) -> bool:
    if file.lower().endswith((".yaml", ".yml", ".ini")):
        return not file.lower().endswith(".ini")
    lines = (line.strip() for line in data.removeprefix(b"\xef\xbb\xbf").splitlines())
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    return re.match(rb"---|- |[\w.-]+:(\s|$)", first) is not None


@dataclass(slots=True)
class _Reading:
    """One inventory on its way from Ansible's words to ours."""

    file: str
    groups: Groups
    mistakes: list[Mistake]
    public: bool
    notes: list[Mistake] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        """A row for each host that could be understood."""
        for name, (line, column) in self.groups.hosts.items():
            row = Row(line, column)
            row.put("name", name, line, column)
            row.put("address", name, line, column)
            variables = list(self.groups.variables_of(name))
            sound = [self._take(row, name, variable) for variable in variables]
            if self.public:
                row.put("public", True, line, column)
            tags: list[Json] = list(self.groups.groups_of(name))
            if tags:
                row.put("tags", tags, line, column)
            if not all(sound):
                continue
            for variable in variables:  # once the address is known
                if variable.name == "ansible_connection":
                    self._connect(row, name, variable)
            yield row

    def _take(self, row: Row, host: str, variable: Variable) -> bool:
        """Put one variable into the row if we have a word for it; False when it is needed and cannot be read."""
        name = _VARIABLES.get(variable.name)
        if name is None:
            if _SECRET.search(variable.name):
                message = _("{variable} of {host} is a secret and was left out; name password_env or password_command instead")
                self._note(variable, message.format(variable=variable.name, host=host))
            return True
        text = str(variable.value)
        if "{{" in text or "{%" in text or isinstance(variable.value, dict | list):
            message = _("{variable} of {host} is not a plain value; Jinja is not evaluated: write the value itself")
            self._mistake(variable, message.format(variable=variable.name, host=host))
            return False
        if name == "jump":
            hops = _JUMP.search(text)
            if hops:
                row.put("jump", [hop for hop in hops[1].split(",") if hop], variable.line, variable.column)
            else:
                message = _("{variable} of {host} holds no ProxyJump and was left out; jump hosts may be needed")
                self._note(variable, message.format(variable=variable.name, host=host))
        elif name == "port":
            row.put(
                "port",
                int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else text,
                variable.line,
                variable.column,
            )
        elif name != "connection":  # which waits for the address
            row.put(name, text, variable.line, variable.column)
        return True

    def _connect(self, row: Row, host: str, variable: Variable) -> None:
        word = str(variable.value).rsplit(".", 1)[-1]
        method = _CONNECTIONS.get(word)
        if word in _WINDOWS:
            # left as it is, it stays in the plan and lowers coverage; its port is not one of SSH
            row.values.pop("port", None)
            row.put("platform", "windows", variable.line, variable.column)
            message = _("{host} is a Windows host and becomes «platform: windows»: what is to be read on it counts as unknown")
            self._note(variable, message.format(host=host))
            return
        if method is None:
            message = _("{host} is not reached over SSH and becomes «connection: none»: it is only seen from the network")
            self._note(variable, message.format(host=host))
        elif method == "local" and not _is_loopback(str(row.values["address"])):
            # network modules run on Ansible's own machine; what this machine says is not what the device says
            method = None
            message = _("{host} is worked on from Ansible's own machine and becomes «connection: none»: nothing is read on it")
            self._note(variable, message.format(host=host))
        row.put("connection", method or "none", variable.line, variable.column)

    def _note(self, variable: Variable, message: str) -> None:
        self.notes.append(Mistake(self.file, variable.line, variable.column, message, severity="warning"))

    def _mistake(self, variable: Variable, message: str) -> None:
        self.mistakes.append(Mistake(self.file, variable.line, variable.column, message))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"
