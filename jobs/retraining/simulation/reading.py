"""Reads what a simulation replays, once: features, and labels with the nights from which on they were known."""

from collections.abc import Iterable
from datetime import date, timedelta

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.pipeline import Pipeline
from jobs.drift_report.judged import base_nights, judged_nights
from jobs.errors import DataError, UsageError
from jobs.features.compile import coverage_columns
from jobs.lake.lake import Lake
from jobs.memory import available_memory_mb
from jobs.model.labels import read_labels
from jobs.model.rows import BYTES_PER_VALUE, Rows, feature_columns
from jobs.nights import Nights, in_words, span
from jobs.performance.labels import versions
from jobs.retraining.simulation.history import History, Labels


def read_history(lake: Lake, pipeline: Pipeline, model: str, *, learned_from: date, nights: Nights) -> History:
    """The rows of the nights to replay and of those before them that trainings and drift look at.

    Args:
        lake: of the pipeline.
        pipeline: whose.
        model: whose population and label.
        learned_from: the first night that the first champion is trained on.
        nights: to replay.

    Raises:
        DataError: features or labels of a night have never been made.
        UsageError: the rows are more than this machine has memory for.
    """
    spec, key = pipeline.models[model], pipeline.rows.key
    _require_made(lake, pipeline, spec.label_feed, span(learned_from, nights[-1]))
    beside = [*judged_nights(spec.drift, nights[0]), *base_nights(spec.drift, nights[0])]
    first, features = min([learned_from, *beside]), lake.read("features").frame
    wanted = features.where(F.col("night").between(first, nights[-1]) & ~F.col("restated")).where(spec.population or "true")
    _require_memory(wanted)
    frame = wanted.toPandas().sort_values(["night", *key], ignore_index=True)
    rows = Rows(frame, feature_columns(features, pipeline, leave_out=spec.left_out), tuple(coverage_columns(pipeline)))
    labels = versions(read_labels(lake, spec.label_feed).frame, pipeline, model).toPandas()
    return History(rows, Labels.of(frame, with_withdrawals(labels, key), key))


def with_withdrawals(labels: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Versions of labels, and an empty one for each that ended without another in its place.

    Args:
        labels: `key`, `known_night`, `until` (missing: to this day) and `label`.
        key: of the rows.
    """
    ended = labels[labels["until"].notna()].drop(columns=["known_night", "label"]).rename(columns={"until": "known_night"})
    both = pd.concat([labels.drop(columns="until"), ended], ignore_index=True)
    return both.drop_duplicates([*key, "known_night"], keep="first", ignore_index=True)


def _require_made(lake: Lake, pipeline: Pipeline, label_feed: str, nights: Nights) -> None:
    delivered = max(nights[0] + timedelta(days=pipeline.feeds[label_feed].lag), pipeline.first_delivery(label_feed))
    wanted = {"features": nights, f"validated/{label_feed}": span(delivered, nights[-1])}
    if lacking := {table: found for table, some in wanted.items() if (found := _never_made(lake, table, some))}:
        listed = "; ".join(f"`{table}` lacks {in_words(some)}" for table, some in lacking.items())
        make = f"matins backfill {pipeline.pipeline} --from {pipeline.nights.from_} --to {nights[-1]} --steps raw,validated,features"
        msg = f"Not all nights are there to be replayed: {listed}. Make them first: {make}."
        raise DataError(msg)


def _never_made(lake: Lake, table: str, nights: Iterable[date]) -> list[date]:
    # A night that was run and has come to nothing, since it is red or its delivery was never sent, is replayed as what it was.
    run = {one["night"] for one in lake.ledger.night_states(lake.pipeline) if one["table_name"] == table}
    return sorted(set(nights) - set(lake.current(table)) - run)


def _require_memory(wanted: DataFrame) -> None:
    rows, columns, free = wanted.count(), len(wanted.columns), available_memory_mb()
    if (needed := rows * columns * BYTES_PER_VALUE / 2**20) > free:
        msg = (
            f"The nights to replay hold {rows} rows of {columns} columns, which take about {needed:.0f} MiB to train on and to judge; "
            f"{free:.0f} MiB are free here. Replay fewer nights, or where there is more memory."
        )
        raise UsageError(msg)
