"""Features of past nights computed again as they would have been had a feed come a day later, or not at all."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.features.assembly import known, looked_at
from jobs.features.frame import feature_frame
from jobs.features.readiness import Readiness
from jobs.features.sources import without
from jobs.lake.lake import Lake
from jobs.lake.wording import spark_errors
from jobs.ledger.ledger import Slice

Fault = Literal["late", "absent"]


def recomputed(rows: pd.DataFrame, *, lake: Lake, pipeline: Pipeline, feed: str, fault: Fault) -> pd.DataFrame:
    """The rows in their order, what comes from one feed computed again from the lake with the fault in it.

    Args:
        rows: stored features of some nights.
        lake: holds the validated feeds; nothing is written to it.
        pipeline: whose features.
        feed: not the one whose rows are scored: without it there is nothing to compute.
        fault: `late`: every delivery becomes known a day later than it did, so that each night does without the newest. `absent`: there are none.

    Raises:
        DataError: they cannot be computed, or a row is no longer there.
        RetryableError: Spark is gone, or the disk full.
    """
    nights, key, only = sorted(set(rows["night"])), [*pipeline.rows.key, "night"], _only(pipeline, feed)
    slices = known(lake, only, restate=False)
    frames = {name: lake.read(f"validated/{name}", looked_at(only, name, nights)).frame for name in only.features.feeds}
    frames[feed], slices[feed] = _faulty(frames[feed], slices[feed], fault)
    coverage = {night: Readiness.of(only, night, slices).coverage for night in nights}
    try:
        with spark_errors(), feature_frame(lake.spark, only, frames, slices, coverage, nights) as frame:
            # A plug-in may make anything of anything.
            own = [name for name in frame.columns if name not in key] if pipeline.features.plug_in else [*without(pipeline, feed)]
            found = frame.select(*key, *own).toPandas()
    except DataError as error:
        msg = f"with `{feed}` {fault}, the features of {nights[0]} to {nights[-1]} cannot be computed: {error}"
        raise DataError(msg) from None
    placed = rows[key].merge(found, on=key, how="left", indicator="placed_")
    if lost := int((placed["placed_"] != "both").sum()) or len(placed) - len(rows):
        msg = f"with `{feed}` {fault}, {lost} of {len(rows)} rows are not found once in the features of {nights[0]} to {nights[-1]}"
        raise DataError(msg)
    return rows.reset_index(drop=True).assign(**{name: placed[name] for name in own})


def _only(pipeline: Pipeline, feed: str) -> Pipeline:
    """The pipeline with only those of its features that come from the feed or the scored row: the others stay as they are stored."""
    features = pipeline.features
    if features.plug_in:
        return pipeline
    parts = {part: {name: one for name, one in getattr(features, part).items() if name == feed} for part in ("lookup", "latest", "history")}
    return pipeline.model_copy(update={"features": features.model_copy(update=parts)})


def _faulty(frame: DataFrame, slices: Sequence[Slice], fault: Fault) -> tuple[DataFrame, list[Slice]]:
    if fault == "absent":
        return frame.where(F.lit(False)), []
    later = [replace(one, known_night=one.known_night + timedelta(days=1)) for one in slices]
    return frame.withColumn("known_night", F.date_add("known_night", 1)), later
