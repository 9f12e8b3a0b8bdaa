"""The framework and its controls: one folder, one file per control."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auditor.loading.document import Document, Keys
from auditor.loading.files import Files, optional_text, text
from auditor.loading.known import Known, require
from auditor.model import Attestation, Control, Evidence, Framework, Mapping, Severity, Term
from auditor.text import _

FRAMEWORK_FILE = "framework.yaml"


def load_framework(files: Files, folder: Path, known: Known) -> Framework | None:
    """The framework in ``folder``; None when its own file is wrong. Wrong controls are reported and left out."""
    document = files.read_whole(folder / FRAMEWORK_FILE, "framework")
    vocabulary: dict[str, tuple[Term, ...]] = {}
    if document is not None:
        data: Any = document.value
        vocabulary = _vocabulary(data)
        if data["id"] != folder.name:
            files.report.add(
                document,
                ("id",),
                _("the id is {id}, but the folder is {folder}; make them the same").format(id=data["id"], folder=folder.name),
            )
    controls = []
    for path in files.in_folder(folder):
        if path.name == FRAMEWORK_FILE:
            continue
        known.control_ids.add(path.stem)
        control = files.read_whole(path, "control")
        if control is not None:
            controls.append(_control(files, control, path.stem, vocabulary, known))
    return None if document is None else build_framework(data, controls)


def build_framework(data: Any, controls: Iterable[Control]) -> Framework:
    """The framework of an approved file, with its controls put into the standard's order."""
    ordered = tuple(sorted(controls, key=lambda control: _natural(control.id)))
    return Framework(
        data["id"], text(data["title"]), ordered, optional_text(data.get("notice")), tuple(_vocabulary(data).items())
    )


def _vocabulary(data: Any) -> dict[str, tuple[Term, ...]]:
    return {kind: tuple(Term(t["id"], text(t["title"])) for t in terms) for kind, terms in data["vocabulary"].items()}


def _control(files: Files, document: Document, stem: str, vocabulary: dict[str, tuple[Term, ...]], known: Known) -> Control:
    data: Any = document.value
    report = files.report
    if data["id"] != stem:
        report.add(
            document,
            ("id",),
            _("the {key} is {value}, but the file is {file}; make them the same").format(
                key="id", value=data["id"], file=f"{stem}.yaml"
            ),
        )

    def word(keys: Keys, kind: str, value: str) -> None:
        if vocabulary:
            require(document, report, keys, value, [term.id for term in vocabulary.get(kind, ())], kind)

    word(("theme",), "theme", data["theme"])
    for kind, values in data.get("attributes", {}).items():
        for index, value in enumerate(values):
            word(("attributes", kind, index), kind, value)
    seen: set[str] = set()
    for index, mapping in enumerate(data.get("checks", ())):
        keys = ("checks", index, "check")
        require(document, report, keys, mapping["check"], known.check_ids, "check")
        if mapping["check"] in seen:
            report.add(
                document, keys, _("the check {check} stands twice in this control; keep one").format(check=mapping["check"])
            )
        seen.add(mapping["check"])
    if data["evidence"] != "technical" and "attestation" not in data:
        message = _("a control whose evidence is {evidence} needs attestation: what the department is asked").format(
            evidence=data["evidence"]
        )
        report.add(document, ("evidence",), message)
    if data["evidence"] == "attestation" and data.get("checks"):
        report.add(document, ("evidence",), _("evidence is attestation, but checks speak for the control; expected hybrid"))
    return build_control(data)


def build_control(data: Any) -> Control:
    """The control of an approved file."""
    asked = data.get("attestation")
    return Control(
        id=data["id"],
        title=text(data["title"]),
        theme=data["theme"],
        severity=Severity(data["severity"]),
        evidence=Evidence(data["evidence"]),
        statement=text(data["statement"]),
        attributes=tuple((kind, tuple(values)) for kind, values in data.get("attributes", {}).items()),
        iso27001_2013=tuple(data.get("iso27001_2013", ())),
        checks=tuple(Mapping(m["check"], text(m["why"])) for m in data.get("checks", ())),
        attestation=Attestation(text(asked["prompt"]), tuple(text(e) for e in asked.get("evidence", ()))) if asked else None,
    )


def _natural(control_id: str) -> tuple[tuple[int, str], ...]:
    """A key that puts A.5.2 before A.5.10."""
    return tuple((int(part), "") if part.isdigit() else (0, part) for part in re.split(r"\.", control_id))
