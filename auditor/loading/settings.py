"""auditor.toml: where a workspace begins, and how it likes to be run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from auditor.errors import ConfigurationError, UsageError
from auditor.loading.document import Document, Place, Report
from auditor.loading.files import Files
from auditor.loading.mistake import Mistake, in_order
from auditor.loading.schema import check_schema
from auditor.loading.yaml_reader import RefusedError, decode
from auditor.model import Settings
from auditor.text import _

SETTINGS_FILE = "auditor.toml"
_PATHS = ("policies", "checks", "inventories", "ledger", "known_hosts")
_SECONDS = ("connect_timeout", "login_timeout", "host_timeout", "network_timeout")


def find_root(start: Path) -> Path:
    """The nearest folder at or above ``start`` that holds auditor.toml. Raises UsageError when there is none."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    message = _("no {file} in {folder} or above it; go to a workspace, or lay one out with: auditor init DIR")
    raise UsageError(message.format(file=SETTINGS_FILE, folder=start))


def load_settings(path: Path) -> Settings:
    """The settings in ``path``, an auditor.toml or the folder that holds it. Raises ConfigurationError with every mistake."""
    path = path / SETTINGS_FILE if path.is_dir() else path
    files = Files(path.resolve().parent)
    settings, _document = read_settings(files, path.resolve())
    if files.report.mistakes:
        mistakes = tuple(str(mistake) for mistake in in_order(files.report.mistakes))
        raise ConfigurationError(_("{file} is wrong").format(file=path.name), mistakes)
    return settings


def read_settings(files: Files, path: Path) -> tuple[Settings, Document | None]:
    """The settings and their document; defaults stand for what is wrong, which the report then holds."""
    document = _read(files, path)
    data: Any = {}
    if document is not None:
        found = check_schema(document, "settings")
        files.report.mistakes.extend(found.mistakes)
        data = {} if found.unusable else document.value
    root = path.parent
    folders = {name: root / name for name in _PATHS} | {
        name: root / Path(value).expanduser() for name, value in data.get("paths", {}).items() if name in _PATHS
    }
    folders["ledger"] = folders["ledger"] if "ledger" in data.get("paths", {}) else root / "findings" / "ledger.db"
    audit = {name: float(value) if name in _SECONDS else value for name, value in data.get("audit", {}).items()}
    plain = {**data.get("auditor", {}), **audit}
    known = {name: value for name, value in plain.items() if name in Settings.__dataclass_fields__}
    of_record = data.get("policy", {}).get("of_record", "")
    return Settings(root=root, policy_of_record=of_record, **folders, **known), document


def _read(files: Files, path: Path) -> Document | None:
    data = files.bytes_of(path)
    if data is None:
        return None
    shown = files.shown(path)
    try:
        text = decode(data)
        value = tomllib.loads(text)
    except RefusedError as error:
        files.report.mistakes.append(Mistake(shown, error.line, error.column, error.message))
        return None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        said = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line, column = (int(said[1]), int(said[2])) if said else (text.count("\n") + 1, 1)
        message = re.sub(r" \(at [^)]*\)", "", str(error)) or type(error).__name__
        files.report.mistakes.append(Mistake(shown, line, column, _("this is not valid TOML: {problem}").format(problem=message)))
        return None
    files.contents[shown] = text
    return Document(shown, text, value, _places(text, value))


def _places(text: str, value: dict[str, Any]) -> Place:
    """Where keys and values stand; tomllib does not tell, so the two levels that the settings have are looked for."""
    keys: dict[str, tuple[int, int]] = {}
    tables: dict[str, tuple[dict[str, tuple[int, int]], dict[str | int, Place]]] = {"": ({}, {})}
    table = ""
    for number, line in enumerate(text.split("\n"), start=1):
        header = re.match(r"\s*\[+\s*\"?([A-Za-z0-9_-]+)", line)
        pair = re.match(r"(\s*\"?)([A-Za-z0-9_-]+)\"?\s*=\s*", line)
        if header:
            table = header[1]
            keys.setdefault(table, (number, header.start(1) + 1))
            tables.setdefault(table, ({}, {}))
        elif pair:
            tables[table][0][pair[2]] = (number, pair.start(2) + 1)
            tables[table][1][pair[2]] = Place(number, pair.end() + 1)
    top_keys, top = tables.pop("")
    children: dict[str | int, Place] = {name: Place(*keys[name], "", *inner) for name, inner in tables.items() if name in value}
    return Place(1, 1, "", {**top_keys, **keys}, top | children)


def settle_policy(settings: Settings, document: Document | None, report: Report, policies: set[str]) -> str:
    """The id of the policy of record: the one named, or the only one there is."""
    if not settings.policy_of_record and len(policies) == 1:
        return next(iter(policies))
    if document is not None and not settings.policy_of_record and policies:
        known = ", ".join(sorted(policies))
        report.add(
            document,
            (),
            _("there are several policies: say which is of record under [policy] as of_record = one of {names}").format(
                names=known
            ),
        )
    return settings.policy_of_record
