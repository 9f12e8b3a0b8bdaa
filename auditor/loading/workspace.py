"""A whole workspace: every file read, every name followed, every mistake told at once."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.loading.checks import load_check
from auditor.loading.document import Document, Keys
from auditor.loading.files import Files
from auditor.loading.framework import FRAMEWORK_FILE, load_framework
from auditor.loading.inventories import load_department
from auditor.loading.known import Known, require
from auditor.loading.mistake import Mistake, in_order
from auditor.loading.policies import load_overlay, load_policy
from auditor.loading.rights import check_rights
from auditor.loading.settings import SETTINGS_FILE, check_officers, note_own_account, read_settings, settle_policy
from auditor.loading.sharing import check_shared_uids, note_shared_addresses
from auditor.model import Catalogue, Department, Inventory, Overlay, Policy, Settings
from auditor.text import _

DEPARTMENTS_FOLDER = "departments"


@dataclass(frozen=True, slots=True)
class LoadResult:
    """``catalogue`` is there when all shared files are right; departments whose own files are wrong are set aside in it.

    ``notes`` are of files that are right, and may not do what their writer believes.
    """

    catalogue: Catalogue | None
    mistakes: tuple[Mistake, ...]
    notes: tuple[Mistake, ...] = ()


def load_workspace(root: Path, *, thorough: bool = False) -> LoadResult:
    """Load the workspace at ``root``. Never raises for what people wrote: that is what ``mistakes`` are for.

    ``thorough``: files that came with the program are gone through for mistakes like any other.
    """
    root = root.resolve()
    files = Files(root, thorough=thorough)
    settings, settings_document = read_settings(files, root / SETTINGS_FILE)
    known = Known()
    _load_checks(files, settings.checks, known)
    _load_frameworks(files, settings.policies, known)
    policies = _load_policies(files, settings, settings_document, known)
    settings = dataclasses.replace(settings, policy_of_record=next((p.id for p in policies.values() if p.of_record), ""))
    departments = _load_inventories(files, settings.inventories)
    if settings_document is not None:
        check_officers(files.report, settings_document, settings.people, departments)
        note_own_account(files.report, settings_document, settings)
    _note_idle_checks(files, settings, known)
    overlays = _load_overlays(files, settings.policies / DEPARTMENTS_FOLDER, departments, known)
    mistakes, notes = in_order(files.report.mistakes), in_order(files.report.notes)
    if known.framework is None or any(mistake.department is None for mistake in mistakes):
        return LoadResult(None, mistakes, notes)
    wrong: dict[str, list[str]] = defaultdict(list)
    for mistake in mistakes:
        wrong[str(mistake.department)].append(str(mistake))
    inventory = Inventory(
        tuple(department for _, department in sorted(departments.items()) if department and department.id not in wrong),
        tuple((department, tuple(said)) for department, said in sorted(wrong.items())),
    )
    # What was set aside decides nothing, and may hold the very secret it was set aside for.
    aside = {mistake.file for mistake in mistakes} - {SETTINGS_FILE}
    sources = tuple((file, content) for file, content in sorted(files.contents.items()) if file not in aside)
    kept = {department: overlay for department, overlay in overlays.items() if department not in wrong}
    catalogue = Catalogue(settings, known.framework, known.checks, policies, kept, inventory, sources)
    return LoadResult(catalogue, mistakes, notes)


def inventory_mistakes(settings: Settings, department: str, content: bytes) -> tuple[Mistake, ...]:
    """What would be wrong with a department's inventory, were this its content, beside the inventories that there are."""
    files = Files(settings.root, drafts={settings.inventories / f"{department}.yaml": content})
    _load_inventories(files, settings.inventories)
    return in_order(mistake for mistake in files.report.mistakes if mistake.department == department)


def check_mistakes(settings: Settings, area: str, check_id: str, content: bytes) -> tuple[Mistake, ...]:
    """What would be wrong with a check of this id, were this its content."""
    path = settings.checks / area / f"{check_id}.yaml"
    files = Files(settings.root, drafts={path: content})
    document = files.read_whole(path, "check")
    if document is not None:
        load_check(files, document, area)
    return in_order(files.report.mistakes)


def _load_checks(files: Files, folder: Path, known: Known) -> None:
    if not folder.is_dir():
        files.note(
            folder, _("there is no folder of checks here; lay out a workspace with auditor init, or set checks under [paths]")
        )
        return
    for path in files.in_folder(folder):
        message = _("a check lives in a folder of its area; move it to {path}")
        files.note(path, message.format(path=f"{folder.name}/<area>/{path.name}"))
    first: dict[str, str] = {}
    for area in sorted(path for path in folder.iterdir() if path.is_dir()):
        for path in files.in_folder(area):
            known.check_ids.add(path.stem)
            document = files.read_whole(path, "check")
            if document is None:
                continue
            check = load_check(files, document, area.name)
            _check_name(files, document, path)
            _check_twice(files, document, first)
            if check is not None and check.id == path.stem:
                known.checks.setdefault(check.id, check)


def _note_idle_checks(files: Files, settings: Settings, known: Known) -> None:
    """Note the checks that no control names: they are never run. What a policy leaves out with its control it leaves out
    knowingly."""
    if known.framework is None:
        return
    named = {mapping.check for control in known.framework.controls for mapping in control.checks}
    for check in known.checks.values():
        if check.id not in named:
            shown = files.shown(settings.checks / check.area / f"{check.id}.yaml")
            message = _("no control names the check {check}, so that it is never run; map it in a control under policies/")
            files.report.notes.append(Mistake(shown, 1, 1, message.format(check=check.id), severity="warning"))


def _check_twice(files: Files, document: Document, first: dict[str, str]) -> None:
    data: Any = document.value
    if data["id"] in first:
        message = _("the check {check} is already in {file}; give this one another id")
        files.report.add(document, ("id",), message.format(check=data["id"], file=first[data["id"]]))
    first.setdefault(data["id"], document.file)


def _check_name(files: Files, document: Document, path: Path, key: str = "id") -> None:
    data: Any = document.value
    if data[key] != path.stem:
        message = _("the {key} is {value}, but the file is {file}; make them the same")
        files.report.add(document, (key,), message.format(key=key, value=data[key], file=path.name))


def _load_frameworks(files: Files, folder: Path, known: Known) -> None:
    if not folder.is_dir():
        files.note(
            folder, _("there is no folder of policies here; lay out a workspace with auditor init, or set policies under [paths]")
        )
        return
    found: list[str] = []
    for path in sorted(path for path in folder.iterdir() if path.is_dir() and path.name != DEPARTMENTS_FOLDER):
        if not (path / FRAMEWORK_FILE).is_file():
            if files.in_folder(path):
                message = _("the folder holds controls but no {file}; add it, or move the files away")
                files.note(path, message.format(file=FRAMEWORK_FILE))
            continue
        if found:
            files.note(path, _("there is a framework already, in {folder}; a workspace has one").format(folder=found[0]))
            continue
        found.append(files.shown(path))
        known.framework_ids.add(path.name)
        known.framework = load_framework(files, path, known)
    if not found:
        message = _("there is no framework here; expected a folder such as iso27001-2022 with its {file}")
        files.note(folder, message.format(file=FRAMEWORK_FILE))


def _load_policies(files: Files, settings: Settings, settings_document: Document | None, known: Known) -> dict[str, Policy]:
    paths = files.in_folder(settings.policies)
    known.policy_ids.update(path.stem for path in paths)
    of_record = settle_policy(settings, settings_document, files.report, known.policy_ids)
    if settings_document is not None and settings.policy_of_record:
        keys = ("policy", "of_record")
        require(settings_document, files.report, keys, of_record, known.policy_ids, "policy")
    if settings.policies.is_dir() and not paths:
        files.note(settings.policies, _("there is no policy here; expected a file such as national-2026.yaml"))
    for path in paths:
        document = files.read_whole(path, "policy")
        if document is not None:
            _check_name(files, document, path)
            policy = load_policy(document, files.report, known, of_record)
            known.policies[policy.id] = policy
    return known.policies


def _load_inventories(files: Files, folder: Path) -> dict[str, Department | None]:
    found: dict[str, Department | None] = {}
    documents: dict[str, Document] = {}
    if not folder.is_dir():
        # Without this, a misspelt path would be an audit of nothing that finds nothing.
        files.note(folder, _("there is no folder of inventories here; make it, or set inventories under [paths]"))
    for path in files.in_folder(folder, department=True):
        found[path.stem] = None
        read = files.read(path, "inventory", path.stem)
        if read is None:
            continue
        document, unusable = read
        if not _is_of_its_name(files, document, path, unusable):
            continue
        documents[path.stem] = document
        check_rights(document, files.report, path, files.root / SETTINGS_FILE)
        found[path.stem] = load_department(document, files.report, unusable)
    files.none_below(folder)
    check_shared_uids(files.report, documents.values())
    note_shared_addresses(files.report, documents.values())
    return found


def _load_overlays(files: Files, folder: Path, departments: dict[str, Department | None], known: Known) -> dict[str, Overlay]:
    found: dict[str, Overlay] = {}
    paths = files.in_folder(folder, department=True)
    names = {path.stem for path in paths}
    for path in paths:
        read = files.read(path, "overlay", path.stem)
        if read is None:
            continue
        document, unusable = read
        data: Any = document.value
        if not _is_of_its_name(files, document, path, unusable):
            _check_whose(files, document, names, departments)
            continue
        if unusable:
            continue
        # A workspace fresh from `auditor init` has examples of overlays and no inventory yet.
        if departments:
            require(document, files.report, ("department",), data["department"], departments, "department")
        found[path.stem] = load_overlay(document, files.report, known)
    files.none_below(folder)
    return found


def _is_of_its_name(files: Files, document: Document, path: Path, unusable: tuple[Keys, ...]) -> bool:
    """Whether a department's file is called as the department that it names; of any other file nothing is used."""
    data: Any = document.value
    if not isinstance(data, dict) or "department" not in data or ("department",) in unusable:  # the schema has said so
        return True
    _check_name(files, document, path, "department")
    return bool(data["department"] == path.stem)


def _check_whose(files: Files, document: Document, names: set[str], departments: dict[str, Department | None]) -> None:
    """Set aside the department that an overlay of another name speaks of, unless it has one of its own name.

    The overlay may be the only one it has: judged without it, the department would be spared what it tightens.
    """
    data: Any = document.value
    named = data["department"]
    if named in departments and named not in names:
        message = _("{department} has no overlay under its own name and may be meant; it is set aside until this is cleared up")
        mistake = document.mistake(("department",), message.format(department=named))
        files.report.mistakes.append(dataclasses.replace(mistake, department=named))
