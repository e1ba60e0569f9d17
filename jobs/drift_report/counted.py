"""The histograms that a night is judged by: its own, and those of the nights beside it."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.drift_report.histogram import histograms
from jobs.drift_report.judged import SCORE, Counts, base_nights, judged_nights
from jobs.drift_report.reference import Reference
from jobs.model.evaluation.floats import Floats
from jobs.model.registry.version import Version
from jobs.work import Work


def looked_at(work: Work, nights: Sequence[date]) -> list[date]:
    """The nights whose histograms are needed to judge `nights`, these included."""
    drift = work.model.drift
    return sorted({day for night in nights for day in [*judged_nights(drift, night), *base_nights(drift, night)]})


def counts_of(work: Work, version: Version, references: Sequence[Reference], nights: list[date]) -> Counts:
    """The histograms of `nights` and of those that they are judged with: as recorded for the same version, else counted, all in one job.

    Args:
        work: of the step.
        version: that is watched.
        references: its.
        nights: whose predictions it made.
    """
    features = work.lake.current("features")
    beside = {night: features[night].checksum for night in looked_at(work, nights) if night not in nights and night in features}
    recorded = _recorded(work, version, beside)
    wanted = [*nights, *(night for night in beside if night not in recorded)]
    counted = histograms(with_scores(work, sorted(wanted), version), references)
    scored_by = {night: one.detail.get("champion") for night, one in work.lake.current(f"{work.item}/predictions").items()}
    found: dict[date, dict[str, Floats]] = {**recorded}
    for night, counts in counted.items():
        # Another version's scores are another thing, and a night without any has none.
        is_own = scored_by.get(night) == version.version
        found[night] = {one.name: given for one, given in zip(references, counts, strict=True) if one.name != SCORE or is_own}
    return found


def _recorded(work: Work, version: Version, features: Mapping[date, str]) -> dict[date, dict[str, Floats]]:
    """By the ledger, of the nights whose features still have the checksums of those that were counted."""
    current = work.lake.current(work.table)
    wanted = {night: {"champion": version.version, "features": checksum} for night, checksum in features.items() if night in current}
    there = {night: current[night].detail for night, about in wanted.items() if about.items() <= current[night].detail.items()}
    measured = {night: detail["measured"] for night, detail in there.items() if "measured" in detail}
    return {night: {name: np.array(counts, np.float64) for name, counts in zip(one["name"], one["counts"], strict=True)} for night, one in measured.items()}


def with_scores(work: Work, nights: list[date], version: Version) -> DataFrame:
    """The features of the model's population, with the scores of one version where it has given some."""
    keys = [*work.pipeline.rows.key, "night"]
    scores = work.lake.read(f"{work.item}/predictions", nights).frame.where(~F.col("restated"))
    own = scores.where(F.col("model_version") == version.version)
    features = work.lake.read("features", nights).frame.where(~F.col("restated")).where(work.model.population or "true")
    return features.drop("generation", "restated").join(own.select(*keys, SCORE), keys, how="left")
