"""Where the feature values of one row came from: the rows of each feed that it was made from, and the deliveries that its night looked at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.config.pipeline import Pipeline
from jobs.features.assembly import looked_at
from jobs.features.knowledge import counts_on
from jobs.lake.lake import Lake
from jobs.ledger.ledger import Slice


@dataclass(frozen=True)
class SourceRow:
    """A delivered row that values were taken from."""

    role: str
    """`the row itself`, `looked up`, `the newest`."""
    night: date
    """Of the delivery that brought it."""
    generation: int
    line: int
    """Its place in the delivery, counted without the header."""
    values: Mapping[str, str | None]


@dataclass(frozen=True)
class Summed:
    """Rows that a history adds up."""

    same: Mapping[str, str | None]
    """What they have in common with the row."""
    days: int
    first: date
    last: date
    rows: int


@dataclass(frozen=True)
class Delivered:
    """A delivery that the night looked at, as it knew it."""

    night: date
    generation: int
    known: date
    rows: int
    file: str
    sha256: str
    newer: int | None
    """A later generation, which the night did not know."""


@dataclass(frozen=True)
class Origin:
    """One feed's part in the row's features."""

    feed: str
    rows: tuple[SourceRow, ...]
    summed: tuple[Summed, ...]
    deliveries: tuple[Delivered, ...]


def origins(spark: SparkSession, pipeline: Pipeline, key: Mapping[str, Any], night: date, deliveries: Mapping[str, Sequence[Delivered]]) -> tuple[Origin, ...]:
    """Of every feed that the features rest on; within the block of `jobs.features.assembly.planned`, whose views are asked.

    Args:
        spark: has the views.
        pipeline: as it was when the features were made.
        key: of the row, column → value.
        night: whose features.
        deliveries: of each feed, as `delivered` gives them.
    """
    asked = spark.table("rows_").where(same(key) & (F.col("night") == F.lit(night))).first()
    row = asked.asDict(recursive=True) if asked else dict(key)
    return tuple(
        Origin(feed, tuple(_rows(spark, pipeline, feed, row, night)), tuple(_summed(spark, pipeline, feed, row, night)), tuple(deliveries[feed]))
        for feed in pipeline.features.feeds
    )


def delivered(then: Lake, now: Lake, pipeline: Pipeline, feed: str, night: date, known: Sequence[Slice]) -> Iterator[Delivered]:
    """The deliveries of a feed that a night's features look at, oldest first.

    Args:
        then: the lake at the versions that the features were made from.
        now: the lake, whose records name files and later generations.
        pipeline: as it was.
        feed: which.
        night: whose features.
        known: the feed's validated slices, as the features were made from them.
    """
    nights, newest = looked_at(pipeline, feed, [night]), {one.night: one.generation for one in now.slices(f"validated/{feed}")}
    raw = {(one.night, one.generation): one.detail for one in now.slices(f"raw/{feed}")}
    used = {one.night: one for one in known if one.known_night <= night and (nights is None or one.night in nights)}
    recorded = {(one.night, one.generation): one.known_night for one in then.slices(f"validated/{feed}")}
    for one in used.values():
        about, later = raw.get((one.night, one.generation), {}), newest.get(one.night, 0)
        file, known_on = Path(str(about.get("path", ""))).name, recorded.get((one.night, one.generation), one.known_night)
        newer = later if later > one.generation else None
        yield Delivered(one.night, one.generation, known_on, one.rows, file, str(about.get("sha256", "")), newer)


def _rows(spark: SparkSession, pipeline: Pipeline, feed: str, row: Mapping[str, Any], night: date) -> Iterator[SourceRow]:
    features, spec = pipeline.features, pipeline.feeds[feed]
    known = spark.table(f"known_{feed}").alias("k").where(counts_on(f"DATE'{night}'", "k"))
    if feed == features.rows:
        yield from _taken("the row itself", known.where(same({name: row[name] for name in spec.key})), [*spec.kept, *spec.derive])
    if lookup := features.lookup.get(feed):
        yield from _taken("looked up", known.where(same({theirs: row[ours] for ours, theirs in lookup.on.items()})), [*spec.key, *lookup.take])
    if latest := features.latest.get(feed):
        usable = F.col(spec.event_day).between(F.lit(night - timedelta(days=spec.lag + latest.max_age_days - 1)), F.lit(night - timedelta(days=spec.lag)))
        alike = known.where(usable & same({name: row[name] for name in latest.by}))
        newest = alike.orderBy(*[F.desc_nulls_last(name) for name in (latest.order, "night", "generation", "row")]).limit(1)
        yield from _taken("the newest", newest, [*latest.by, latest.order, *latest.take])


def _taken(role: str, frame: DataFrame, columns: Sequence[str]) -> Iterator[SourceRow]:
    names = list(dict.fromkeys(columns))
    for one in frame.select("night", "generation", "row", F.struct(*[F.col(name).cast("string").alias(name) for name in names]).alias("values_")).collect():
        yield SourceRow(role, one["night"], one["generation"], one["row"], one["values_"].asDict())


def _summed(spark: SparkSession, pipeline: Pipeline, feed: str, row: Mapping[str, Any], night: date) -> Iterator[Summed]:
    history, spec = pipeline.features.history.get(feed), pipeline.feeds[feed]
    if history is None:
        return
    last, past = night - timedelta(days=spec.lag), spark.table(f"past_{feed}")
    firsts = {window: last - timedelta(days=window - 1) for window in sorted(history.windows)}
    stood = past.where((F.col("from_") <= F.lit(night)) & (F.col("until_").isNull() | (F.col("until_") > F.lit(night))))
    own = {*spec.kept, *spec.derive}
    groups = [(by, window) for by in history.by for window in firsts]
    counts = []
    for by, window in groups:
        inside = F.col("event_day_").between(F.lit(firsts[window]), F.lit(last)) & same({name: row[name] for name in by})
        # What only the scored row of then could name says nothing where that row is not known.
        placed = F.lit(True) if {*by} <= own or "placed_" not in past.columns else F.col("placed_")
        counts.append(F.count_if(inside & placed))
    found = stood.agg(*[one.alias(f"_{place}") for place, one in enumerate(counts)]).collect()[0]
    for place, (by, window) in enumerate(groups):
        yield Summed({name: None if row[name] is None else str(_zoned(row[name])) for name in by}, window, firsts[window], last, int(found[f"_{place}"]))


def same(values: Mapping[str, Any]) -> Column:
    """Whether a row has these values, which Spark has given."""
    return reduce(lambda one, other: one & other, (F.col(name).eqNullSafe(F.lit(_zoned(value))) for name, value in values.items()), F.lit(True))


def _zoned(value: Any) -> Any:
    """An instant with its zone: Spark gives it in the host's, without, and would take the later of two hours of one name back as the earlier."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value
