"""A night's page: from records alone, and from records that lack what this release measures."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from made_year import FEATURES, measured_of

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.report.deliveries import deliveries
from jobs.report.links import Pages
from jobs.report.night import night_of, touched
from jobs.report.page import digest_of, night_page
from jobs.report.records import Records
from jobs.results import NightResult, StepResult

NIGHT, LATER = date(2024, 1, 9), date(2024, 1, 12)
Read = Callable[[], Records]


def said(ledger: Ledger, table: str, outcome: Any = "written", night: date = NIGHT, **about: Any) -> None:
    ledger.record_nights("r1", "tiny", table, [NightResult(night=night, outcome=outcome, **about)])


def kept(ledger: Ledger, table: str, night: date = NIGHT, **about: Any) -> None:
    given = {"generation": 1, "known_night": night, "rows": 60, "checksum": "c", "fingerprint": "f", "version": 1, "run_id": "r1", **about}
    ledger.record_slices("tiny", table, [Slice(night=night, **given)], version=1)


def page(records: Records, folder: Path, night: date = NIGHT) -> str:
    return night_page(night_of(records, Pages.of(folder, [night]), night), records).decode()


def test_it_begins_with_the_line_of_the_run(ledger: Ledger, records: Read, folder: Path) -> None:
    said(ledger, "features", notes=("weather 1 night short",))
    said(ledger, "returned/predictions")
    said(ledger, "returned/published")
    kept(ledger, "returned/predictions", detail={"champion": 4})
    told = page(records(), folder)
    assert "<p>OK 60 scored, champion v4, published g1, weather 1 night short</p>" in told
    assert '<div class="banner look">' in told


def test_a_run_that_found_nothing_to_do_says_what_the_first_one_said(ledger: Ledger, records: Read, folder: Path) -> None:
    digests = []
    for outcome in ("written", "unchanged"):
        said(ledger, "returned/published", outcome)
        digests.append(digest_of(night_of(records(), Pages.of(folder, [NIGHT]), NIGHT)))
    assert digests[0] == digests[1]


def test_a_red_night_names_every_red_table(ledger: Ledger, records: Read, folder: Path) -> None:
    said(ledger, "raw/orders", "failed", problem="no delivery")
    said(ledger, "features", "failed", problem="orders is not there")
    told = page(records(), folder)
    assert "<p>FAILED raw/orders: no delivery</p>" in told
    assert '<div class="banner red">' in told
    assert told.index("Everything that is red") < told.index("orders is not there")


def test_a_night_that_was_not_published_is_no_green_one(ledger: Ledger, records: Read, folder: Path) -> None:
    said(ledger, "features")
    assert '<div class="banner part">' in page(records(), folder)


def test_a_night_without_records_has_a_page_too(records: Read, folder: Path) -> None:
    told = page(records(), folder)
    assert "nothing is on record" in told
    assert "There was no champion." in told


def test_what_comes_from_outside_is_no_markup(ledger: Ledger, year: Records, records: Read, folder: Path) -> None:
    said(ledger, "raw/orders", "failed", problem="<script>alert(1)</script>")
    about = {"severity": "warning", "sentence": "<img src=x onerror=alert(1)>", "last": NIGHT, "resolved": None, "told": None, "told_resolved": False}
    ledger.record_alert("tiny", "bad", "returned", NIGHT, **about)
    measured = {**measured_of(NIGHT), "name": ["score", "<b>carrier</b>", *FEATURES[1:]]}
    measured["distance"][1] = 99.0
    kept(ledger, "returned/drift_report", counts={"drifted": 1.0, "watch": 0.0, "score_psi": 0.1}, detail={"state": "steady", "measured": measured})
    told = page(records(), folder) + page(year, folder, date(2013, 7, 8))
    assert "&lt;script&gt;alert(1)" in told
    assert "&lt;b&gt;carrier&lt;/b&gt;" in told
    assert "carrier=&lt;b&gt;UA&lt;/b&gt;" in told
    for hostile in ("<script", "<img", "<b>carrier", "<b>UA"):
        assert hostile not in told


def test_nothing_is_loaded_from_outside(year: Records, folder: Path) -> None:
    night = date(2013, 7, 8)
    told = page(year, folder, night)
    assert "http" not in told
    assert "<script" not in told
    assert "url(" not in told


def test_an_earlier_releases_night_is_shown_as_not_measured(ledger: Ledger, records: Read, folder: Path) -> None:
    counts = {"drifted": 9.0, "watch": 5.0, "steady": 66.0, "score_psi": 0.31}
    kept(ledger, "returned/drift_report", counts=counts, detail={"state": "drifted", "worst": {}, "champion": 1, "page": ""})
    kept(ledger, "returned/performance", counts={"labels": 60.0})
    told = page(records(), folder)
    assert "the night alone has a PSI of 0.310" in told
    assert "not measured rests on drifted ones" in told
    assert "farthest" not in told
    assert "No label arrived for anything that was scored." in told


def test_how_a_night_did_is_told_with_intervals(year: Records, folder: Path) -> None:
    night = date(2013, 7, 8)
    told = page(year, folder, night)
    known = told[told.index("What became known") : told.index("Where it was of least use")]
    assert "2013-07-06" in known
    assert "the newest 7 known" in known
    assert known.count("[") == 2
    parts = told[told.index("Where it was of least use") : told.index("What to expect")]
    assert parts.count("[") == 2 * 3
    assert "Over the newest nights known, 13 at most." in parts
    newest = page(year, folder, date(2013, 12, 30))
    assert "not known yet" in newest
    assert "(5 of 7 nights known)" in newest


@pytest.mark.parametrize(
    ("about", "arrival"),
    [({}, "delivered"), ({"generation": 2, "known_night": LATER}, "corrected"), ({"run_id": "r2"}, "late")],
)
def test_a_delivery_came_in_time_late_or_corrected(
    ledger: Ledger, pipeline: Pipeline, records: Read, folder: Path, about: Mapping[str, Any], arrival: str
) -> None:
    for run in ("r1", "r2"):
        record = ledger.begin_step(run, "tiny", step="raw", item="orders", nights="")
        ledger.end_step(record, StepResult(step="raw", item="orders", table="raw/orders", nights=()), seconds=1, peak_memory_mb=1)
    kept(ledger, "features", detail={"coverage": {"outcomes": 0.5}})
    kept(ledger, "raw/orders", **about)
    (orders, outcomes, *_) = deliveries(records(), Pages.of(folder, [NIGHT]), NIGHT)
    assert (orders.feed, orders.arrival) == ("orders", arrival)
    assert (outcomes.arrival, outcomes.history) == ("not recorded", 0.5)


def test_a_delivery_that_did_not_come_is_absent_and_one_that_could_not_is_no_fault(ledger: Ledger, records: Read, folder: Path) -> None:
    said(ledger, "raw/outcomes", "absent")
    found = {one.feed: one.arrival for one in deliveries(records(), Pages.of(folder, [NIGHT]), NIGHT)}
    assert found == {"orders": "not recorded", "outcomes": "absent", "weather": "not recorded", "shops": "not recorded"}
    first = {one.feed: one.arrival for one in deliveries(records(), Pages.of(folder, [NIGHT]), date(2024, 1, 1))}
    assert first["outcomes"] == "not begun"


def test_an_alert_is_told_as_the_night_knew_it(ledger: Ledger, records: Read, folder: Path) -> None:
    about = {"severity": "critical", "told": None, "told_resolved": False}
    ledger.record_alert("tiny", "loss", "returned", NIGHT, sentence="it is 1.2", last=NIGHT, resolved=None, **about)
    assert "it is 1.2" in page(records(), folder)
    ledger.record_alert("tiny", "loss", "returned", NIGHT, sentence="it is 7.7", last=LATER, resolved=date(2024, 1, 20), **about)
    assert "it is 7.7" not in page(records(), folder)
    assert "It went on after this night." in page(records(), folder)
    assert "it is 7.7" in page(records(), folder, LATER)
    assert "Open alerts" not in page(records(), folder, date(2024, 1, 20))


def test_labels_touch_the_pages_that_tell_of_their_night(year: Records, folder: Path) -> None:
    nights = [date(2013, 7, day) for day in range(1, 20)]
    pages = Pages(folder, tuple(nights))
    assert touched(year, pages, [date(2013, 7, 8)]) == [date(2013, 7, day) for day in range(6, 13)]


def test_the_digest_changes_with_what_the_page_says(year: Records, folder: Path) -> None:
    night = date(2013, 7, 8)
    view = night_of(year, Pages.of(folder, [night]), night)
    assert digest_of(view) == digest_of(night_of(year, Pages.of(folder, [night]), night))
    assert digest_of(view) != digest_of(replace(view, to_score=1))
    assert digest_of(view) != digest_of(night_of(year, Pages.of(folder, [night, date(2013, 7, 9)]), night))
