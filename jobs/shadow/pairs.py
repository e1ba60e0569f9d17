"""The waiting version's scores beside the champion's, and beside the labels that have come: the part in Spark."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.model.evaluation.floats import Floats
from jobs.model.labels import read_labels
from jobs.model.registry.version import Version
from jobs.nights import Nights, among, span
from jobs.performance.counting import tallied
from jobs.performance.labels import arrived
from jobs.predictions.score import predicted
from jobs.work import Work

SIDES: Final = (("score", "model_version"), ("champion_score", "champion_version"))
EPOCH: Final = date(1970, 1, 1).toordinal()
FEW: Final = 2_000_000
"""Scores of the champion that are sent to every worker, so that nothing need be sorted to be paired."""
Tallies = dict[date, dict[date, dict[int, Floats]]]
"""By night that learned labels, by scored night, by version: a tally."""


def paired(work: Work, version: Version, nights: Nights, *, rows: int) -> tuple[DataFrame, dict[str, int]]:
    """One row per row that `version` scores, the champion's score beside it, and the versions of the tables that were read.

    Args:
        work: of the step.
        version: the one in shadow.
        nights: to score, each with predictions.
        rows: how many they have, about.

    Raises:
        DataError: the version does not fit the features.
    """
    features, scores = work.lake.read("features", nights), work.lake.read(f"{work.item}/predictions", nights)
    key = [*work.pipeline.rows.key, "night"]
    ours = predicted(features.frame.where(~F.col("restated")), work.pipeline, work.item, version)
    names = {name: f"champion_{name}" for name in ("score", "predicted") if name in ours.columns} | {"model_version": "champion_version"}
    theirs = scores.frame.where(~F.col("restated")).select(*key, *[F.col(name).alias(other) for name, other in names.items()])
    together = ours.join(F.broadcast(theirs) if rows <= FEW else theirs, key, how="left")
    provenance = {"features_version": F.lit(features.version), "run_id": F.lit(work.run_id)}
    return together.withColumns(provenance), {"features": features.version, f"{work.item}/predictions": scores.version}


def by_night(pairs: DataFrame) -> Mapping[date, pd.DataFrame]:
    """The scores of both, night by night, on this machine."""
    columns = [name for name in ("score", "predicted", "champion_score", "champion_predicted") if name in pairs.columns]
    # Days as numbers: a million dates are a million objects.
    rows = pairs.select(F.unix_date("night").alias("day"), *columns).toPandas()
    return {date.fromordinal(EPOCH + day): rows[rows["day"] == day] for day in sorted({*rows["day"].tolist()})}


def realised(work: Work, fresh: DataFrame, nights: Nights, oldest: date, version: int) -> Tallies:
    """The tallies of both versions, of the rows in shadow of which `nights` have learned a label.

    Args:
        work: of the step.
        fresh: the rows of `nights`, which are about to be committed.
        nights: in which labels became known.
        oldest: the first night whose label may have come.
        version: the one in shadow.
    """
    scored = span(oldest, max(nights))
    columns = [*work.pipeline.rows.key, "night", "score", "champion_score", "model_version", "champion_version"]
    rows = fresh.select(*columns)
    if work.lake.exists(work.table):
        standing = work.lake.read(work.table, scored).frame.where(~F.col("restated") & ~F.expr(among(nights)))
        rows = standing.select(*columns).union(rows)
    both = rows.where((F.col("model_version") == version) & F.col("champion_score").isNotNull() & (F.col("champion_version") != version))
    sides = F.array(*[F.struct(F.col(score).alias("score"), F.col(number).alias("model_version")) for score, number in SIDES])
    stacked = both.select(*work.pipeline.rows.key, "night", F.lit(False).alias("restated"), F.explode(sides).alias("side"))
    scores = stacked.select("*", "side.score", "side.model_version").drop("side")
    labels = read_labels(work.lake, work.model.label_feed).frame.where(F.col("known_night").between(oldest, max(nights)))
    known = arrived(labels, scores, work.pipeline, work.item, nights)
    found = tallied(known, ["night", "scored_night", "model_version"], constants={}, kind=work.model.type, loss=work.model.loss)
    by_learned: Tallies = {}
    for (night, day, number), tally in found.items():
        by_learned.setdefault(night, {}).setdefault(day, {})[number] = tally
    return by_learned
