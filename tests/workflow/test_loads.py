"""Proves that a night loads what a night needs: what is loaded is memory for hours, and time before each command."""

from __future__ import annotations

import subprocess
import sys

NOT_NEEDED = ("asyncssh", "jinja2", "matplotlib", "numpy", "weasyprint", "xlsxwriter")


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_night_loads_no_writer_of_reports() -> None:
    """Neither what reports are written with nor numpy, which sqlite-utils would load; nor does the bench that measures nights."""
    for modules in ("auditor.cli.nightly, auditor.workflow.nightly", "bench.fleet"):
        assert _python(f"import sys, {modules}; print([m for m in {NOT_NEEDED} if m in sys.modules])") == "[]\n"


def test_commands_load_no_mail_parser_and_audits_neither_asyncio_nor_sqlite_utils() -> None:
    """The one came with the program's version, the other with paramiko: time before each command, and before a first session.
    sqlite-utils makes tables, which are there but once.
    """
    for module, not_needed in (
        ("auditor.cli.main", ("email", "importlib.metadata")),
        ("auditor.cli.audit", ("asyncio", "dateutil", "invoke", "sqlite_utils", "unittest")),
    ):
        assert _python(f"import sys, {module}; print([m for m in {not_needed} if m in sys.modules])") == "[]\n"


def test_numpy_is_there_for_charts() -> None:
    """Keeping it from sqlite-utils keeps it from nobody else, and where it was loaded before, it stays."""
    assert _python("import auditor.ledger.migrations, numpy; print(numpy.arange(3).sum())") == "3\n"
    assert _python("import numpy, sys, auditor.ledger.migrations; print(sys.modules['numpy'] is numpy)") == "True\n"
