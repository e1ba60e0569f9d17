"""What a home folder holds, read without creating anything in it: for commands that only look."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import inspect
from sqlalchemy.engine import make_url

from jobs.config.pipeline import Pipeline
from jobs.ledger.engines import file_of, open_engine
from jobs.ledger.ledger import Ledger
from jobs.plan import Task
from jobs.settings import Settings
from jobs.work import Work

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.lake.lake import Lake
    from jobs.published.warehouse import Warehouse


def is_there(url: str) -> bool:
    """False for a SQLite file that nobody has made yet; a server is taken to be there."""
    parsed = make_url(url)
    return parsed.get_backend_name() != "sqlite" or file_of(parsed).is_file()


def ledger_to_read(settings: Settings) -> Ledger:
    """The ledger; an empty one in memory where none was made yet."""
    if is_there(settings.ledger_url):
        return Ledger.of(settings)
    with tempfile.TemporaryDirectory() as folder:
        return Ledger("sqlite://", home=Path(folder))


def lake_to_read(settings: Settings, pipeline: Pipeline, spark: "SparkSession") -> "Lake":
    """The pipeline's tables, of no run."""
    from jobs.lake.lake import Lake

    return Lake(spark, ledger_to_read(settings), root=settings.lake, pipeline=pipeline.pipeline, run_id="")


def recorded_lake(settings: Settings, pipeline: Pipeline, ledger: Ledger) -> "Lake":
    """The pipeline's tables as far as the ledger has them on record: no Spark is started, and no table is looked at."""
    from jobs.lake.lake import Lake

    class Recorded(Lake):
        def _take_in(self, table: str) -> None:
            """Nothing: only a run brings the ledger up to what the tables record."""

    nowhere = cast("Any", None)
    return Recorded(nowhere, ledger, root=settings.lake, pipeline=pipeline.pipeline, run_id="")


def work_to_read(settings: Settings, pipeline: Pipeline, ledger: Ledger, task: Task) -> Work:
    """A task's work on what is on record."""
    return Work(settings, pipeline, task, recorded_lake(settings, pipeline, ledger), ledger, run_id="")


@dataclass(frozen=True)
class Shown:
    """What the warehouse shows of one model: its publish ledger's newest entries, and the rows that are really there."""

    entries: Mapping[date, dict[str, Any]]
    rows: Mapping[date, int]


@contextmanager
def warehouse_to_read(settings: Settings, pipeline: Pipeline, model: str) -> "Iterator[Warehouse | None]":
    """One model's side of the warehouse; None where it or its table was not made yet."""
    from jobs.published.tables import table_name
    from jobs.published.warehouse import Warehouse

    if not is_there(settings.warehouse_url):
        yield None
        return
    engine = open_engine(settings.warehouse_url)
    try:
        yield Warehouse(engine, pipeline, model) if inspect(engine).has_table(table_name(pipeline, model)) else None
    finally:
        engine.dispose()


def entries(settings: Settings, pipeline: Pipeline, model: str) -> dict[date, dict[str, Any]]:
    """What the publish ledger says that the warehouse shows of a model; its rows are not counted."""
    with warehouse_to_read(settings, pipeline, model) as warehouse:
        return warehouse.published() if warehouse else {}


def published(settings: Settings, pipeline: Pipeline, model: str) -> Shown:
    """What is published of a model; nothing where the warehouse or its tables were not made yet."""
    with warehouse_to_read(settings, pipeline, model) as warehouse:
        return Shown(warehouse.published(), warehouse.row_counts()) if warehouse else Shown({}, {})
