"""How a night's rows get into the warehouse: by COPY where there is one, else in portions of rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
from sqlalchemy import Connection, Table, insert, text
from sqlalchemy.exc import DBAPIError

from jobs.failpoints import reached
from jobs.ledger.ledger import Slice
from jobs.nights import among

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

PORTION: Final = 5000
"""Rows of an INSERT."""
ALONE: Final = 60_000
"""Rows of a night from which on it is read by itself: to sort it among others would cost more than a job of its own."""
SHARED: Final = ("model_version", "model_digest", "generation", "run_id")
"""What all rows of a night have in common is told once: to send it along with each would double the work."""
Load = Callable[[Connection, datetime], None]
"""Puts a night's rows into its table, in the caller's transaction, with the time of publication."""


class Block(NamedTuple):
    """Rows of one night as CSV."""

    night: date
    content: bytes


def loads(dialect: str, frame: "DataFrame", table: Table, slices: Mapping[date, Slice]) -> Iterator[tuple[date, Load]]:
    """For each night of a frame what loads it; each must be called, if at all, before the next is asked for.

    Args:
        dialect: of the database.
        frame: predictions of some nights.
        table: where they belong.
        slices: what the lake records of each of the nights.
    """
    own = frame.select(*[column.name for column in table.columns if column.name not in {*SHARED, "published_at"}])
    if dialect == "postgresql":
        for night, blocks in groupby(_blocks(own, slices), key=lambda block: block.night):
            yield night, partial(_copy, table, own.columns, _shared(slices[night]), blocks)
    else:
        for night, rows in groupby(own.orderBy("night").toLocalIterator(), key=lambda row: row["night"]):
            yield night, partial(_insert, table, _shared(slices[night]), rows)


def _shared(one: Slice) -> dict[str, Any]:
    return dict(zip(SHARED, (one.detail["champion"], one.detail["digest"], one.generation, one.run_id), strict=True))


def _insert(table: Table, shared: Mapping[str, Any], rows: Iterator["Row"], connection: Connection, now: datetime) -> None:
    while portion := list(islice(rows, PORTION)):
        connection.execute(insert(table), [{**row.asDict(), **shared, "published_at": now} for row in portion])
        reached("published.in_load")


def _copy(table: Table, columns: list[str], shared: Mapping[str, Any], blocks: Iterable[Block], connection: Connection, now: datetime) -> None:
    """Into a table of this transaction alone, and from there to where they belong: a COPY that breaks off leaves nothing."""
    told, quote = {**shared, "published_at": now}, connection.dialect.identifier_preparer.quote
    listed = ", ".join(map(quote, columns))
    connection.execute(text(f"CREATE TEMP TABLE stage_ ON COMMIT DROP AS SELECT {listed} FROM {table.name} WITH NO DATA"))
    statement = f"COPY stage_ ({listed}) FROM STDIN (FORMAT csv)"
    with _as_sqlalchemy(connection, statement), connection.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
        for block in blocks:
            copy.write(block.content)
            reached("published.in_load")
    into = f"INSERT INTO {table.name} ({listed}, {', '.join(map(quote, told))})"
    connection.execute(text(f"{into} SELECT {listed}, {', '.join(f':{name}' for name in told)} FROM stage_"), told)


@contextmanager
def _as_sqlalchemy(connection: Connection, statement: str) -> Iterator[None]:
    """SQLAlchemy knows nothing of COPY, so that the driver's errors would come as they are."""
    driver = connection.dialect.loaded_dbapi.Error
    try:
        yield
    except driver as error:
        raise DBAPIError.instance(statement, None, error, driver, dialect=connection.dialect) from error


def _blocks(frame: "DataFrame", slices: Mapping[date, Slice]) -> Iterator[Block]:
    """CSV, made where the rows lie and handed over partition by partition, night by night."""
    nights = sorted(slices)
    for some in [[night] for night in nights] if max(one.rows for one in slices.values()) > ALONE else [nights]:
        rows = frame.where(among(some))
        found = (rows.orderBy("night") if len(some) > 1 else rows).mapInArrow(_as_csv, "night date, content binary")
        for row in found.toLocalIterator(prefetchPartitions=True):
            yield Block(row["night"], bytes(row["content"]))


def _as_csv(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A block for each stretch of rows of one night."""
    import numpy as np
    from pyarrow import csv

    plain = csv.WriteOptions(include_header=False)
    for batch in batches:
        nights = batch.column("night").cast(pa.int32()).to_numpy()
        ends = [*np.flatnonzero(np.diff(nights)) + 1, len(nights)]
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            buffer = pa.BufferOutputStream()
            csv.write_csv(batch.slice(start, end - start), buffer, plain)
            yield pa.RecordBatch.from_arrays(
                [batch.column("night").slice(start, 1), pa.array([buffer.getvalue().to_pybytes()], pa.binary())], ["night", "content"]
            )
