"""Which nights should start by themselves, by what the ledger says and what lies in the landing folder."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from jobs.config.loading import read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.due import ATTEMPTS, OpenNight, has_told, open_nights
from jobs.ledger.ledger import Ledger
from jobs.nights import span
from jobs.results import NightResult
from jobs.settings import Settings
from tests.said import ingest, say
from tests.tiny import Tiny, deliver, write_pipeline

DELIVERED = 9
NOW = datetime(2024, 1, 9, 7, tzinfo=UTC)
TODAY = NOW.date()
FIRST = date(2024, 1, 1)
Seen = Callable[..., dict[date, OpenNight]]


@pytest.fixture
def tiny(home: Settings) -> Tiny:
    return write_pipeline(home.root / "pipelines", home.landing, nights=DELIVERED, rows=3)


@pytest.fixture
def pipeline(tiny: Tiny) -> Pipeline:
    return read_pipeline(tiny.path)


@pytest.fixture
def ledger(home: Settings) -> Ledger:
    return Ledger.of(home)


@pytest.fixture
def seen(home: Settings, pipeline: Pipeline, ledger: Ledger) -> Seen:
    """The open nights as of now, by night."""

    def look(now: datetime = NOW, owed: tuple[date, ...] = ()) -> dict[date, OpenNight]:
        return {one.night: one for one in open_nights(pipeline, ledger, home.landing, now, owed=owed)}

    return look


def january(day: int) -> date:
    return date(2024, 1, day)


def test_before_the_first_publication_the_newest_night_is_open(seen: Seen) -> None:
    assert list(seen()) == [TODAY]
    assert list(seen(now=NOW.replace(hour=5))) == [january(8)]


def test_after_some_days_off_every_night_since_is_open(pipeline: Pipeline, ledger: Ledger, seen: Seen) -> None:
    say(ledger, pipeline, "r1", span(FIRST, january(5)))
    found = seen()
    assert list(found) == span(january(6), TODAY)
    assert [one.attempt([]) for one in found.values()] == [1, 1, 1, 1]


def test_nothing_is_open_once_all_is_published(pipeline: Pipeline, ledger: Ledger, seen: Seen) -> None:
    say(ledger, pipeline, "r1", span(FIRST, TODAY))
    assert seen() == {}


def test_a_night_waits_for_what_is_required_and_for_nothing_else(tiny: Tiny, pipeline: Pipeline, ledger: Ledger, seen: Seen) -> None:
    say(ledger, pipeline, "r1", span(FIRST, january(8)))
    for feed in ("orders", "outcomes", "weather", "shops"):
        tiny.file(feed, TODAY).rename(tiny.landing / "aside")
        wanted = (tiny.file(feed, TODAY),) if feed in {"orders", "shops"} else ()
        assert (seen()[TODAY].lacks, seen()[TODAY].attempt([])) == (wanted, None if wanted else 1), feed
        (tiny.landing / "aside").rename(tiny.file(feed, TODAY))


def test_a_delivery_that_was_ingested_and_cleared_away_is_not_waited_for(home: Settings, tiny: Tiny, pipeline: Pipeline, ledger: Ledger, seen: Seen) -> None:
    say(ledger, pipeline, "r1", span(FIRST, january(8)))
    ingest(ledger, pipeline, home.landing, "orders", [TODAY])
    tiny.file("orders", TODAY).unlink()
    assert seen()[TODAY].lacks == ()


def test_nothing_is_waited_for_before_a_feed_s_first_delivery(home: Settings, tiny: Tiny) -> None:
    late = write_pipeline(home.root / "late", home.landing, nights=1, rows=3, changes={"feeds": {"outcomes": {"missing": None}}})
    pipeline, now = read_pipeline(late.path), NOW.replace(day=2)
    tiny.file("outcomes", january(3)).unlink()
    assert open_nights(pipeline, Ledger.of(home), home.landing, now)[0].lacks == ()
    assert open_nights(pipeline, Ledger.of(home), home.landing, now + timedelta(days=1))[0].lacks == (tiny.file("outcomes", january(3)),)


def test_a_source_that_is_queried_counts_as_there(home: Settings) -> None:
    sql = {"path": None, "sql": {"url": "SHOP_URL", "query": "SELECT 1"}}
    pipeline = read_pipeline(write_pipeline(home.root / "sql", home.landing, nights=1, rows=3, changes={"feeds": {"orders": sql}}).path)
    assert open_nights(pipeline, Ledger.of(home), home.landing, NOW)[0].lacks == ()


def test_a_red_night_starts_once_its_late_delivery_is_there(home: Settings, tiny: Tiny, pipeline: Pipeline, ledger: Ledger, seen: Seen) -> None:
    absent = tiny.file("orders", january(5))
    absent.unlink()
    say(ledger, pipeline, "r1", span(FIRST, TODAY))
    say(ledger, pipeline, "r1", [january(5)], "failed")
    assert (seen()[january(5)].lacks, seen()[january(5)].attempt([])) == ((absent,), None)
    deliver(home.landing, january(5), rows=3)
    assert (seen()[january(5)].red, seen()[january(5)].attempt([])) == (True, 1)


def test_a_red_night_stays_until_a_delivery_is_another(home: Settings, tiny: Tiny, pipeline: Pipeline, ledger: Ledger, seen: Seen) -> None:
    say(ledger, pipeline, "r1", span(FIRST, TODAY))
    say(ledger, pipeline, "r1", [january(5)], "failed")
    for feed in ("orders", "outcomes", "weather"):
        ingest(ledger, pipeline, home.landing, feed, span(january(3), january(5)) if feed != "orders" else span(FIRST, january(5)))
    ingest(ledger, pipeline, home.landing, "weather", [january(2)])
    ingest(ledger, pipeline, home.landing, "shops", [FIRST])
    before = seen()[january(5)]
    assert (before.has_news, before.attempt([])) == (False, None)
    corrected = tiny.file("orders", january(5))
    os.utime(corrected, ns=(0, corrected.stat().st_mtime_ns + 1))
    after = seen()[january(5)]
    assert (after.has_news, after.attempt([])) == (True, 1)
    assert after.deliveries != before.deliveries


def test_another_declaration_beside_a_delivery_is_another_state(tiny: Tiny, seen: Seen) -> None:
    before = seen()[TODAY].deliveries
    tiny.file("orders", TODAY).with_name(f"{TODAY}.csv.ok").write_text("{}", encoding="utf-8")
    assert seen()[TODAY].deliveries != before


def test_a_delivery_of_its_window_is_news_for_a_red_night_and_a_later_one_is_not(tiny: Tiny, pipeline: Pipeline, ledger: Ledger, seen: Seen) -> None:
    say(ledger, pipeline, "r1", span(FIRST, TODAY))
    say(ledger, pipeline, "r1", [january(8)], "failed")
    before = seen()[january(8)].deliveries
    os.utime(tiny.file("orders", TODAY), ns=(0, 0))
    assert seen()[january(8)].deliveries == before
    os.utime(tiny.file("outcomes", january(4)), ns=(0, 0))
    assert seen()[january(8)].deliveries != before


def test_a_night_that_a_later_one_has_overtaken_stays_owed(pipeline: Pipeline, ledger: Ledger, seen: Seen) -> None:
    say(ledger, pipeline, "r1", [*span(FIRST, january(6)), january(8), TODAY])
    assert list(seen()) == []
    assert list(seen(owed=(january(7),))) == [january(7)]
    say(ledger, pipeline, "r2", [january(7)])
    assert list(seen(owed=(january(7),))) == []


@pytest.mark.parametrize("step", ["predictions", "published"])
def test_a_night_whose_process_was_lost_is_open_and_not_red(pipeline: Pipeline, ledger: Ledger, seen: Seen, step: str) -> None:
    say(ledger, pipeline, "r1", span(FIRST, january(8)))
    say(ledger, pipeline, "r2", [TODAY], "failed", up_to=step)
    assert (seen()[TODAY].red, seen()[TODAY].attempt([False])) == (False, 2)


def test_history_that_was_never_to_be_published_is_left_alone(pipeline: Pipeline, ledger: Ledger, seen: Seen) -> None:
    say(ledger, pipeline, "r1", [january(2)], "failed", up_to="features")
    say(ledger, pipeline, "r2", span(january(5), TODAY))
    assert seen() == {}


def test_a_failed_training_makes_no_night_red(pipeline: Pipeline, ledger: Ledger, seen: Seen) -> None:
    say(ledger, pipeline, "r1", span(FIRST, TODAY))
    ledger.record_nights("r2", pipeline.pipeline, "returned/model", [NightResult(night=TODAY, outcome="failed", problem="too few rows")])
    assert seen() == {}


@pytest.mark.parametrize(
    ("told", "number"),
    [([], 1), ([False], 2), ([False, False], 3), ([False] * ATTEMPTS, None), ([True], None), ([False, True], None)],
    ids=["first", "lost", "lost twice", "given up", "told", "told in the second"],
)
def test_only_a_run_that_said_nothing_is_repeated(told: list[bool], number: int | None) -> None:
    assert OpenNight(night=TODAY, red=False, deliveries="").attempt(told) == number
    # Once a run was lost that had begun because of news, what it ingested is no news any more.
    assert OpenNight(night=TODAY, red=True, deliveries="", has_news=not told).attempt(told) == number


def test_a_run_has_told_what_it_recorded_to_the_end_also_when_another_recorded_later(pipeline: Pipeline, ledger: Ledger) -> None:
    say(ledger, pipeline, "red", [january(5)], "failed")
    say(ledger, pipeline, "lost", [january(5), january(6)], up_to="predictions")
    say(ledger, pipeline, "by hand", [january(5)])
    assert [has_told(pipeline, ledger, run, january(5)) for run in ("red", "lost", "by hand", "unknown")] == [True, False, True, False]
    assert not has_told(pipeline, ledger, "red", january(6))
