"""A year's deliveries judged by every rule and split, against: read, drop duplicates, write."""

from datetime import date
from pathlib import Path

from jobs.config.loading import load_pipeline
from jobs.lake.session import spark_session
from jobs.nightly import chosen
from jobs.nights import span
from jobs.pipelines.flights import deliveries
from jobs.runner import opened
from jobs.validated.counts import counts
from jobs.validated.judged import judged
from jobs.validated.split import split
from jobs.validated.tables import table_results
from jobs.validated.typed import typed
from tests.benchmarks.measured import Measured, in_turn, settings_in


def measure(folder: Path) -> list[Measured]:
    """The pure part on 336,776 rows of outcomes, with implicit and written rules."""
    settings = settings_in(folder)
    pipeline = load_pipeline("flights", settings)
    list(deliveries(settings.landing, date(2013, 1, 1), date(2013, 12, 31)))
    with opened(settings, pipeline, command="bench") as run:
        raw_of_outcomes = [task for task in chosen(pipeline, steps="raw", model=None) if task.item == "outcomes"]
        run.walk(raw_of_outcomes, span(date(2013, 1, 1), date(2013, 12, 31)))
    spark, feed, path = spark_session(settings), pipeline.feeds["outcomes"], f"{settings.lake}/flights/raw/outcomes"

    def ours(n: int) -> None:
        with judged(typed(spark.read.format("delta").load(path), feed), feed) as rows:
            counts(rows, feed)
            table_results(rows, feed)
            good, bad = split(rows, feed)
            good.write.format("delta").save(str(folder / f"good{n}"))
            bad.write.format("delta").save(str(folder / f"bad{n}"))

    def reference(n: int) -> None:
        spark.read.format("delta").load(path).dropDuplicates(["night", *feed.key]).write.format("delta").save(str(folder / f"plain{n}"))

    return [Measured("validation of a year", in_turn(ours, reference), at_most=1.5, note=f"{len(feed.expect)} written rules, the implicit ones beside")]
