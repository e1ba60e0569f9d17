"""A year's predictions by the step itself, against one bare Spark job that reads the same features, scores them and writes the same rows."""

import shutil
from datetime import date
from pathlib import Path

from pyspark.sql import functions as F

from jobs.config.loading import load_pipeline
from jobs.model.registry.champion import registry_of
from jobs.nights import span
from jobs.pipelines.flights import deliveries
from jobs.plan import tasks
from jobs.predictions.step import _predictions
from jobs.runner import Run, opened
from jobs.work import Options
from tests.benchmarks.measured import Measured, in_turn, settings_in

YEAR, AS_OF, MODEL = span(date(2013, 1, 1), date(2013, 12, 31)), date(2013, 5, 18), "delayed"


def measure(folder: Path) -> list[Measured]:
    """Each time into a table that does not exist yet."""
    settings = settings_in(folder)
    pipeline = load_pipeline("flights", settings)
    list(deliveries(settings.landing, YEAR[0], YEAR[-1]))
    with opened(settings, pipeline, command="bench", options=Options(pages=False)) as run:
        run.walk([task for task in tasks(pipeline) if task.step.name in {"raw", "validated", "features"}], YEAR)
        run.walk([task for task in tasks(pipeline) if task.step.name == "model" and task.item == MODEL], [AS_OF])
        return [compared(run, folder / "bare")]


def compared(run: Run, bare: Path) -> Measured:
    """In a home that has the features of the year and a champion."""
    task = next(task for task in tasks(run.pipeline) if task.step.name == "predictions" and task.item == MODEL)
    work, rows = run.work(task), set[int]()

    def ours(_: int) -> None:
        shutil.rmtree(work.lake.path(task.table), ignore_errors=True)
        rows.add(run.do(task, YEAR).rows)

    def reference(n: int) -> None:
        champion = registry_of(run.settings).champion(work.model_name)
        assert champion
        scores = _predictions(work, work.lake.read("features"), champion)
        scores.withColumns({"generation": F.lit(1), "restated": F.lit(False)}).write.format("delta").save(str(bare / f"{n}"))

    pairs = in_turn(ours, reference)
    return Measured("predictions of a year", pairs, at_most=1.5, note=f"{len(YEAR)} nights, {rows.pop():,} rows")
