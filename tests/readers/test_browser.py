"""HTML in a browser: no error, no request, the policy holds, axe finds nothing serious, tables can be searched and sorted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from auditor.model import Catalogue, ReportFormat, ReportKind, Tongue
from tests.reporting.made import report

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND"),
)
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def pages(seeded: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[ReportKind, Tongue], Path]:
    """Every kind in every language."""
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for kind in ReportKind:
        for tongue in Tongue:
            found[kind, tongue] = folder / f"{kind.value}.{tongue.value}.html"
            found[kind, tongue].write_bytes(report(seeded, kind, ReportFormat.HTML, tongue).content)
    return found


def opened(browser: webdriver.Chrome, path: Path, scheme: str = "light", width: str = "desktop") -> list[str]:
    """Show a page; whatever went wrong, as lines."""
    browser.get_log("browser"), browser.get_log("performance")
    browser.set_window_size(*WIDTHS[width])
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(path.as_uri())
    told = [entry["message"] for entry in browser.get_log("browser")]
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if not url.startswith(("data:", path.as_uri(), "chrome://")):
                told.append(f"requested {url}")
    return told


def serious(browser: webdriver.Chrome, home: Path) -> list[Any]:
    """What axe finds that would keep somebody out."""
    browser.execute_script((home / "npm/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    found = browser.execute_async_script("const done = arguments[0]; axe.run().then((r) => done(r.violations));")
    return [
        (v["id"], v["impact"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found if v["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("tongue", list(Tongue), ids=lambda tongue: tongue.value)
@pytest.mark.parametrize("kind", list(ReportKind), ids=lambda kind: kind.value)
def test_a_page_loads_nothing_and_keeps_nobody_out(
    browser: webdriver.Chrome, pages: dict[tuple[ReportKind, Tongue], Path], home: Path, kind: ReportKind, tongue: Tongue
) -> None:
    """No message on the console (so the policy holds), no request, no serious fault by axe, light and dark."""
    for scheme in ("light", "dark"):
        assert opened(browser, pages[kind, tongue], scheme) == []
        assert serious(browser, home) == []


@pytest.mark.parametrize("tongue", list(Tongue), ids=lambda tongue: tongue.value)
@pytest.mark.parametrize("kind", list(ReportKind), ids=lambda kind: kind.value)
def test_a_page_fits_a_phone(
    browser: webdriver.Chrome, pages: dict[tuple[ReportKind, Tongue], Path], kind: ReportKind, tongue: Tongue
) -> None:
    """The page itself never scrolls sideways; wide tables do, in their own frame."""
    assert opened(browser, pages[kind, tongue], width="phone") == []
    wide = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0


def test_the_policy_refuses_what_is_not_ours(
    browser: webdriver.Chrome, pages: dict[tuple[ReportKind, Tongue], Path], tmp_path: Path
) -> None:
    """A script, a style and a picture slipped into a page do nothing, and the console says so: the test above can fail."""
    page = pages[ReportKind.SUMMARY, Tongue.EN].read_text(encoding="utf-8")
    smuggled = '<script>document.title = "taken"</script><p style="color: red">x</p><img src="http://192.0.2.1/x.png" alt="x">'
    path = tmp_path / "smuggled.html"
    path.write_text(page.replace("</main>", f"{smuggled}</main>"), encoding="utf-8")
    told = opened(browser, path)
    assert len([line for line in told if "Content Security Policy" in line]) >= 3
    assert browser.title != "taken"


def test_a_table_can_be_searched_filtered_and_sorted(browser: webdriver.Chrome, seeded: Catalogue, tmp_path: Path) -> None:
    """By keyboard alone; a search finds Arabic whatever its vowel signs; and nothing is lost."""
    path = tmp_path / "page.html"
    content = report(seeded, ReportKind.PLAN, ReportFormat.HTML, Tongue.AR).content
    path.write_bytes(content)
    assert opened(browser, path) == []
    table = browser.find_element(By.ID, "table-plan")

    def shown() -> list[str]:
        rows = table.find_elements(By.CSS_SELECTOR, "tbody tr")
        return [row.find_element(By.CSS_SELECTOR, "td:nth-child(2)").text for row in rows if row.is_displayed()]

    whole = shown()
    search = browser.find_element(By.CSS_SELECTOR, ".tools input[type=search]")
    search.send_keys("health-db-1")
    assert set(shown()) == {"health-db-1"}
    search.send_keys(Keys.CONTROL, "a")
    search.send_keys("الجَذر")
    assert set(shown()) == {"finance-db-1", "health-web-1"}  # where root may log in
    search.send_keys(Keys.CONTROL, "a")
    search.send_keys(Keys.DELETE)
    assert shown() == whole
    button = table.find_element(By.CSS_SELECTOR, "th:nth-child(2) button")
    button.send_keys(Keys.ENTER)
    ordered = shown()
    assert (sorted(ordered), ordered[0].casefold()) == (sorted(whole), min(w.casefold() for w in whole))
    button.send_keys(Keys.ENTER)
    assert table.find_element(By.CSS_SELECTOR, "th:nth-child(2)").get_attribute("aria-sort") == "descending"
    select = browser.find_element(By.CSS_SELECTOR, ".tools select")
    choice = select.find_elements(By.TAG_NAME, "option")[1].text
    select.send_keys(choice)
    assert 0 < len(shown()) < len(whole)


def test_without_a_script_every_table_is_whole(browser: webdriver.Chrome, seeded: Catalogue, tmp_path: Path) -> None:
    """What a reader without JavaScript sees."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        path = tmp_path / "page.html"
        path.write_bytes(report(seeded, ReportKind.PLAN, ReportFormat.HTML).content)
        assert opened(browser, path) == []
        assert browser.find_elements(By.CSS_SELECTOR, ".tools") == []
        assert len(browser.find_elements(By.CSS_SELECTOR, "#table-plan tbody tr")) > 10
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
