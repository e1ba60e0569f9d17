"""How a night's rows get into the warehouse: by COPY where there is one, else in portions of rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
from sqlalchemy import Connection, Table, insert, text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

PORTION: Final = 5000
"""Rows of an INSERT."""
Load = Callable[[Connection, datetime], None]
"""Puts a night's rows into its table, in the caller's transaction, with the time of publication."""


class Block(NamedTuple):
    """Rows of one night as CSV."""

    night: date
    content: bytes


def loads(dialect: str, frame: "DataFrame", table: Table, columns: Sequence[str]) -> Iterator[tuple[date, Load]]:
    """For each night of a frame what loads it; each must be called, if at all, before the next is asked for.

    Args:
        dialect: of the database.
        frame: predictions of some nights.
        table: where they belong.
        columns: the frame's, all of the table but `published_at`.
    """
    if dialect == "postgresql":
        for night, blocks in groupby(_blocks(frame), key=lambda block: block.night):
            yield night, partial(_copy, table, columns, blocks)
    else:
        for night, rows in groupby(frame.orderBy("night").toLocalIterator(), key=lambda row: row["night"]):
            yield night, partial(_insert, table, rows)


def _insert(table: Table, rows: Iterator["Row"], connection: Connection, now: datetime) -> None:
    while portion := list(islice(rows, PORTION)):
        connection.execute(insert(table), [{**row.asDict(), "published_at": now} for row in portion])


def _copy(table: Table, columns: Sequence[str], blocks: Iterable[Block], connection: Connection, now: datetime) -> None:
    """Into a table of this transaction alone, and from there to where they belong: a COPY that breaks off leaves nothing."""
    listed = ", ".join(map(connection.dialect.identifier_preparer.quote, columns))
    connection.execute(text(f"CREATE TEMP TABLE stage_ ON COMMIT DROP AS SELECT {listed} FROM {table.name} WITH NO DATA"))
    with connection.connection.cursor() as cursor, cursor.copy(f"COPY stage_ ({listed}) FROM STDIN (FORMAT csv)") as copy:  # type: ignore[attr-defined]
        for block in blocks:
            copy.write(block.content)
    connection.execute(text(f"INSERT INTO {table.name} ({listed}, published_at) SELECT {listed}, :now FROM stage_"), {"now": now})


def _blocks(frame: "DataFrame") -> Iterator[Block]:
    """CSV, made where the rows lie and handed over partition by partition, night by night."""
    found = frame.orderBy("night").mapInArrow(_as_csv, "night date, content binary")
    return (Block(row["night"], bytes(row["content"])) for row in found.toLocalIterator())


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
