"""One night, all steps, session up, without Great Expectations and pages, against a read and a replaceWhere per table written."""

from datetime import date, timedelta
from pathlib import Path

from jobs.config.loading import load_pipeline
from jobs.lake.delta import replace_where
from jobs.nightly import chosen
from jobs.nights import among, span
from jobs.pipelines.flights import deliveries
from jobs.plan import tasks
from jobs.runner import Run, opened
from jobs.work import Options
from tests.benchmarks.measured import ROUNDS, Measured, cost, settings_in

AS_OF = date(2013, 5, 18)
TABLES = ("raw/schedule", "raw/outcomes", "raw/weather", "validated/schedule", "validated/outcomes", "validated/weather")
MADE = ("features", "delayed/predictions", "delayed/drift_report", "delayed/performance")


def measure(folder: Path) -> list[Measured]:
    """A night that was never run, then the same tables of the same night read and replaced as they are."""
    settings = settings_in(folder)
    pipeline = load_pipeline("flights", settings)
    list(deliveries(settings.landing, date(2013, 1, 1), AS_OF + timedelta(days=ROUNDS + 1)))
    nightly = chosen(pipeline, steps=None, model=None)
    with opened(settings, pipeline, command="bench", options=Options(pages=False)) as run:
        run.walk([task for task in nightly if task.step.per != "model"], span(date(2013, 1, 1), AS_OF))
        run.walk([task for task in tasks(pipeline) if task.step.name == "model"], [AS_OF])
        run.walk(nightly, [AS_OF, AS_OF + timedelta(days=1)])  # the first of each kind, and labels for `performance`
        pairs, steps = [], []
        for ahead in range(2, ROUNDS + 2):
            night = AS_OF + timedelta(days=ahead)
            ours = cost(lambda night=night: run.walk(nightly, [night]))
            pairs.append((ours, cost(lambda night=night: _reference(run, night))))
            steps.append(len(nightly))
    note = f"{len(TABLES) + len(MADE)} tables written; checkpoints (every 10th commit) fall on both sides"
    return [Measured("one night, all steps", pairs, at_most=1.5, note=note)]


def _reference(run: Run, night: date) -> None:
    lake = run.work(next(tasks(run.pipeline))).lake
    for table in (*TABLES, *MADE):
        rows = lake.read(table, [night]).frame
        rows.count()
        replace_where(rows.coalesce(1), lake.path(table), among([night]), user_metadata="{}")
