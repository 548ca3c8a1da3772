"""The HTML report of a region failover in a real browser: it renders, fits, and agrees with the JSON report."""

import json
import shutil
import subprocess

import pytest
from playwright.sync_api import sync_playwright
from processes import LIFEBOAT, ROOT, clean_environment

BOOK = ROOT / "runbooks/region-failover"
LOST = ["--mode", "failover", "--accept-data-loss", "30s", "--impaired", "us-east-1", "--incident", "region-lost", "--after", "30s"]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The same run as a page and as a document."""
    folder = tmp_path_factory.mktemp("reports")
    page, document = folder / "run.html", folder / "run.json"
    command = [LIFEBOAT, "run", BOOK, "--to", "r2", "--yes", "--world", BOOK / "world.yaml", "--state", folder / "state", *LOST]
    files = ["--report", page, "--report", document]
    subprocess.run([*command, *files], check=True, capture_output=True, env=clean_environment())
    return page, json.loads(document.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium")
    assert program, "these tests need chromium in PATH; tests/run installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_complains_of_nothing(reports, browser, width, scheme):
    complaints, requests = [], []
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(reports[0].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("svg:visible").count() == 1
    assert complaints == []
    assert requests == [reports[0].as_uri()]
    page.close()


def test_the_marks_agree_with_the_document(reports, browser):
    path, document = reports
    page = browser.new_page()
    page.goto(path.as_uri())
    steps = {
        row.get_attribute("data-step"): row.get_attribute("data-duration") for row in page.locator("tr[data-step]").all()
    }
    told = {step["id"]: step["duration_s"] for step in document["steps"]}
    assert {name: float(seconds) if seconds else None for name, seconds in steps.items()} == told
    latencies = [int(row.get_attribute("data-latency")) for row in page.locator("tr[data-call]").all()]
    assert latencies == [call["latency_ms"] for call in document["calls"]]
    assert len(latencies) > 100
    assert page.locator("tr[data-event]").count() == document["journal"]["records"]
    assert document["verdict"] in page.locator("#verdict").inner_text()
    page.close()
