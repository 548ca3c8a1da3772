"""The HTML reports of a failover, a drill and a failed run in a real browser: they render, fit, can be read, and agree with the JSON reports."""

import json
import shutil
import subprocess

import pytest
from playwright.sync_api import sync_playwright
from processes import LIFEBOAT, ROOT, clean_environment

BOOK = ROOT / "runbooks/region-failover"
LOST = ["--mode", "failover", "--accept-data-loss", "30s", "--impaired", "us-east-1", "--incident", "region-lost"]
# What is done, and the exit code it ends with.
DONE = {
    "failover": (["run", BOOK, "--to", "r2", "--yes", *LOST, "--after", "30s"], 0),
    "drill": (["drill", BOOK, "--to", "r2", "--yes"], 0),
    "failed": (["run", BOOK, "--to", "r2", "--yes", "--incident", "region-lost"], 6),
}

# The labels of all visible charts that are cut off or lie on another one, in words.
UNREADABLE_LABELS = """() => {
  const found = [];
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    if (frame.width === 0) continue;
    const labels = [...svg.querySelectorAll('text')].map(text => [text.textContent.trim(), text.getBoundingClientRect()]);
    labels.forEach(([words, box], number) => {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        found.push(`${words} is cut off`);
      for (const [others, other] of labels.slice(number + 1))
        if (Math.min(box.right, other.right) - Math.max(box.left, other.left) > 1
            && Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top) > 3)
          found.push(`${words} lies on ${others}`);
    });
  }
  return found;
}"""

# The colours of the style sheet as the browser computes them.
COLOURS = """names => Object.fromEntries(names.map(name => {
  const probe = document.createElement('i');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color.match(/[0-9.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return [name, colour];
}))"""
OF_TEXT = ["ink", "soft", "good", "bad", "warn", "link"]
OF_CHARTS = ["step", "attempt", "wait", "undo", "nth-1", "nth-2", "nth-3", "nth-4"]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Each as a page and as a document."""
    folder = tmp_path_factory.mktemp("reports")
    made = {}
    for name, (command, code) in DONE.items():
        page, document = folder / f"{name}.html", folder / f"{name}.json"
        world = ["--world", BOOK / "world.yaml", "--state", folder / name]
        files = ["--report", page, "--report", document]
        ended = subprocess.run(
            [LIFEBOAT, *command, *world, *files], capture_output=True, text=True, env=clean_environment(), check=False
        )
        assert ended.returncode == code, ended.stderr
        made[name] = page, json.loads(document.read_text(encoding="utf-8"))
    return made


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "these tests need chromium or google-chrome in PATH; tests/run installs one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("name", DONE)
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_complains_of_nothing(reports, browser, width, name):
    complaints, requests = [], []
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    address = reports[name][0].as_uri()
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(UNREADABLE_LABELS) == []
    assert page.locator("svg:visible").count() == 4, "steps, availability, traffic, lag"
    assert page.locator("svg:visible").evaluate_all("all => all.map(svg => svg.getAttribute('aria-label')).filter(Boolean).length") == 4
    assert complaints == []
    assert requests == [address]
    page.close()


@pytest.mark.parametrize("medium", ["screen", "print"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough(reports, browser, scheme, medium):
    page = browser.new_page(color_scheme=scheme)
    page.goto(reports["failover"][0].as_uri())
    page.emulate_media(media=medium, color_scheme=scheme)
    colours = page.evaluate(COLOURS, ["page", "panel", *OF_TEXT, *OF_CHARTS])
    for ground in ["page", "panel"]:
        low = [name for name in OF_TEXT if contrast(colours[name], colours[ground]) < 4.5]
        assert low == [], f"text on {ground}"
    assert [name for name in OF_CHARTS if contrast(colours[name], colours["page"]) < 3] == []
    page.close()


def contrast(one, other):
    """As WCAG 2 counts it."""

    def luminance(colour):
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", DONE)
def test_the_marks_agree_with_the_document(reports, browser, name):
    path, document = reports[name]
    page = browser.new_page()
    page.goto(path.as_uri())

    def marks(selector, *attributes):
        script = "(all, names) => all.map(row => names.map(name => row.getAttribute(name)))"
        return page.locator(selector).evaluate_all(script, list(attributes))

    told = [[step["id"], step["duration_s"]] for step in document["steps"]]
    assert [[step, float(took) if took else None] for step, took in marks("tr[data-step]", "data-step", "data-duration")] == told
    latencies = [call["latency_ms"] for call in document["calls"]]
    assert [int(latency) for (latency,) in marks("tr[data-call]", "data-latency")] == latencies
    assert len(latencies) > 100
    assert len(marks("tr[data-event]", "data-event")) == document["journal"]["records"]
    over_time = document["over_time"]
    expected = [[line["of"], str(len(line["changes"]))] for line in over_time["availability"]]
    assert marks("tr[data-availability]", "data-availability", "data-changes") == expected
    assert expected, "a simulated world always has clients"
    for kind in ["traffic", "lag"]:
        expected = [[line, str(len(changes))] for line, changes in over_time[kind].items()]
        assert marks(f"tr[data-{kind}]", f"data-{kind}", "data-changes") == expected
    drill = document["drill"]
    expected = [[probe["name"], str(len(probe["samples"]))] for probe in drill["probes"]] if drill else []
    assert marks("tr[data-probe]", "data-probe", "data-samples") == expected
    assert document["verdict"] in page.locator("#verdict").inner_text()
    assert page.locator("#verdict").inner_text().startswith("✗" if name == "failed" else "✓")
    page.close()


def test_a_keyboard_gets_everywhere(reports, browser):
    page = browser.new_page()
    page.goto(reports["failover"][0].as_uri())
    links = page.locator("nav a").count()
    for number in range(links):
        page.keyboard.press("Tab")
        target = page.evaluate("document.activeElement.getAttribute('href')")
        assert target and page.locator(target).count() == 1, f"link {number} leads to {target}"
    page.close()


def test_paper_shows_what_the_screen_shows(reports, browser, tmp_path):
    page = browser.new_page()
    page.goto(reports["failover"][0].as_uri())
    page.emulate_media(media="print")
    assert page.locator("svg:visible").count() == 4
    assert page.locator("tr[data-call]:visible").count() == len(reports["failover"][1]["calls"])
    assert len(page.pdf(path=tmp_path / "report.pdf", format="A4")) > 50_000
    page.close()
