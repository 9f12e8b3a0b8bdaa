"""PostgreSQL: every cluster's settings, and who may connect from where by which proof (pg_hba.conf).

Settings are read from postgresql.conf, its conf.d and the postgresql.auto.conf of the data (what ALTER SYSTEM sets), the last one
holding; those that no file sets have the default of the cluster's own version. An include or data elsewhere are an error, and so
is a server that runs, seen by its command line, whose files these are not. Where /proc hides it, the files alone are told.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from itertools import pairwise
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._budget import Budget, Folders
from auditor.facts._lines import files, whole
from auditor.facts._postgresql_probe import DEPTH, PRIVILEGED, ROOTS, SCRIPT
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, optional, record
from auditor.model import Json, Text

_DEFAULTS = {
    "listen_addresses": "localhost",
    "ssl": "off",
    "log_connections": "off",
    "log_disconnections": "off",
    "logging_collector": "off",
    "log_statement": "none",
}
# Before version 14 passwords are stored as md5 where nothing is set (release notes of 14): Debian 11 has 13, RHEL 8 has 10.
_SCRAM_SINCE = 14
_WORDS_SINCE = 14  # clientcert takes words alone, and no numbers
_SETTING = re.compile(r"([A-Za-z_][\w.]*)\s*=?\s*(?:'((?:[^']|'')*)'|([^\s#]*))")
# One word of pg_hba.conf, with the comma that ends it; or what is between the words.
_WORD = re.compile(r"""#.*|[\s,]+|((?:"[^"]*"|[^\s,"#])+)(,?)""")
_TYPES = {"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"}
_METHODS = {
    *("trust", "reject", "scram-sha-256", "md5", "password", "gss", "sspi", "ident", "peer", "ldap", "radius", "cert", "pam"),
    *("bsd", "oauth"),
}
_OPTIONS = {
    *("map", "clientcert", "clientname", "include_realm", "krb_realm", "compat_realm", "upn_username"),
    *("pamservice", "pam_use_hostname", "radiusservers", "radiussecrets", "radiusports", "radiusidentifiers"),
    *("ldapserver", "ldapport", "ldapscheme", "ldaptls", "ldapprefix", "ldapsuffix", "ldapbasedn", "ldapbinddn"),
    *("ldapbindpasswd", "ldapsearchattribute", "ldapsearchfilter", "ldapurl"),
    *("issuer", "scope", "validator", "delegate_ident_mapping"),
}
_CERTIFICATES = {False: ("0", "1", "no-verify", "verify-ca", "verify-full"), True: ("verify-ca", "verify-full")}


def parse(output: str, _args: Arguments) -> Json:
    """``present=no``; or the files as ``path:line``. ``runs=`` and the words of a server's command line, with tabs.

    ``reloaded=`` and the folder of settings that changed after the server began, and that it was told to read since.
    """
    lines = whole(output, "postgresql")
    running = [line[5:].split("\t") for line in lines if line.startswith("runs=")]
    reloaded = {line[9:] for line in lines if line.startswith("reloaded=")}
    lines = [line for line in lines if not line.startswith(("runs=", "reloaded="))]
    if [line.strip() for line in lines] == ["present=no"]:
        if running:
            raise ParseError(f"postgresql: a server runs whose files the probe does not read: {' '.join(running[0])[:80]!r}")
        return {"present": False, "clusters": []}
    if not lines or lines[0].strip() != "present=yes":
        raise ParseError("postgresql: the first line says neither present=yes nor present=no")
    # what lies deeper are copies
    found = {path: told for path, told in files(lines[1:], "postgresql").items() if _depth(path) <= DEPTH}
    for words in running:
        _require_read(words, found)
    clusters: list[Json] = []
    places = {str(p.parent) for p in map(PurePosixPath, found) if p.name in ("postgresql.conf", "pg_hba.conf")}
    budget = Budget("postgresql: the settings with what is included")
    folders = Folders("postgresql", found, budget)
    clusters += [_cluster(folder, found, folders, budget, reloaded) for folder in sorted(places)]
    return {"present": bool(clusters), "clusters": clusters}


def _depth(path: str) -> int:
    """How deep below the place that is looked through."""
    return min((len(PurePosixPath(path).relative_to(root).parts) for root in ROOTS if path.startswith(f"{root}/")), default=0)


def _require_read(words: list[str], found: dict[str, list[str]]) -> None:
    """Raises ParseError where a server's command line takes it to files that were not read, or sets what is judged."""
    folder, config = "", ""
    for word, after in pairwise([*words[1:], ""]):
        if word.startswith("-D"):
            folder = _data("a server that runs", word[2:] or after)
        # -c NAME=VALUE, in one word or two, and --NAME=VALUE
        name, equals, value = (after if word == "-c" else re.sub(r"^-(c|-)", "", word)).partition("=")
        name = name.replace("-", "_").lower()
        if not equals or not (word.startswith(("-c", "--"))):
            continue
        config = value if name == "config_file" else config
        if name == "data_directory":
            folder = _data("a server that runs", value)
        elif (name in ("config_file", "hba_file") and value not in found) or name in (*_DEFAULTS, "password_encryption"):
            raise ParseError(f"postgresql: a server that runs is started with {name} = {value[:60]!r}, which is not in its files")
    # the folder may be a link, which is not followed, or empty but for what is mounted on it
    for path in [f"{folder}/PG_VERSION", config or f"{folder}/postgresql.conf"] if folder else []:
        if path not in found:
            raise ParseError(f"postgresql: {path} of a server that runs was not read: what holds for it is not known")


def _cluster(folder: str, found: dict[str, list[str]], folders: Folders, budget: Budget, reloaded: set[str]) -> Json:
    main = f"{folder}/postgresql.conf"
    extra = folders.inside(f"{folder}/conf.d")
    settings: dict[str, Json] = {**_DEFAULTS}
    for path in (main, ""):
        # where the data are is known when the main file was read
        path = path or f"{_data(folder, str(settings.get('data_directory', folder)))}/postgresql.auto.conf"
        for line in found.get(path, []):
            budget.line(line)
            name, value = _setting(path, line)
            if name == "include_dir" and value.rstrip("/") == "conf.d":
                for other in extra:
                    budget.line(*found[other])
                    budget.spend(len(found[other]))
                    settings |= dict(_setting(other, text) for text in found[other])
            elif name in ("include", "include_dir") or (name == "include_if_exists" and value):
                raise ParseError(f"postgresql: {path} includes {value[:60]!r}, which the probe does not read")
            elif name == "hba_file" and value != f"{folder}/pg_hba.conf":
                raise ParseError(f"postgresql: {path}: the file of connections is {value[:60]!r}, which the probe does not read")
            else:
                settings[name] = value
    data = _data(folder, str(settings.get("data_directory", folder)))
    version = _version(folder, data, found)
    if "password_encryption" not in settings:
        if not version:
            raise ParseError(f"postgresql: {folder}: its version, and with it how passwords are stored, is told by no file")
        settings["password_encryption"] = "scram-sha-256" if version >= _SCRAM_SINCE else "md5"
    if not found.get(f"{folder}/pg_hba.conf"):
        raise ParseError(f"postgresql: {folder}/pg_hba.conf was not read, as where it is a link: who may connect is not known")
    return {
        "folder": folder,
        **({"reloaded": True} if reloaded & {folder, data} else {}),
        "settings": settings,
        "hba": [_rule(folder, text, version) for text in found.get(f"{folder}/pg_hba.conf", [])],
    }


def _version(folder: str, data: str, found: dict[str, list[str]]) -> int:
    """The version that made the data, 0 where no file tells it; Debian names the folder of the settings after it too."""
    told = found.get(f"{data}/PG_VERSION") or re.findall(r"^/etc/postgresql/([0-9.]+)/", f"{folder}/")
    number = re.match(r"\d{1,3}", told[0].strip()) if told else None
    return int(number[0]) if number is not None else 0


def _data(folder: str, told: str) -> str:
    """The folder of a cluster's data; ParseError where the probe does not look."""
    path = PurePosixPath(told)
    if not any(path.is_relative_to(root) and len(path.relative_to(root).parts) < DEPTH for root in ROOTS):
        raise ParseError(
            f"postgresql: {folder}: the data are in {told[:60]!r}, where the probe does not read what ALTER SYSTEM set"
        )
    return str(path)


def _setting(path: str, line: str) -> tuple[str, str]:
    match = _SETTING.match(line.strip())
    if match is None:
        raise ParseError(f"postgresql: {path}: a line that is no setting: {line[:80]!r}")
    return match[1].lower(), match[2].replace("''", "'") if match[2] is not None else match[3]


def _rule(folder: str, line: str, version: int) -> Json:
    where = f"postgresql: {folder}/pg_hba.conf"
    fields = _fields(line, where)
    first = _bare(fields[0]) if fields else ""
    if first.startswith("include"):
        raise ParseError(f"{where} includes {' '.join(fields[1:])[:60]!r}, which the probe does not read")
    address = _bare(fields[3]) if len(fields) > 3 else ""
    at = 3 if first == "local" else 5 if _wants_mask(address) else 4
    if first not in _TYPES or len(fields) <= at:
        raise ParseError(f"{where}: a line that is no rule: {line[:80]!r}")
    method = _bare(fields[at])
    # one that PostgreSQL does not know is a sign that the line was misread, and no check may take it for a strong one
    if method not in _METHODS:
        raise ParseError(f"{where}: the method {method[:40]!r} is not known: {line[:80]!r}")
    for told in map(_bare, fields[at + 1 :]):
        name, equals, given = told.partition("=")
        if not equals or name not in _OPTIONS or (name == "clientcert" and given not in _CERTIFICATES[version >= _WORDS_SINCE]):
            # with a line that it refuses PostgreSQL goes on by the file as it was, however well its reload ended
            raise ParseError(f"{where}: the option {told[:40]!r} is not known: {line[:80]!r}")
    found = [first, *fields[1:3], *map(_bare, fields[3:at]), method]
    return {
        "type": first,
        "database": fields[1],
        "user": fields[2],
        "address": " ".join(found[3:at]),
        "method": method,
        "text": " ".join(found),
    }


def _fields(line: str, where: str) -> list[str]:
    """The fields as PostgreSQL parts them: blanks end one, but not after a comma nor in quotes, which stay.

    In the lists of databases and users a word in quotes is a name and no keyword, so these must stay.
    """
    fields: list[list[str]] = []
    at, goes_on = 0, False
    while at < len(line):
        match = _WORD.match(line, at)
        if match is None:
            raise ParseError(f"{where}: a quote that does not close: {line[:80]!r}")
        at = match.end()
        if match[1] is None:
            continue
        if goes_on:
            fields[-1].append(match[1])
        else:
            fields.append([match[1]])
        goes_on = bool(match[2])
    return [",".join(words) for words in fields]


def _bare(word: str) -> str:
    return word.replace('"', "")


def _wants_mask(address: str) -> bool:
    """Whether it is an address without the length of its network, whose mask is the next field; a name has none."""
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


FACT = Fact(
    name="postgresql",
    title=Text(en="Settings of PostgreSQL and who may connect", ar="إعدادات PostgreSQL ومن يحق له الاتصال"),
    shape=record(
        present=BOOL,
        clusters=ListOf(
            record(
                folder=STR,
                reloaded=optional(BOOL),
                settings=MapOf(STR),
                hba=ListOf(record(type=STR, database=STR, user=STR, address=STR, method=STR, text=STR)),
            )
        ),
    ),
    parse=parse,
    version=7,
    example={
        "present": True,
        "clusters": [
            {
                "folder": "/etc/postgresql/15/main",
                "settings": {"ssl": "on"},
                "hba": [
                    {
                        "type": "hostssl",
                        "database": "all",
                        "user": "all",
                        "address": "10.20.1.0/24",
                        "method": "scram-sha-256",
                        "text": "hostssl all all 10.20.1.0/24 scram-sha-256",
                    }
                ],
            }
        ],
    },
    probes={"linux": HostProbe(script=SCRIPT, privileged=PRIVILEGED)},
)
