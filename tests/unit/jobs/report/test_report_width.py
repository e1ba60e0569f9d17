"""In a real browser: nothing on a page is wider than the screen, on a phone and on a desk, in light and in dark."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from made_year import SCORED_FROM, YEAR

from jobs.report.index import index_of
from jobs.report.kept import put
from jobs.report.links import Pages
from jobs.report.night import night_of
from jobs.report.page import index_page, night_page
from jobs.report.records import Records

webdriver = pytest.importorskip("selenium.webdriver")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="no Chromium here")
NIGHT = date(2013, 7, 8)
# What scrolls in a frame of its own may be wider than the screen.
TOO_WIDE = """
return [...document.querySelectorAll("body *")].filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".heat > div"))
    .map(one => one.outerHTML.slice(0, 80))
"""
# Text that is cut off by its own box, or lies on that of the cell beside it.
CUT_OFF = """
return [...document.querySelectorAll("td, th, p, h1, h2, h3, .night, .word")].filter(one => one.offsetParent && one.scrollWidth > one.clientWidth + 1
    && getComputedStyle(one).display != "inline").map(one => one.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope="module")
def pages(year: Records, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    scored = [night for night in YEAR if night >= SCORED_FROM]
    made = Pages.of(tmp_path_factory.mktemp("pages"), scored)
    night = night_page(night_of(year, made, NIGHT), year)
    red = night_page(night_of(year, made, date(2013, 9, 1)), year)
    index = index_page(index_of(year, made), year)
    written = {"night": put(made.path(NIGHT), night), "red": put(made.path(date(2013, 9, 1)), red), "index": put(made.index, index)}
    return {name: path.absolute() for name, path in written.items()}


@pytest.fixture(scope="module")
def browser() -> Iterator["webdriver.Chrome"]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    one = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield one
    one.quit()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("name", ["night", "red", "index"])
def test_a_page_fits_the_screen(browser: "webdriver.Chrome", pages: dict[str, Path], name: str, width: int, scheme: str) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get(pages[name].as_uri())
    browser.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(TOO_WIDE) == []
    assert browser.execute_script(CUT_OFF) == []
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert dark == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 21, 21)"}[scheme]
