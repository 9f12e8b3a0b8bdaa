"""Bringing a department's own list into its inventory file, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from auditor.errors import UsageError
from auditor.loading import Mistake, inventory_mistakes, read_yaml
from auditor.loading.importing import (
    Imported,
    not_imported,
    read_ansible,
    read_csv,
    read_nmap_xml,
    read_xlsx,
    write_inventory,
)
from auditor.model import Catalogue, Json, Text
from auditor.text import _
from auditor.workflow.writing import write_file


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What came of an import: the file written with how many hosts, or the mistakes that kept it from being written.

    ``hosts`` are those of the list, of which some are ``new`` and some ``changed`` in the file; ``others`` are names of hosts
    that the file holds and the list does not.
    """

    path: Path
    hosts: int
    mistakes: tuple[Mistake, ...]
    notes: tuple[Mistake, ...]
    new: int = 0
    changed: int = 0
    others: tuple[str, ...] = ()


def import_inventory(
    catalogue: Catalogue,
    source: Path,
    department: str,
    title: Text,
    *,
    kind: str | None = None,
    ports: bool = False,
    public: bool = False,
) -> ImportOutcome:
    """Import ``source`` into the department's inventory; hosts already listed keep their uids. Raises UsageError.

    Empty titles are taken from the present inventory; a new one needs both.
    """
    target = catalogue.settings.inventories / f"{department}.yaml"
    imported = _read(source, kind or _kind(source), ports=ports, public=public)
    if imported.mistakes or not imported.hosts:
        mistakes = imported.mistakes or (Mistake(str(source), 1, 1, _("no host was found in this file")),)
        return ImportOutcome(target, 0, mistakes, imported.notes)
    existing = _existing(target)
    text = write_inventory(department, _title(title, existing, department), imported.hosts, existing=existing)
    # What every row alone allows may be wrong in its place: a department's file with a mistake sets it aside that night.
    wrong = inventory_mistakes(catalogue.settings, department, text.encode())
    if wrong:
        message = _("the inventory that would be written has a mistake, at its line {line}: {mistake}")
        told = (Mistake(str(source), 1, 1, message.format(line=m.line, mistake=m.message)) for m in wrong)
        return ImportOutcome(target, 0, tuple(told), imported.notes)
    write_file(target.resolve(), text.encode(), folders=True, keep=True)
    before, after = _by_uid(existing), _by_uid(_read_back(text, target))
    new = sum(uid not in before for uid in after)
    changed = sum(uid in before and before[uid] != entry for uid, entry in after.items())
    others = not_imported(imported.hosts, existing)
    return ImportOutcome(target, len(imported.hosts), (), imported.notes, new, changed, others)


def _read_back(text: str, target: Path) -> dict[str, Json] | None:
    document, _mistakes = read_yaml(text.encode(), str(target))
    return document.value if document is not None and isinstance(document.value, dict) else None


def _by_uid(inventory: dict[str, Json] | None) -> dict[str, Json]:
    hosts = (inventory or {}).get("hosts")
    return {str(host["uid"]): host for host in (hosts if isinstance(hosts, list) else ()) if isinstance(host, dict)}


def _read(source: Path, kind: str, *, ports: bool, public: bool) -> Imported:
    if kind == "csv":
        return read_csv(source)
    if kind == "xlsx":
        return read_xlsx(source)
    if kind == "nmap":
        return read_nmap_xml(source, ports=ports, public=public)
    return read_ansible(source, public=public)


def _kind(source: Path) -> str:
    by_suffix = {".csv": "csv", ".tsv": "csv", ".xlsx": "xlsx", ".xml": "nmap"}
    return by_suffix.get(source.suffix.lower(), "ansible")


def _existing(target: Path) -> dict[str, Json] | None:
    if not target.exists():
        return None
    document, mistakes = read_yaml(target.read_bytes(), str(target))
    if document is None or mistakes or not isinstance(document.value, dict):
        raise UsageError(_("{path} has mistakes; mend it first: auditor validate").format(path=target))
    return document.value


def _title(title: Text, existing: dict[str, Json] | None, department: str) -> Text:
    old = (existing or {}).get("title")
    known = old if isinstance(old, dict) else {}
    chosen = Text(title.en or str(known.get("en", "")), title.ar or str(known.get("ar", "")))
    if not chosen.en or not chosen.ar:
        message = _("the department {name} is new: give its name by --title-en and --title-ar")
        raise UsageError(message.format(name=department))
    return chosen
