"""`matins check --leaks`: alter at random what becomes known after a night, and see that none of its features changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.checks.altered import Altered, altered
from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.features.frame import feature_frame
from jobs.features.readiness import Readiness
from jobs.ledger.ledger import Slice
from jobs.reading import lake_to_read
from jobs.settings import Settings

SEED: Final = 7
AFTERWARDS: Final = timedelta(days=7)
"""As many nights after the one that is looked at are wished for: late rows of its windows come in them."""


@dataclass(frozen=True)
class Known:
    """All validated rows of the features' feeds, and their slices."""

    frames: Mapping[str, DataFrame]
    slices: Mapping[str, Sequence[Slice]]


def check_leaks(settings: Settings, pipeline: Pipeline, night: date | None) -> dict[str, Any]:
    """Compute the features of a night from the lake as it is and as it is after the alteration, and compare them bit for bit.

    Args:
        settings: where the lake is; nothing is written to it.
        pipeline: whose features.
        night: None chooses one that has later deliveries of every feed.

    Returns:
        `pipeline`, `night`, `rows`, `columns`, `altered` (cells, rows added and removed per feed), `seed`, `unchanged`, `differing`
        and `sentence`.

    Raises:
        DataError: nothing became known after the night, so that nothing is proven; or there is no such night.
    """
    from jobs.lake.session import spark_session

    spark = spark_session(settings)
    known = _read(settings, spark, pipeline)
    night = night or with_later(pipeline, known.slices)
    require_later(pipeline, known.slices, night)
    later = {feed: altered(frame, pipeline.feeds[feed], night, known.slices[feed], seed=SEED) for feed, frame in known.frames.items()}
    return told(pipeline, night, later, *compared(spark, pipeline, night, known, later))


def compared(spark: SparkSession, pipeline: Pipeline, night: date, known: Known, later: Mapping[str, Altered]) -> tuple[dict[str, str], dict[str, str]]:
    """The checksums of the night's features, column by column, before and after the alteration; none after it if they cannot be computed any more."""
    after = Known({feed: one.frame for feed, one in later.items()}, {feed: one.slices for feed, one in later.items()})
    before = _sums(spark, pipeline, night, known)
    try:
        return before, _sums(spark, pipeline, night, after)
    except PySparkException:
        # What the night may not look at has stopped it: no less a leak than another value.
        return before, {}


def _read(settings: Settings, spark: SparkSession, pipeline: Pipeline) -> Known:
    lake, feeds = lake_to_read(settings, pipeline, spark), pipeline.features.feeds
    return Known({feed: lake.read(f"validated/{feed}").frame for feed in feeds}, {feed: lake.slices(f"validated/{feed}") for feed in feeds})


def _newest(pipeline: Pipeline, slices: Mapping[str, Sequence[Slice]]) -> dict[str, date]:
    """Per dated feed, the newest night at which something of it became known."""
    return {feed: max((one.known_night for one in found), default=date.min) for feed, found in slices.items() if not pipeline.feeds[feed].undated}


def with_later(pipeline: Pipeline, slices: Mapping[str, Sequence[Slice]]) -> date:
    """A night that has later deliveries of every feed, a week of them where there are so many.

    Raises:
        DataError: there is none.
    """
    last = min(_newest(pipeline, slices).values())
    nights = sorted({one.night for one in slices[pipeline.features.rows] if one.night < last and one.rows})
    if not nights:
        raise _unproven(pipeline, sorted(_newest(pipeline, slices)), "any night", last)
    return next((one for one in reversed(nights) if one <= last - AFTERWARDS), nights[-1])


def require_later(pipeline: Pipeline, slices: Mapping[str, Sequence[Slice]], night: date) -> None:
    """Asserts that the night has rows, and that something of every dated feed became known after it.

    Raises:
        DataError: it is not so, and a comparison would prove nothing.
    """
    newest = _newest(pipeline, slices)
    if night not in {one.night for one in slices[pipeline.features.rows] if one.known_night <= night and one.rows}:
        msg = f"`{pipeline.pipeline}` has no validated delivery of `{pipeline.features.rows}` for night {night}: there are no features to look at."
        raise DataError(msg)
    if without := sorted(feed for feed, last in newest.items() if last <= night):
        raise _unproven(pipeline, without, f"night {night}", min(newest.values()))


def _unproven(pipeline: Pipeline, feeds: Sequence[str], night: str, last: date) -> DataError:
    return DataError(
        f"Nothing is proven: nothing of {', '.join(feeds)} became known after {night}, so nothing could be altered. "
        f"Ingest later nights of `{pipeline.pipeline}`, or look at a night before {last}."
    )


def _sums(spark: SparkSession, pipeline: Pipeline, night: date, known: Known) -> dict[str, str]:
    """Per column a sum over the rows of a hash of key and value: equal for the same rows in any order."""
    coverage = {night: Readiness.of(pipeline, night, known.slices).coverage}
    key = pipeline.rows.key
    with feature_frame(spark, pipeline, known.frames, known.slices, coverage, [night]) as frame:
        sums = [F.sum(F.xxhash64(*key, _bits(frame, name), F.isnull(name)).cast("decimal(20,0)")).cast("string").alias(name) for name in frame.columns]
        row = frame.agg(F.count("*").cast("string").alias("rows_"), *sums).first()
    return row.asDict() if row else {}


def _bits(frame: DataFrame, name: str) -> Column:
    # A hash takes 0.0 and -0.0 for the same; as texts they differ.
    return F.col(name).cast("string") if frame.schema[name].dataType.typeName() in {"double", "float"} else F.col(name)


def told(pipeline: Pipeline, night: date, later: Mapping[str, Altered], before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, Any]:
    """What `matins check --leaks` says, as plain data.

    Raises:
        DataError: the night has no feature rows.
    """
    rows, differing = int(before["rows_"]), [name for name in before if before[name] != after.get(name)]
    if not rows:
        msg = f"Nothing is proven: night {night} of `{pipeline.pipeline}` has no feature rows."
        raise DataError(msg)
    differing = ["the number of rows" if name == "rows_" else name for name in differing]
    cells, columns = sum(one.cells for one in later.values()), len(before) - 1
    done = f"{cells} cells that became known after {night} were altered, {sum(one.added for one in later.values())} rows added, "
    done += f"{sum(one.removed for one in later.values())} removed (seed {SEED})"
    what = f"{', '.join(differing)} changed" if after else "its features cannot be computed any more"
    seen = f"{what}: a LEAK" if differing else f"all {columns} columns of its {rows} rows are the same, bit for bit"
    return {
        "pipeline": pipeline.pipeline,
        "night": night,
        "rows": rows,
        "columns": columns,
        "altered": {feed: {"cells": one.cells, "added": one.added, "removed": one.removed} for feed, one in later.items()},
        "seed": SEED,
        "unchanged": not differing,
        "differing": differing,
        "sentence": f"{pipeline.pipeline} {night}: {done}; {seen}.",
    }
