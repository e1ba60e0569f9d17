"""The waiting version's scores beside the champion's, and beside the labels that have come: the part in Spark."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lake.local import local_frame
from jobs.model.evaluation.floats import Floats
from jobs.model.labels import read_labels
from jobs.model.registry.version import Version
from jobs.nights import Nights, among
from jobs.performance.counting import tallied
from jobs.performance.labels import versions
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


def realised(work: Work, fresh: DataFrame, nights: Nights, learned: Sequence[tuple[date, date]], version: int, *, few: bool) -> Tallies:
    """The tallies of both versions, of the rows in shadow of which `nights` have learned a label.

    Args:
        work: of the step.
        fresh: the rows of `nights`, which are about to be committed.
        nights: in which labels became known.
        learned: which night has learned labels of which scored night.
        version: the one in shadow.
        few: whether the rows of the scored nights can be sent to every worker.
    """
    scored = sorted({day for _, day in learned})
    if not scored:
        return {}
    labels = read_labels(work.lake, work.model.label_feed).frame.where(F.col("known_night").between(min(scored), max(nights)))
    key, rows = work.pipeline.rows.key, _in_shadow(work, fresh, nights, scored, version)
    rows = F.broadcast(rows) if few else rows
    # Only what is looked for is put in order: with a lag, most labels between are of other nights.
    own = versions(labels.join(rows.select(*key), key, how="left_semi"), work.pipeline, work.item)
    # What each night knew: labels that had come by then and were not replaced.
    told = local_frame(work.lake.spark, learned, "learned date, night date")
    known = own.join(rows, key, how="inner").join(F.broadcast(told), "night", how="inner")
    standing = (F.col("known_night") <= F.col("learned")) & (F.col("until").isNull() | (F.col("until") > F.col("learned"))) & F.col("label").isNotNull()
    sides = F.array(*[F.struct(F.col(score).alias("score"), F.col(number).alias("model_version")) for score, number in SIDES])
    stacked = known.where(standing).select("learned", "night", F.col("label").cast("double").alias("label"), F.inline(sides))
    by_learned: Tallies = {}
    for (night, day, number), tally in tallied(
        stacked, ["learned", "night", "model_version"], constants={}, kind=work.model.type, loss=work.model.loss
    ).items():
        by_learned.setdefault(night, {}).setdefault(day, {})[number] = tally
    return by_learned


def _in_shadow(work: Work, fresh: DataFrame, nights: Nights, scored: Nights, version: int) -> DataFrame:
    """The rows of the scored nights that both versions have scored."""
    columns = [*work.pipeline.rows.key, "night", "score", "champion_score", "model_version", "champion_version"]
    rows = fresh.where(among(scored)).select(*columns)
    if before := sorted({*scored} - {*nights}):
        # The table may not be there yet: then there are no such rows.
        standing = work.lake.read(work.table, before).frame.where(~F.col("restated")).select(*columns) if work.lake.exists(work.table) else rows.limit(0)
        rows = rows.union(standing) if {*scored} & {*nights} else standing
    return rows.where((F.col("model_version") == version) & F.col("champion_score").isNotNull() & (F.col("champion_version") != version))
