"""Features against a second, plain implementation: every night by itself, in pandas, row by row."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from random import Random
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.config.pipeline import Pipeline
from jobs.features.frame import feature_frame
from jobs.features.readiness import Readiness
from jobs.lake.lake import checksums
from jobs.ledger.ledger import Slice
from jobs.nights import span

FIRST, LAST = date(2024, 2, 20), date(2024, 3, 15)
LAG = 2
SPEC: Mapping[str, Any] = {
    "pipeline": "shop",
    "purpose": {"goal": "g", "cost": {"missed": 1, "false_alarm": 1}},
    "nights": {"from": FIRST},
    "feeds": {
        "orders": {"path": "o/{night}.csv", "key": ["day", "order_id"], "columns": {"day": "date", "order_id": "int", "shop": "string", "hour": "int"}},
        "outcomes": {
            "path": "r/{night}.csv",
            "lag": LAG,
            "missing": {"tolerate": 99},
            "key": ["day", "order_id"],
            "columns": {"day": "date", "order_id": "int", "late": "bool", "delay": "float"},
        },
        "weather": {
            "path": "w/{night}.csv",
            "lag": 1,
            "missing": {"tolerate": 99},
            "key": ["shop", "hour"],
            "columns": {"day": "date", "shop": "string", "hour": "int", "rain": "float"},
        },
    },
    "features": {
        "rows": "orders",
        "take": ["shop", "hour"],
        "latest": {"weather": {"by": ["shop"], "order": "hour", "take": ["rain"], "max_age_days": 2}},
        "history": {
            "outcomes": {
                "windows": [1, 3, 7],
                "by": [[], ["shop"]],
                "take": {"n": "count(*)", "late": "avg(late)", "delay": "sum(delay)"},
            },
        },
    },
    "models": {"m": {"label": "outcomes.late", "segments": {"train": 7, "tune": 3, "holdout": 3}}},
}
COLUMNS = {
    "orders": "day date, order_id bigint, shop string, hour bigint",
    "outcomes": "day date, order_id bigint, late boolean, delay double",
    "weather": "day date, shop string, hour bigint, rain double",
}
META = "night date, generation int, known_night date, row bigint"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.model_validate(SPEC)


class World:
    """Deliveries with late rows, corrected rows and replaced deliveries; `rows[feed]` are tuples of the feed's columns and META."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.rows: dict[str, list[tuple[Any, ...]]] = {"orders": [], "outcomes": [], "weather": []}
        self.slices: dict[str, list[Slice]] = {"orders": [], "outcomes": [], "weather": []}
        for night in span(FIRST, LAST):
            self._orders(night)
            self._outcomes(night, 1, night)
            self._weather(night)
            if self.random.random() < 0.2:  # the delivery is replaced, which a later night sees
                self._outcomes(night, 2, night + timedelta(days=self.random.randint(1, 9)))

    def _orders(self, night: date) -> None:
        rows = [(night, n, self.random.choice(["a", "b", "c", None]), self.random.randint(0, 23)) for n in range(8)]
        self._deliver("orders", rows, night, 1, night)

    def _outcomes(self, night: date, generation: int, known: date) -> None:
        days = [night - timedelta(days=LAG)] * 7 + [night - timedelta(days=LAG + self.random.randint(1, 4))]  # the last one is late
        ids = self.random.sample(range(8), 7)
        rows = [(day, n, self.random.random() < 0.4, self.random.choice([None, 0.1, 2.5, 1 / 3])) for day, n in zip(days, [*ids, 0], strict=True)]
        unique = {(row[0], row[1]): row for row in rows}
        self._deliver("outcomes", list(unique.values()), night, generation, known)

    def _weather(self, night: date) -> None:
        if self.random.random() < 0.8:
            day = night - timedelta(days=1)
            hour = day.toordinal() * 24
            rows = [(day, shop, hour + self.random.randint(0, 23), self.random.random()) for shop in "abc"]
            self._deliver("weather", rows, night, 1, night)

    def _deliver(self, feed: str, rows: Sequence[tuple[Any, ...]], night: date, generation: int, known: date) -> None:
        self.rows[feed] += [(*row, night, generation, known, place) for place, row in enumerate(rows)]
        about = {"rows": len(rows), "checksum": "c", "fingerprint": "f", "version": 0, "run_id": "r"}
        self.slices[feed].append(Slice(night=night, generation=generation, known_night=known, **about))

    def frames(self, spark: SparkSession) -> dict[str, DataFrame]:
        return {feed: spark.createDataFrame(rows, f"{COLUMNS[feed]}, {META}") for feed, rows in self.rows.items()}


@contextmanager
def features_of(spark: SparkSession, pipeline: Pipeline, world: World, nights: Sequence[date]) -> Iterator[DataFrame]:
    coverage = {night: Readiness.of(pipeline, night, world.slices).coverage for night in nights}
    with feature_frame(spark, pipeline, world.frames(spark), world.slices, coverage, nights) as frame:
        yield frame


def sums_of(spark: SparkSession, pipeline: Pipeline, world: World, nights: Sequence[date]) -> dict[tuple[Any, ...], tuple[int, str]]:
    with features_of(spark, pipeline, world, nights) as frame:
        return checksums(frame, by=["night"])


def known_rows(world: World, feed: str, key: Sequence[str], night: date) -> list[dict[str, Any]]:
    """What a night knows: of each delivery the newest generation, of each key the newest version."""
    names = [part.split()[0] for part in f"{COLUMNS[feed]}, {META}".split(", ")]
    rows = [dict(zip(names, row, strict=True)) for row in world.rows[feed] if row[-2] <= night]
    # A row that was superseded stays superseded, also where the newer row is taken back with its delivery.
    newest = {}
    for row in sorted(rows, key=lambda row: (row["known_night"], row["night"], row["generation"])):
        newest[tuple(row[name] for name in key)] = row
    generations: dict[date, int] = {}
    for one in world.slices[feed]:
        if one.known_night <= night:
            generations[one.night] = max(generations.get(one.night, 0), one.generation)
    return [row for row in newest.values() if row["generation"] == generations[row["night"]]]


def expected(world: World, night: date) -> dict[int, dict[str, Any]]:
    """One night's features by the plain definition."""
    orders = {(row["day"], row["order_id"]): row for row in known_rows(world, "orders", ["day", "order_id"], night)}
    outcomes = known_rows(world, "outcomes", ["day", "order_id"], night)
    weather = known_rows(world, "weather", ["shop", "hour"], night)
    found = {}
    for (day, order_id), order in orders.items():
        if day != night:
            continue
        features: dict[str, Any] = {}
        for by in ("all", "shop"):
            for w in (1, 3, 7):
                first, last = night - timedelta(days=LAG + w - 1), night - timedelta(days=LAG)
                past = [row for row in outcomes if first <= row["day"] <= last]
                if by == "shop":
                    past = [row for row in past if (row["day"], row["order_id"]) in orders and orders[row["day"], row["order_id"]]["shop"] == order["shop"]]
                delays = [row["delay"] for row in past if row["delay"] is not None]
                features[f"outcomes_{by}_n_{w}d"] = len(past)
                features[f"outcomes_{by}_late_{w}d"] = sum(row["late"] for row in past) / len(past) if past else None
                features[f"outcomes_{by}_delay_{w}d"] = round(sum(round(delay, 6) for delay in delays), 6) if delays else None
        usable = [row for row in weather if row["shop"] == order["shop"] and night - timedelta(days=2) <= row["day"] <= night - timedelta(days=1)]
        features["weather_rain"] = max(usable, key=lambda row: (row["hour"], row["night"]))["rain"] if usable else None
        found[order_id] = features
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_features_are_those_of_the_plain_definition(spark: SparkSession, pipeline: Pipeline, seed: int) -> None:
    world = World(seed)
    nights = span(FIRST + timedelta(days=3), LAST)
    with features_of(spark, pipeline, world, nights) as frame:
        got = frame.toPandas()
    for night in nights:
        wanted = expected(world, night)
        rows = got[got["night"] == night].set_index("order_id")
        assert set(rows.index) == set(wanted)
        for order_id, features in wanted.items():
            found = {name: None if pd.isna(rows.loc[order_id, name]) else rows.loc[order_id, name] for name in features}
            assert found == pytest.approx(features, abs=1e-9), (night, order_id)


def test_a_night_alone_and_in_a_range_are_equal_to_the_bit(spark: SparkSession, pipeline: Pipeline) -> None:
    world, nights = World(3), span(FIRST + timedelta(days=8), FIRST + timedelta(days=12))
    together = sums_of(spark, pipeline, world, nights)
    alone = {key: value for night in nights for key, value in sums_of(spark, pipeline, world, [night]).items()}
    assert alone == together


def test_what_becomes_known_later_changes_nothing(spark: SparkSession, pipeline: Pipeline) -> None:
    world, nights = World(4), span(FIRST + timedelta(days=5), FIRST + timedelta(days=9))
    before = sums_of(spark, pipeline, world, nights)
    for feed, rows in world.rows.items():
        world.rows[feed] = [row if row[-2] <= nights[-1] else (*[altered(value, world.random) for value in row[:-4]], *row[-4:]) for row in rows]
    assert sums_of(spark, pipeline, world, nights) == before


def test_what_is_known_does_change_them(spark: SparkSession, pipeline: Pipeline) -> None:
    world, night = World(5), FIRST + timedelta(days=9)
    before = sums_of(spark, pipeline, world, [night])
    rows = world.rows["outcomes"]
    world.rows["outcomes"] = [(row[0], row[1], not row[2], *row[3:]) if row[4] == night else row for row in rows]
    assert sums_of(spark, pipeline, world, [night]) != before


def altered(value: Any, random: Random) -> Any:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case date():
            return value - timedelta(days=random.randint(0, 9))
        case int():
            return value + random.randint(1, 99)
        case float():
            return value * 7 + 1
        case str():
            return "zz"
        case _:
            return value
