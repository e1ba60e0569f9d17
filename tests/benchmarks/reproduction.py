"""A night of `flights` computed again by the command, in a process of its own, against a minute."""

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

from jobs.config.loading import load_pipeline
from jobs.nightly import chosen
from jobs.nights import span
from jobs.pipelines.flights import deliveries
from jobs.plan import tasks
from jobs.runner import opened
from jobs.work import Options
from tests.benchmarks.measured import ROUNDS, Measured, seconds, settings_in

AS_OF = date(2013, 5, 18)
AT_MOST = 60.0


def measure(folder: Path) -> list[Measured]:
    """The same night several times, Spark's start included."""
    settings, night = settings_in(folder), AS_OF + timedelta(days=1)
    pipeline = load_pipeline("flights", settings)
    list(deliveries(settings.landing, date(2013, 1, 1), night))
    with opened(settings, pipeline, command="bench", options=Options(pages=False)) as run:
        run.walk(chosen(pipeline, steps="raw,validated,features", model=None), span(date(2013, 1, 1), night))
        run.walk([task for task in tasks(pipeline) if task.step.name == "model" and task.item == "delayed"], [AS_OF])
        run.walk(chosen(pipeline, steps="predictions,published", model="delayed"), [night])
    command = [Path(sys.executable).with_name("matins"), "reproduce", "flights.delayed", "--night", str(night)]
    environment = {**os.environ, "MATINS_HOME": str(folder)}
    pairs = [(seconds(lambda: subprocess.run(command, env=environment, check=True, capture_output=True)), AT_MOST) for _ in range(ROUNDS)]
    return [Measured("a night reproduced", pairs, unit="s", at_most=1.0, note="the reference is a minute")]
