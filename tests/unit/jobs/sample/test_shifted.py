"""The sample as if its last night were still to come: whole weeks, the same wall clock, nothing twice."""

import csv
import datetime as dt
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from jobs import live as story
from jobs.config.loading import read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.nights import span, utc_now
from jobs.pipelines import flights
from jobs.pipelines.flights import deliveries
from jobs.sample.shifted import NAME, Shift, comes_at, delivered_by, shift_of, shifted_text
from jobs.settings import Settings

YEAR = Path(flights.__file__).with_name("flights.yaml")
LAST = date(2013, 12, 31)
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 27, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def shipped() -> Pipeline:
    return read_pipeline(YEAR)


def read(landing: Path, feed: str, night: date) -> list[dict[str, str]]:
    with (landing / feed / f"{night}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("ahead", range(8))
def test_the_last_night_is_the_first_of_its_weekday_from_tonight_on(tmp_path: Path, shipped: Pipeline, ahead: int) -> None:
    now = NOW + timedelta(days=ahead)
    shift = shift_of(tmp_path, shipped, LAST, now)
    last = LAST + shift.later
    assert shift.days % 7 == 0
    assert last.weekday() == LAST.weekday()
    assert timedelta() <= last - now.date() < timedelta(days=7)


def test_a_home_keeps_its_shift(tmp_path: Path, shipped: Pipeline) -> None:
    begun = shift_of(tmp_path, shipped, LAST, NOW)
    assert shift_of(tmp_path, shipped, LAST, NOW + timedelta(days=30)) == begun
    assert begun.begun == NOW.date()


def test_before_as_of_the_night_before_is_the_newest(tmp_path: Path, shipped: Pipeline) -> None:
    assert shift_of(tmp_path, shipped, LAST, NOW.replace(hour=5, minute=59)).begun == date(2026, 11, 26)


def test_a_home_with_other_nights_is_refused(tmp_path: Path, shipped: Pipeline) -> None:
    (tmp_path / "ledger.db").touch()
    with pytest.raises(UsageError, match="holds other nights"):
        shift_of(tmp_path, shipped, LAST, NOW)
    (tmp_path / NAME).write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="is not what `matins live` wrote"):
        shift_of(tmp_path, shipped, LAST, NOW)


def test_the_file_is_the_shipped_one_so_many_days_later_and_without_its_sample(tmp_path: Path, shipped: Pipeline) -> None:
    later = timedelta(days=4718)
    (tmp_path / YEAR.name).write_text(shifted_text(YEAR.read_text(encoding="utf-8"), later), encoding="utf-8")
    before, after = shipped.model_dump(), read_pipeline(tmp_path / YEAR.name).model_dump()
    assert (after["nights"]["from_"], after["nights"]["to"]) == (date(2025, 12, 2), date(2026, 12, 1))
    assert before.pop("sample")
    assert after.pop("sample") is None
    for plain, by in ((before, later), (after, timedelta())):
        plain["nights"] |= {"from_": plain["nights"]["from_"] + by, "to": plain["nights"]["to"] + by}
        for feed in plain["feeds"].values():
            feed["from_"] = feed["from_"] and feed["from_"] + by
    assert after == before


# The nights around the days on which clocks changed in 2013, and those on which they change where they fall now.
@pytest.mark.parametrize("happened", ["2013-03-09", "2013-11-02", "2013-04-06", "2013-11-30", "2013-12-28"])
def test_weekday_hour_and_keys_stay(tmp_path: Path, happened: str) -> None:
    later, first = timedelta(days=4718), date.fromisoformat(happened)
    there, here, nights = tmp_path / "there", tmp_path / "here", span(first, first + timedelta(days=3))
    assert list(deliveries(there, nights[0], nights[-1])) == nights
    assert list(deliveries(here, nights[0] + later, nights[-1] + later, later=later)) == [night + later for night in nights]
    for night in nights:
        before, after = read(there, "schedule", night), read(here, "schedule", night + later)
        assert [wall(row["sched_dep"]) + later for row in before] == [wall(row["sched_dep"]) for row in after]
        assert all(datetime.fromisoformat(row["sched_dep"]).utcoffset() == wall(row["sched_dep"]).replace(tzinfo=NEW_YORK).utcoffset() for row in after)
        assert {row["day"] for row in after} == {str(night + later)}
        assert (night + later).weekday() == night.weekday()
        assert len({(row["day"], row["carrier"], row["flight"], row["origin"]) for row in after}) == len(after) == len(before)


@pytest.mark.parametrize(("happened", "hours"), [("2013-04-07", 23), ("2013-11-03", 23), ("2013-11-30", 24), ("2013-07-01", 24)])
def test_every_hour_of_weather_is_of_its_day_and_there_once(tmp_path: Path, happened: str, hours: int) -> None:
    later, day = timedelta(days=4718), date.fromisoformat(happened)
    night = day + later + timedelta(days=1)
    list(deliveries(tmp_path, night, night, later=later))
    rows = read(tmp_path, "weather", night)
    assert Counter(row["origin"] for row in rows) == dict.fromkeys(("EWR", "JFK", "LGA"), hours)
    assert len({(row["origin"], row["observed_at"]) for row in rows}) == len(rows)
    assert {row["day"] for row in rows} == {str(day + later)}
    assert {datetime.fromisoformat(row["observed_at"]).astimezone(NEW_YORK).date() for row in rows} == {day + later}


def test_a_range_outside_the_moved_year_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the sample holds the nights 2013-01-08 to 2014-01-09"):
        deliveries(tmp_path, date(2013, 1, 1), date(2013, 1, 8), later=timedelta(days=7))


def test_a_delivery_comes_an_hour_before_its_night_runs(shipped: Pipeline) -> None:
    endless = shipped.model_copy(update={"nights": shipped.nights.model_copy(update={"to": None})})
    at = comes_at(endless, date(2026, 11, 27))
    assert at == datetime(2026, 11, 27, 5, tzinfo=UTC)
    assert [delivered_by(endless, at + timedelta(seconds=one)) for one in (-1, 0)] == [date(2026, 11, 26), date(2026, 11, 27)]


def begun(home: Settings, nights: int) -> Shift:
    """A home that is prepared, and whose year began so many nights ago."""
    shift = Shift(days=(utc_now().date() - date(2013, 1, 1)).days - nights, begun=utc_now().date(), prepared=True)
    shift.keep(home.root)
    return shift


def test_a_second_call_says_what_to_do_and_touches_nothing(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    begun(home, 2)
    story.live(home, once=True)
    said = capsys.readouterr().out
    assert f"MATINS_HOME={home.root} MATINS_PIPELINES={home.root}/pipelines make up" in said
    assert {path.name for path in (home.landing / "schedule").iterdir()} >= {f"{utc_now().date() - timedelta(days=1)}.csv"}
    before = {path: path.stat().st_mtime_ns for path in [*home.root.rglob("*.csv"), *home.root.rglob("*.yaml")]}
    story.live(home, once=True)
    assert capsys.readouterr().out == said
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_delivery_is_dropped_when_its_time_has_come(
    home: Settings, shipped: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    soon = utc_now() + timedelta(hours=1, seconds=3)
    shift, tonight = begun(home, 2), soon.date()
    nights = shipped.nights.model_copy(update={"from_": tonight, "to": tonight, "as_of": dt.time(soon.hour, soon.minute, soon.second)})
    monkeypatch.setattr(story, "PAUSE", 0.1)
    story.keep_delivering(home, shipped, shift, shipped.model_copy(update={"nights": nights}))
    assert utc_now() >= soon.replace(microsecond=0) - timedelta(hours=1)
    assert (home.landing / "schedule" / f"{tonight}.csv").exists()
    said = capsys.readouterr().out
    assert f"the delivery for {tonight} at" in said
    assert "The year is over" in said


def wall(moment: str) -> datetime:
    """What the clock on the wall shows."""
    return datetime.fromisoformat(moment).replace(tzinfo=None)


def test_live_has_nothing_outside_its_home(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = home.model_copy(update={"home": home.root / "live", "lake_root": "s3://team/lake", "ledger_secret": SecretStr("postgresql://team")})
    with pytest.raises(UsageError, match=r"keeps everything in its home, but MATINS_LAKE, MATINS_LEDGER_URL point elsewhere; unset"):
        story.live(settings, once=True)
    assert not (home.root / "live").exists()
