"""What a lake holds for judging signals: a version's yardstick, and the histograms of the nights that it scored."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
from pyspark.sql import functions as F

from jobs.config.drift import Drift
from jobs.config.pipeline import Pipeline
from jobs.drift_report.judged import Yardstick
from jobs.errors import DataError
from jobs.ledger.ledger import Ledger
from jobs.model.evaluation.floats import Floats
from jobs.model.reference import read_references
from jobs.model.registry.champion import registry_of
from jobs.nights import Nights
from jobs.reading import lake_to_read
from jobs.settings import Settings
from jobs.watch.on_record import read_facts
from jobs.watch.worth import Worth, of_drift, of_signals


def measured(settings: Settings, pipeline: Pipeline, model: str, nights: Nights, done: Callable[[str], None]) -> list[Worth]:
    """What each signal was worth in `nights`, of the version that scored most of them; nothing is written.

    Raises:
        DataError: no night has been measured, or the histograms are of an earlier release.
    """
    from jobs.lake.session import spark_session

    lake, ledger = lake_to_read(settings, pipeline, spark_session(settings)), Ledger.of(settings)
    rows = lake.read(f"{model}/drift_report", nights).frame.where(F.col("counts").isNotNull()).select("night", "name", "counts", "model_version").toPandas()
    if rows.empty:
        msg = f"`{pipeline.pipeline}.{model}` has no drift report of {nights[0]} to {nights[-1]}; run the steps drift_report and performance of these nights."
        raise DataError(msg)
    version = int(rows["model_version"].mode()[0])
    counts: dict[date, dict[str, Floats]] = {}
    own_rows = rows[rows["model_version"] == version]
    for night, name, given in zip(own_rows["night"], own_rows["name"], own_rows["counts"], strict=True):
        counts.setdefault(night, {})[name] = np.array(given, dtype=np.float64)
    references, own = read_references(registry_of(settings).version(f"{pipeline.pipeline}.{model}", version))
    facts = read_facts(ledger, pipeline, model)
    facts = replace(facts, drift={night: given for night, given in facts.drift.items() if night in counts})
    seed = pipeline.models[model].seed

    def yardstick(drift: Drift) -> Yardstick:
        return Yardstick(references, own, drift)

    return [*of_signals(facts, seed=seed, done=done), *of_drift(facts, counts, yardstick, seed=seed, done=done)]
