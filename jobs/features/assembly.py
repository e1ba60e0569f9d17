"""The features of some nights out of what the lake holds: as a run computes them, and as they are computed again from an earlier state of the lake."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pyspark.sql import DataFrame

from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.features.frame import feature_frame
from jobs.features.readiness import Readiness
from jobs.lake.lake import Lake, cached
from jobs.ledger.ledger import Slice
from jobs.nights import Nights, span


@dataclass(frozen=True)
class Assembled:
    """Features of some nights."""

    frame: DataFrame
    inputs: Mapping[str, int]
    """The versions of the tables that they were made from."""


@contextmanager
def assembled(lake: Lake, pipeline: Pipeline, slices: Mapping[str, Sequence[Slice]], nights: Nights, *, restate: bool) -> Iterator[Assembled]:
    """The features of `nights`, computed once and to be used within the block.

    Args:
        lake: as in `planned`; `pipeline`, `slices`, `nights` and `restate` likewise.

    Raises:
        DataError: two rows share a key.
    """
    with planned(lake, pipeline, slices, nights, restate=restate) as found, cached(found.frame):
        require_unique(found.frame, [*pipeline.rows.key, "night"])
        yield found


@contextmanager
def planned(lake: Lake, pipeline: Pipeline, slices: Mapping[str, Sequence[Slice]], nights: Nights, *, restate: bool) -> Iterator[Assembled]:
    """The features of `nights` and, as views, what they are computed from; nothing is computed before it is asked for.

    Args:
        lake: holds the validated feeds.
        pipeline: whose features.
        slices: of the validated feeds, as `known` gives them.
        nights: distinct nights that have what they rest on, oldest first.
        restate: with today's knowledge.
    """
    pinned = {feed: lake.read(f"validated/{feed}", looked_at(pipeline, feed, nights)) for feed in pipeline.features.feeds}
    frames = {feed: _restated(one.frame) if restate else one.frame for feed, one in pinned.items()}
    coverage = {night: Readiness.of(pipeline, night, slices).coverage for night in nights}
    with feature_frame(lake.spark, pipeline, frames, slices, coverage, nights) as frame:
        yield Assembled(frame, {f"validated/{feed}": one.version for feed, one in pinned.items()})


def known(lake: Lake, pipeline: Pipeline, *, restate: bool) -> dict[str, list[Slice]]:
    """The validated slices of each feed that features are made of; a restatement sees each delivery's newest generation as if it had come in its own night."""
    slices = {feed: lake.slices(f"validated/{feed}") for feed in pipeline.features.feeds}
    if not restate:
        return slices
    newest = {feed: list({one.night: one for one in found}.values()) for feed, found in slices.items()}
    return {feed: [replace(one, known_night=one.night) for one in found] for feed, found in newest.items()}


def looked_at(pipeline: Pipeline, feed: str, nights: Sequence[date]) -> list[date] | None:
    """The nights whose deliveries of a feed `nights` look at; None for a table without nights, which is looked at as a whole."""
    return None if pipeline.feeds[feed].undated else span(min(nights) - timedelta(days=pipeline.nights_back(feed)), max(nights))


def _restated(frame: DataFrame) -> DataFrame:
    return frame.withColumn("known_night", frame.night)


def require_unique(frame: DataFrame, keys: Sequence[str]) -> None:
    """Asserts that no two rows share the keys.

    Raises:
        DataError: two do; the text shows one example.
    """
    twice = frame.groupBy(*keys).count().where("count > 1").first()
    if twice:
        msg = f"Two feature rows have the key {twice.asDict()}; a join of the features is not by a unique key, or a plug-in repeats rows."
        raise DataError(msg)
