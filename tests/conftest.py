"""Tests that need namespaces: run wherever they can be had, and never passed over in silence where CI counts on them."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

from auditor import lab

IN_CI = bool(os.environ.get("CI"))

# Machines are shared: how long an example took says nothing of what it tests.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where the lab cannot be had its tests are skipped, with the reason; in CI they run, and fail with it.

    They come first: the longest files are among them, and would have the other processes wait at the end.
    """
    items.sort(key=lambda item: item.get_closest_marker("lab") is None)
    marked = [item for item in items if item.get_closest_marker("lab")]
    able, why = lab.capabilities() if marked else (True, "")
    if not able and not IN_CI:
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A lab test that skips itself in CI has proved nothing there: it fails."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("lab"):
        report.outcome = "failed"
        report.longrepr = f"a lab test was skipped in CI: {report.longrepr}"
    return report
