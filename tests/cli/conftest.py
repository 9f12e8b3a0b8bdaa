"""Workspaces made by ``auditor init``, and the two ways in which tests drive the command line."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from auditor.cli.main import cli, main, speak
from auditor.loading import callers
from auditor.text import use

CHECK = """\
id: {id}
title: {{en: The guarded file is private, ar: الملف المحمي غير متاح لغير مالكه}}
severity: {severity}
rationale: {{en: Others must not read it., ar: لا يجوز أن يقرأه غير مالكه.}}
facts: {{guarded: {{file_stat: {{path: "{path}"}}}}}}
applies: guarded.exists
expect: '!guarded.other_readable'
observed: guarded.mode
expected: '"0600"'
remediation: {{en: Take the right away., ar: اسحب هذه الصلاحية.}}
cases:
  - name: private
    given: {{guarded: {private}}}
    verdict: pass
  - name: open to all
    given: {{guarded: {public}}}
    verdict: fail
"""
_STAT = (
    "{{path: /x, exists: true, type: file, mode: '{mode}', uid: 0, gid: 0, owner: root, group: root, group_readable: false,"
    " group_writable: false, other_readable: {readable}, other_writable: false, other_executable: false}}"
)
CONTROLS = ("A.5.1", "A.8.9")
COMMAND = [sys.executable, "-m", "auditor"]


@dataclass
class Called:
    """What a call of the program came to."""

    returncode: int
    stdout: bytes
    stderr: bytes


@dataclass
class Workspace:
    """A small workspace of one host, this machine, and two checks on two files that a test opens or closes."""

    root: Path

    @property
    def guarded(self) -> Path:
        """Guarded by a check of high severity."""
        return self.root / "guarded"

    @property
    def lesser(self) -> Path:
        """Guarded by a check of low severity."""
        return self.root / "lesser"

    @property
    def ledger(self) -> Path:
        return self.root / "findings" / "ledger.db"

    def settings(self, **values: str) -> None:
        """Change settings of auditor.toml that stand there with a value."""
        path = self.root / "auditor.toml"
        lines = path.read_text().splitlines()
        for key, value in values.items():
            lines = [f"{key} = {value}" if line.startswith(f"{key} = ") else line for line in lines]
        path.write_text("\n".join(lines) + "\n")

    def inventory(self, name: str, text: str) -> Path:
        path = self.root / "inventories" / f"{name}.yaml"
        path.write_text(text)
        return path

    def call(self, *args: str, lang: str = "en", **environ: str) -> Called:
        """The whole program, ``main`` included, within this process: its exit code and what it wrote."""
        before, argv = dict(os.environ), sys.argv
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        os.environ.update({"AUDITOR_LANG": lang, "AUDITOR_WORKSPACE": str(self.root), "COLUMNS": "160", **environ})
        sys.argv = ["auditor", *args]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
                main()
        finally:
            sys.argv = argv
            os.environ.clear()
            os.environ.update(before)
            use("en")
        for stream in (out, err):
            stream.flush()
        written = [stream.detach().getvalue() for stream in (out, err)]  # type: ignore[attr-defined]
        return Called(int(ended.value.code or 0), *written)

    def run(self, *args: str, lang: str = "en", **environ: str) -> Result:
        """The command within this process."""
        before = dict(os.environ)
        speak("ar" if lang == "ar" else "en")
        os.environ.update({"AUDITOR_BIDI": "terminal", "COLUMNS": "160", **environ})
        try:
            return CliRunner().invoke(cli, ["-C", str(self.root), *args], standalone_mode=False)
        finally:
            os.environ.clear()
            os.environ.update(before)
            use("en")

    def shell(self, *args: str, lang: str = "en", **environ: str) -> subprocess.CompletedProcess[bytes]:
        """The command as its own process, as people and cron run it."""
        return subprocess.run([*COMMAND, *args], cwd=self.root, env=environment(lang, **environ), capture_output=True, timeout=60)


def environment(lang: str = "en", **more: str) -> dict[str, str]:
    """The environment of a process of ours: nothing of the developer's own settings."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "AUDITOR_LANG": lang, **more}


def stock(folder: Path) -> Path:
    """``auditor init``, as it is."""
    done = subprocess.run([*COMMAND, "init", str(folder)], env=environment(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return folder


def slim(root: Path) -> Path:
    """Cut a stock workspace down to two controls and our own checks, so that a command takes a fraction of a second."""
    shutil.rmtree(root / "checks")
    framework = root / "policies" / "iso27001-2022"
    for path in framework.glob("A.*.yaml"):
        if path.stem not in CONTROLS:
            path.unlink()
    why = {"en": "It shows whether settings hold.", "ar": "يدل على سريان الإعدادات."}
    _edit(framework / "A.8.9.yaml", checks=[{"check": "guarded-file", "why": why}, {"check": "lesser-file", "why": why}])
    _edit(framework / "A.5.1.yaml", checks=[])
    policy = root / "policies" / "national-2026.yaml"
    articles = yaml.safe_load(policy.read_text())["controls"]
    _edit(policy, controls={name: articles[name] for name in CONTROLS}, params={})
    return root


def _edit(path: Path, **changes: Any) -> None:
    value = {**yaml.safe_load(path.read_text()), **changes}
    value = {k: v for k, v in value.items() if v not in ([], {})}
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False))


def guard(root: Path) -> Workspace:
    """Write the two checks for the files of this very workspace: both closed."""
    workspace = Workspace(root)
    folder = root / "checks" / "files"
    folder.mkdir(parents=True)
    stats = {
        "private": _STAT.format(mode="0600", readable="false"),
        "public": _STAT.format(mode="0644", readable="true"),
    }
    for name, severity, path in (("guarded-file", "high", workspace.guarded), ("lesser-file", "low", workspace.lesser)):
        path.touch(mode=0o600)
        (folder / f"{name}.yaml").write_text(CHECK.format(id=name, severity=severity, path=path, **stats))
    return workspace


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The stock workspace, to be read only."""
    return Workspace(stock(tmp_path_factory.mktemp("full") / "workspace"))


@pytest.fixture(scope="session")
def _slim(full: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("slim") / "workspace"
    shutil.copytree(full.root, copy)
    return slim(copy)


@pytest.fixture(scope="session")
def make(_slim: Path) -> Callable[[Path], Workspace]:
    """Make a small workspace in a folder."""
    return lambda root: guard(Path(shutil.copytree(_slim, root)))


@pytest.fixture
def workspace(make: Callable[[Path], Workspace], tmp_path: Path) -> Workspace:
    """A small workspace of a test's own."""
    return make(tmp_path / "workspace")


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files all may read: what people name through sudo is read with their own rights. Only root has theirs to
    take; a test that runs as another account takes its own."""
    if os.getuid() != 0:
        monkeypatch.setattr(callers, "caller", lambda: None)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def audited(make: Callable[[Path], Workspace], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A small workspace, audited once with both files open; to be read only."""
    made = make(tmp_path_factory.mktemp("audited") / "workspace")
    made.guarded.chmod(0o644)
    made.lesser.chmod(0o644)
    done = made.run("audit", "--format", "json")
    assert done.return_value == 1, done.output
    return made
