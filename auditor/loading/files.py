"""Reading the files of a workspace: bytes to documents that have the shape their kind asks for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from auditor.loading.document import Document, Keys, Report
from auditor.loading.mistake import Mistake
from auditor.loading.schema import check_schema
from auditor.loading.secrets import find_secrets
from auditor.loading.shipped import is_shipped
from auditor.loading.yaml_reader import MAX_BYTES, read_yaml
from auditor.model import Text
from auditor.text import _
from auditor.text.reasons import reason_of

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""The days as files name them, in the order in which ``date.weekday()`` counts them."""

_ENDINGS = (".yml", ".yaml", ".json")


def shown_path(root: Path, path: Path) -> str:
    """The path as people see it: relative to the workspace where it lies inside."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


@dataclass(slots=True)
class Files:
    """Reads files under ``root``; notes their mistakes in ``report`` and keeps their content for the run's record.

    ``drafts`` are read in place of the files of those names, to see what would be wrong with them before they are written.
    ``thorough``: files that came with the program are gone through like any other.
    """

    root: Path
    drafts: dict[Path, bytes] = field(default_factory=dict)
    report: Report = field(default_factory=Report)
    contents: dict[str, str] = field(default_factory=dict)
    thorough: bool = False

    def shown(self, path: Path) -> str:
        """As ``shown_path``, of this workspace."""
        return shown_path(self.root, path)

    def in_folder(self, folder: Path, department: bool = False) -> list[Path]:
        """The YAML files of one folder, by name; files that would be overlooked for their ending are mistakes."""
        try:
            entries = sorted({*folder.iterdir(), *(path for path in self.drafts if path.parent == folder)})
        except FileNotFoundError:
            return sorted(path for path in self.drafts if path.parent == folder)
        except OSError as error:
            self.note(folder, _("the folder cannot be read: {reason}").format(reason=reason_of(error)))
            return []
        for path in entries:
            if path.suffix.lower() in _ENDINGS and path.suffix != ".yaml":
                self.note(path, _("only files that end in .yaml are read; rename it"), path.stem if department else None)
        return [path for path in entries if path.suffix == ".yaml"]

    def none_below(self, folder: Path) -> None:
        """Departments' files in folders of ``folder`` are mistakes: there nobody would ever read them."""
        for inner in self._folders(folder):
            for path in sorted(path for path in inner.rglob("*") if path.suffix.lower() in _ENDINGS):
                place = f"{folder.name}/{path.stem}.yaml"
                self.note(path, _("no file in a folder of this folder is read; move it to {path}").format(path=place), path.stem)

    def _folders(self, folder: Path) -> list[Path]:
        """The folders in it but for hidden ones, such as git's, and for those that stand where a file is expected."""
        try:
            entries = sorted(folder.iterdir())
        except OSError:  # told when its files were asked for
            return []
        return [path for path in entries if path.is_dir() and path.suffix != ".yaml" and not path.name.startswith(".")]

    def note(self, path: Path, message: str, department: str | None = None) -> None:
        """Note a mistake of the file as a whole."""
        self.report.mistakes.append(Mistake(self.shown(path), 1, 1, message, department))

    def bytes_of(self, path: Path, department: str | None = None) -> bytes | None:
        """The file's content, one byte more than is allowed at most; None, and a mistake, when it cannot be read."""
        if path in self.drafts:
            return self.drafts[path][: MAX_BYTES + 1]
        try:
            if path.exists() and not path.is_file():
                # Opening a pipe would wait for a writer who never comes.
                self.note(path, _("this is no file; a file is expected under this name"), department)
                return None
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            self.note(path, _("the file cannot be read: {reason}").format(reason=reason_of(error)), department)
            return None

    def read(self, path: Path, kind: str, department: str | None = None) -> tuple[Document, tuple[Keys, ...]] | None:
        """The document and the ways to its values that cannot be used; None when it cannot be read at all."""
        data = self.bytes_of(path, department)
        if data is None:
            return None
        document, mistakes = read_yaml(data, self.shown(path), department)
        self.report.mistakes.extend(mistakes)
        if document is None:
            return None
        self.contents[document.file] = document.text
        if not mistakes and not self.thorough and is_shipped(kind, data):
            return replace(document, shipped=True), ()
        found = check_schema(document, kind)
        shape = found.mistakes
        if kind == "inventory":
            secrets = find_secrets(document)
            self.report.mistakes.extend(secrets)
            # A secret's key is unknown to the schema too; once is enough.
            places = {(secret.line, secret.column) for secret in secrets}
            shape = tuple(mistake for mistake in shape if (mistake.line, mistake.column) not in places)
        self.report.mistakes.extend(shape)
        return document, found.unusable

    def read_whole(self, path: Path, kind: str, department: str | None = None) -> Document | None:
        """The document, if every value in it can be used."""
        found = self.read(path, kind, department)
        return found[0] if found and not found[1] else None


def text(value: Any) -> Text:
    """A text in both languages, of a value that the schema has approved."""
    return Text(en=str(value["en"]).strip(), ar=str(value["ar"]).strip())


def optional_text(value: Any) -> Text | None:
    """As ``text``; None when the file has none."""
    return None if value is None else text(value)


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, so that wording of the file (order, quotes, comments) does not count."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
