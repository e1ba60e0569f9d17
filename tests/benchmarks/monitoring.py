"""A night with monitoring against the same night without, and the report's page of a year against five seconds."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from jobs.config.loading import load_pipeline
from jobs.ledger.ledger import Ledger
from jobs.nightly import chosen
from jobs.nights import span
from jobs.pipelines.flights import deliveries
from jobs.plan import Task, tasks
from jobs.report.index import index_of
from jobs.report.links import Pages
from jobs.report.page import index_page
from jobs.report.records import read_records
from jobs.runner import Run, opened
from jobs.work import Options
from tests.benchmarks.measured import ROUNDS, Measured, cost, seconds, settings_in
from tests.unit.jobs.report.made_year import SCORED_FROM, YEAR, write_year

AS_OF: Final = date(2013, 5, 18)
MONITORING: Final = ("drift_report", "performance", "retraining", "alerts", "report")
PAGE_ALLOWED: Final = 5.0
Pair = tuple[float, float]


def measure(folder: Path) -> list[Measured]:
    """As cron and Dagster run nights, each in a process of its own, and beside it in one that has done a night before."""
    home = folder / "nights"
    list(deliveries(home / "landing", date(2013, 1, 1), AS_OF + timedelta(days=2 * ROUNDS + 2)))
    _alone(_begun, home, AS_OF)
    later = [AS_OF + timedelta(days=2 * number) for number in range(1, ROUNDS + 1)]
    found = [_alone(_two_nights, home, night) for night in later]
    page = [_page(folder / f"year{number}") for number in range(ROUNDS)]
    note = "the warmer the process, the less of its cost is Spark's start and compiler, which the steps share"
    return [
        Measured("a night with monitoring, in its own process", [first for first, _ in found], at_most=1.3),
        Measured("a night with monitoring, in a warm process", [second for _, second in found], note=note),
        Measured("the page of a year of two models", page, unit="s", at_most=1, note="reference: 5 s"),
    ]


def _alone(work: Callable[[Path, date], list[Pair]], home: Path, night: date) -> list[Pair]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, home, night).result()


def _begun(home: Path, night: date) -> list[Pair]:
    """A history, a champion and the first nights that it scored."""
    with _run(home) as run:
        run.walk([task for task in chosen(run.pipeline, steps=None, model=None) if task.step.per != "model"], span(date(2013, 1, 1), night))
        run.walk([task for task in tasks(run.pipeline) if task.step.name == "model"], [night])
        run.walk(chosen(run.pipeline, steps=None, model=None), [night, night + timedelta(days=1)])
    return []


def _two_nights(home: Path, night: date) -> list[Pair]:
    with _run(home) as run:
        return [_night(run, night), _night(run, night + timedelta(days=1))]


def _run(home: Path) -> AbstractContextManager[Run]:
    settings = settings_in(home)
    return opened(settings, load_pipeline("flights", settings), command="bench", options=Options(pages=False))


def _night(run: Run, night: date) -> Pair:
    """CPU seconds of all steps, and of those without monitoring; steps in the order of the plan."""
    spent = {True: 0.0, False: 0.0}
    for task in chosen(run.pipeline, steps=None, model=None):
        spent[_watches(task)] += cost(lambda task=task: run.walk([task], [night]))
    return spent[True] + spent[False], spent[False]


def _watches(task: Task) -> bool:
    return task.step.name in MONITORING


def _page(home: Path) -> Pair:
    settings = settings_in(home)
    ledger, pipeline = Ledger.of(settings), load_pipeline("flights", settings)
    write_year(ledger, pipeline)
    scored = [night for night in YEAR if night >= SCORED_FROM]

    def made() -> None:
        records = read_records(ledger, pipeline, settings)
        pages = Pages.of(settings.reports / "flights", scored)
        index_page(index_of(records, pages), records)

    return seconds(made), PAGE_ALLOWED
