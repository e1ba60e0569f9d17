"""What a test lets another process do: `python -m tests.faults.child ACT ARGUMENTS`."""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from jobs.cli import app, guarded
from jobs.ledger import leases
from jobs.settings import read_settings
from tests.faults import tables


def matins(*arguments: str) -> None:
    """The command."""
    app(list(arguments))


def commit(value: str, rows: str = str(tables.ROWS)) -> None:
    """One commit of one night, under a lease of an hour."""
    leases.LEASE_SECONDS = 3600.0
    tables.commit(_lake(), float(value), rows=int(rows))


def many(first: str, count: str) -> None:
    """Every second night from `first` on, a commit each."""
    lake = _ready()
    for place in range(int(count)):
        tables.commit(lake, float(place), night=tables.after(int(first) + 2 * place))


def many_unlocked(first: str, count: str) -> None:
    """The same through Delta alone: no lease, no lock."""
    from jobs.lake import delta

    lake = _ready()
    for place in range(int(count)):
        night = tables.after(int(first) + 2 * place)
        rows = tables.rows_of(lake.spark, night, float(place)).selectExpr("*", "1 AS generation", "false AS restated")
        delta.replace_where(rows, lake.path(tables.TABLE), f"night = DATE'{night}'", user_metadata="{}")


def hold(resource: str, seconds: str) -> None:
    """Takes a lease of so many seconds, and keeps it until killed."""
    leases.LEASE_SECONDS = float(seconds)
    with leases.lease(tables.ledger_of(read_settings()), resource) as turn:
        _say(turn.token)
        time.sleep(600)


def late(value: str) -> None:
    """Takes the table's lease for a second, and commits only when it is told to: by then it may have been another's turn."""
    leases.LEASE_SECONDS = 1.0
    lake = _lake()
    with leases.lease(lake.ledger, lake.path(tables.TABLE)) as turn:
        frame = tables.rows_of(lake.spark, tables.NIGHT, float(value))
        draft = tables.Draft(night=tables.NIGHT, fingerprint=value)
        _say(turn.token)
        sys.stdin.readline()
        lake._commit(frame, tables.TABLE, [draft], step="things", turn=turn)


def checksums(pipeline: str, night: str) -> None:
    """Runs a night up to its features, and prints what each table holds."""
    from jobs.config.loading import load_pipeline
    from jobs.lake.lake import Lake
    from jobs.lake.session import spark_session

    status = guarded(lambda: matins("run", pipeline, "--night", night, "--steps", "raw,validated,features", "--no-pages", "--json"))
    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    lake = Lake(spark_session(settings), tables.ledger_of(settings), root=settings.lake, pipeline=spec.pipeline, run_id="look")
    found = {table: lake.current(table).get(date.fromisoformat(night)) for table in ("raw/orders", "validated/orders", "features")}
    _say(json.dumps({"status": status, **{table: one and (one.rows, one.checksum) for table, one in found.items()}}))


def publications(pipeline: str, first: str, last: str, portion: str) -> None:
    """Publishes each time it is told to, under the fault that it is told, so many rows at a time; says each night before it does."""
    from jobs.lake.session import spark_session
    from jobs.published import loading, warehouse

    def announced(self: warehouse.Warehouse, night: date, *given: Any) -> None:
        _say(f"publishes {night}")
        publish(self, night, *given)

    publish, loading.PORTION = warehouse.Warehouse.publish, int(portion)  # type: ignore[misc]
    warehouse.Warehouse.publish = announced  # type: ignore[assignment]
    spark_session(read_settings()).conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", portion)
    _say("ready")
    for fault in sys.stdin:
        os.environ["MATINS_FAIL"] = fault.strip()
        status = guarded(lambda: matins("backfill", pipeline, "--from", first, "--to", last, "--steps", "published", "--no-pages"))
        _say(f"done {status}")


def _ready() -> tables.Lake:
    """Two writers begin together, when both have been told."""
    lake = _lake()
    lake.spark.range(1).count()
    _say("ready")
    sys.stdin.readline()
    return lake


def _lake() -> tables.Lake:
    from jobs.lake.session import spark_session

    settings = read_settings()
    return tables.lake_of(settings, spark_session(settings), run_id=f"child {sys.argv[2:]}")


def _say(what: object) -> None:
    print(what, flush=True)  # noqa: T201 - the test reads it


ACTS: dict[str, Callable[..., None]] = {act.__name__: act for act in (matins, commit, many, many_unlocked, hold, late, checksums, publications)}

if __name__ == "__main__":
    sys.exit(guarded(lambda: ACTS[sys.argv[1]](*sys.argv[2:])))
