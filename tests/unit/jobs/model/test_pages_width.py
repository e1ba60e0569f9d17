"""In a real browser: no page of a version is wider than the screen, no word or number is broken in a table, and what scrolls does so in its own box."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from model_rows import Made

from jobs.model.card.facts import Facts
from jobs.model.card.page import html
from jobs.model.evaluation.plots import plots
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.gate.page import page
from jobs.model.registry.registry import Registry

webdriver = pytest.importorskip("selenium.webdriver")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="no Chromium here")
LONG = "fairness_demographic_parity_carrier"
TOO_WIDE = """
return [...document.querySelectorAll("body *")].filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll"))
    .map(one => one.outerHTML.slice(0, 80))
"""
# A word that is on two lines has two boxes of its own.
BROKEN = """
const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
while (walker.nextNode()) {
    const text = walker.currentNode
    if (!text.parentElement.closest("td, th")) continue
    for (const word of text.data.matchAll(/[\\w.]+/g)) {
        const range = document.createRange()
        range.setStart(text, word.index); range.setEnd(text, word.index + word[0].length)
        if (new Set([...range.getClientRects()].map(one => Math.round(one.top))).size > 1) found.push(word[0])
    }
}
return found
"""
SCROLLING = """
return [...document.querySelectorAll(".scroll")].filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent.slice(0, 80))
"""


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.0123, "high": value + 0.0123}


def examined() -> dict[str, Any]:
    rates = ("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate", "precision")
    measures = ("demographic_parity", "equal_opportunity", "equalized_odds", "predictive_parity")
    gaps = {name: {"estimate": estimate(0.3), "by_chance": 0.02, "lowest": "AA", "highest": "UA", "problem": None} for name in measures}
    groups = [{"name": name, "rows": 1618, "share": 0.4, "is_small": False, "rates": {rate: estimate(0.3) for rate in rates}} for name in ("AA", "UA")]
    values = {"log_loss": 0.5, "cost": 0.7, "precision": 0.3, "recall": 0.8}
    changes = {"prices": {name: estimate(0.1) for name in values}, "gains": dict.fromkeys(measures, estimate(0.1))}
    variants = [{"name": f"`carrier` {number}", "problem": None, "measures": gaps, "values": values, **changes} for number in range(3)]
    shares = [{"name": "AA", "trained": 0.4, "scored": 0.5, "difference": estimate(-0.1), "is_off": True}]
    one = {"attribute": "carrier", "is_learned": False, "past": 3, "problem": None, "groups": groups, "measures": gaps, "variants": variants, "shares": shares}
    about = {"rows": 1500, "nights": 28, "min_rows": 100, "limits": {"equal_opportunity": 0.9}, "mitigate": None, "thresholds": None, "loss": "log_loss"}
    return {**about, "attributes": [one]}


@pytest.fixture
def pages(registry: Registry, made: Made, case: Case, tmp_path: Path) -> dict[str, Path]:
    judged = judge(case).to_json().replace('"label_coverage"', f'"{LONG}"')
    name, drawn = "flights.delayed", plots(case.holdout, case.scores, kind="binary", title="flights.delayed", seed=7)
    files = {"verdict.json": judged.encode(), "fairness.json": json.dumps(examined()).encode(), **drawn}
    run_id = registry.record(name, artifact=made.trained.artifact, spans=made.spans, params={}, metrics={}, tags={}, files=files)
    registry.register(name, run_id, made.trained.artifact.digest)
    facts = Facts("flights", "delayed", registry.version(name, 1), {}, [], {}, {})
    written = {"card": html(facts), "verdict": page(judge(case).from_json(judged), spans=made.spans, files=files)}
    for which, content in written.items():
        (tmp_path / f"{which}.html").write_bytes(content)
    return {which: tmp_path / f"{which}.html" for which in written}


@pytest.fixture(scope="module")
def look() -> Iterator[Callable[[Path, int, str], "webdriver.Chrome"]]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))

    def open_page(path: Path, width: int, scheme: str) -> "webdriver.Chrome":
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        browser.get(path.as_uri())
        browser.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
        return browser

    yield open_page
    browser.quit()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1200, "dark")])
@pytest.mark.parametrize("name", ["card", "verdict"])
def test_a_page_fits_the_screen_and_breaks_no_word(
    look: Callable[[Path, int, str], "webdriver.Chrome"], pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    browser = look(pages[name], width, scheme)
    assert LONG in browser.page_source
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(TOO_WIDE) == []
    assert browser.execute_script(BROKEN) == []
    scrolling = browser.execute_script(SCROLLING)
    assert (scrolling != []) is (width == 390), scrolling
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert dark == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 21, 21)"}[scheme]
