"""The form in which a department answers what no machine decides: XLSX or YAML, written in one language, read in both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from auditor.errors import UsageError
from auditor.loading.document import Document
from auditor.loading.importing.host import clean, read_bytes
from auditor.loading.importing.sheets import xlsx_lines
from auditor.loading.mistake import Mistake, did_you_mean
from auditor.loading.workbooks import Blank
from auditor.loading.yaml_reader import read_yaml
from auditor.model import Answer, AttestedAnswer, Control, Language
from auditor.text import _, using
from auditor.text.labels import label
from auditor.text.reasons import reason_of

COLUMNS = {
    "control": ("control", "الضابط"),
    "title": ("title", "عنوان الضابط"),
    "question": ("question", "السؤال"),
    "examples": ("examples of evidence", "أمثلة على الأدلة"),
    "answer": ("answer", "الإجابة"),
    "justification": ("justification", "التبرير"),
    "review": ("review date", "تاريخ المراجعة"),
    "files": ("evidence files, separated by ;", "ملفات الأدلة (تفصل بينها العلامة «؛»)"),
    "dated": ("evidence date", "تاريخ الأدلة"),
}
"""The columns, in English and Arabic."""

_MAX = 10_000_000
_ANSWERED = ("answer", "justification", "review", "files", "dated")


@dataclass(frozen=True, slots=True)
class Question:
    """A control to be asked about, and what was answered before."""

    control: Control
    before: AttestedAnswer | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """What stands in one row of a sheet or one item of a list; ``document`` is the YAML, which knows where each field stands."""

    file: str
    line: int
    values: dict[str, str]
    document: Document | None = None
    index: int = 0

    def mistake(self, name: str, message: str) -> Mistake:
        """What is wrong with a field: at its cell, or in YAML at its value; at the item where it is not there at all."""
        if self.document is not None:
            return self.document.mistake(("answers", self.index, name), f"{name}: {message}")
        column = list(COLUMNS).index(name) + 1 if name in COLUMNS else 1
        return Mistake(self.file, self.line, column, f"{'ABCDEFGHI'[column - 1]}{self.line}: {message}")


@dataclass(frozen=True, slots=True)
class Filled:
    """One answer as it was filled in, and where it stands. ``evidence`` are names of files beside the form.

    ``answer`` and ``review`` are None where what stands there is wrong, which is told apart.
    """

    file: str
    line: int
    control: str
    answer: Answer | None
    justification: str
    review: date | None
    evidence: tuple[str, ...] = ()
    dated: date | None = None

    def mistake(self, message: str) -> Mistake:
        """What is wrong with it, at its row."""
        return Mistake(self.file, self.line, 1, f"{self.control}: {message}")


def write_form(path: Path, department: str, questions: Sequence[Question], language: Language) -> None:
    """Write an empty form. Raises UsageError rather than write over a file, or under the name of what it is not."""
    ending = path.suffix.lower()
    if ending not in (".xlsx", ".yaml", ".yml"):
        raise UsageError(_("{path}: a form is written as .xlsx or .yaml; name it so").format(path=path))
    data = (_xlsx if ending == ".xlsx" else _yaml)(department, questions, language)
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise UsageError(_("{path} exists already; name another file, or move it away").format(path=path)) from error
    except OSError as error:
        message = _("{path} cannot be written: {reason}")
        raise UsageError(message.format(path=path, reason=reason_of(error))) from error


def read_form(path: Path) -> tuple[str, tuple[Filled, ...], tuple[Mistake, ...]]:
    """The department, its answers, and what is wrong, by cell; rows without an answer are left out, wrong ones are not: what a
    form alone cannot tell of them is to be told at the same time."""
    data = read_bytes(path, _MAX)
    mistakes: list[Mistake] = []
    rows = _xlsx_rows(data, path.name, mistakes) if path.suffix.lower() == ".xlsx" else _yaml_rows(data, path.name, mistakes)
    department, filled = rows.pop(0).values.get("department", "") if rows else "", []
    if not department and not mistakes:
        mistakes.append(Mistake(path.name, 1, 1, _("the form does not say whose it is; begin from `auditor attest template`")))
    answered: set[str] = set()
    for row in rows:
        given = _filled(row, mistakes)
        if given is None:
            continue
        if given.control in answered:  # nobody can tell which of the two is meant
            told = _("the control {control} stands twice; keep one").format(control=given.control)
            mistakes.append(row.mistake("control", told))
        answered.add(given.control)
        filled.append(given)
    return department, tuple(filled), tuple(mistakes)


def _filled(row: _Row, mistakes: list[Mistake]) -> Filled | None:
    values = row.values
    if not any(values.get(name) for name in _ANSWERED):
        return None
    answer = _answer(values.get("answer", ""))
    if answer is None:
        known = [a.value for a in Answer]
        message = _("{value!r} is no answer; expected {names}{hint}")
        given = values.get("answer", "")
        told = message.format(value=given, names=", ".join(known), hint=did_you_mean(given, known))
        mistakes.append(row.mistake("answer", told))
    review = _day(row, "review", mistakes)
    if not clean(values.get("review", "")):
        mistakes.append(row.mistake("review", _("the review date is missing")))
    dated = _day(row, "dated", mistakes)
    for name, text in values.items():
        if text.startswith("="):
            mistakes.append(row.mistake(name, _("this cell holds a formula; write the value itself")))
    files = tuple(part for part in (clean(p) for p in re.split(r"[;؛\n]+", values.get("files", ""))) if part)
    for wrong in (name for name in files if Path(name).name != name):
        mistakes.append(row.mistake("files", _("{file} must lie beside the form, named without a folder").format(file=wrong)))
    beside = tuple(name for name in files if Path(name).name == name)
    return Filled(row.file, row.line, values.get("control", ""), answer, values.get("justification", ""), review, beside, dated)


def _answer(text: str) -> Answer | None:
    for answer in Answer:
        names = {answer.value, answer.value.replace("_", " ")}
        for language in ("en", "ar"):
            with using(language):
                names.add(label(answer).lower())
        if clean(text).lower() in names:
            return answer
    return None


def _day(row: _Row, name: str, mistakes: list[Mistake]) -> date | None:
    text = clean(row.values.get(name, ""))
    if not text:
        return None
    try:
        return date.fromisoformat(text.translate(str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")))
    except ValueError:
        mistakes.append(row.mistake(name, _("{day} is no day of the calendar; expected YYYY-MM-DD").format(day=text)))
        return None


def _xlsx_rows(data: bytes, file: str, mistakes: list[Mistake]) -> list[_Row]:
    lines = xlsx_lines(data, file, mistakes, dates=True) or []
    rows: list[_Row] = []
    names = list(COLUMNS)
    for line, cells in lines:
        texts = [clean(c) for c in cells]
        if line == 1:
            rows.append(_Row(file, 1, {"department": texts[1] if len(texts) > 1 else ""}))
        elif line > 2 and any(texts):
            rows.append(_Row(file, line, dict(zip(names, texts, strict=False))))
    return rows


def _yaml_rows(data: bytes, file: str, mistakes: list[Mistake]) -> list[_Row]:
    document, found = read_yaml(data, file)
    mistakes.extend(found)
    value: Any = document.value if document is not None else None
    if document is None or not isinstance(value, dict) or not isinstance(value.get("answers"), list):
        if not mistakes:
            mistakes.append(Mistake(file, 1, 1, _("the form does not say whose it is; begin from `auditor attest template`")))
        return []
    rows = [_Row(file, 1, {"department": str(value.get("department", ""))})]
    for index, entry in enumerate(value["answers"]):
        line = document.place_of(("answers", index)).line
        if not isinstance(entry, dict):
            told = _("expected an answer with control, answer, justification and review")
            mistakes.append(document.mistake(("answers", index), told))
            continue
        rows.append(_Row(file, line, {str(k): _plain(v) for k, v in entry.items()}, document, index))
    return rows


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(str(v) for v in value)
    return "" if value is None else str(value).strip()


def _row(question: Question, language: Language) -> list[str]:
    control, before = question.control, question.before
    assert control.attestation is not None
    examples = "\n".join(e.to(language) for e in control.attestation.evidence)
    given = ["", "", "", "", ""]
    if before is not None:
        dated = next((e.dated for e in before.evidence if e.dated), None)
        given = [label(before.answer), before.justification, "", "", dated.isoformat() if dated else ""]
    return [control.id, control.title.to(language), control.attestation.prompt.to(language).strip(), examples, *given]


def _yaml(department: str, questions: Sequence[Question], language: Language) -> bytes:
    names = list(COLUMNS)
    with using(language):
        answers = [dict(zip(names, _row(q, language), strict=True)) for q in questions]
        choices = ", ".join(a.value for a in Answer)
        head = _("# answer: one of {choices}. review: YYYY-MM-DD. files: names of files beside this form, separated by ;")
    for entry, question in zip(answers, questions, strict=True):
        entry["answer"] = question.before.answer.value if question.before else ""
    text = yaml.safe_dump({"department": department, "answers": answers}, allow_unicode=True, sort_keys=False, width=120)
    return f"{head.format(choices=choices)}\n{text}".encode()


def _xlsx(department: str, questions: Sequence[Question], language: Language) -> bytes:
    from openpyxl.styles import Alignment

    with using(language):
        heading = [english if language == "en" else arabic for english, arabic in COLUMNS.values()]
        rows = [[_("Department"), department], heading, *(_row(question, language) for question in questions)]
        blank = Blank(_("Attestation"), rows, (10, 30, 50, 35, 18, 50, 14, 30, 14), heading=2, language=language)
        choices = [label(answer) for answer in Answer]
    for cell in blank.keep_texts(len(rows)):
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    blank.offer(list(COLUMNS).index("answer"), choices, len(rows))
    return blank.content()
