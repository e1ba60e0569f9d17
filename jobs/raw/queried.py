"""Deliveries that are queried from a database: stored in the landing folder as text, then read like any other file."""

from datetime import date
from pathlib import Path
from tempfile import NamedTemporaryFile

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from jobs.addresses import database_url
from jobs.config.feeds import Feed, SqlSource
from jobs.errors import DeliveryError, RetryableError, UsageError
from jobs.raw.deliveries import event_day
from jobs.raw.reading import hash_key_of, keyed_hash, personal_columns
from jobs.settings import value_of


def extract(feed: Feed, source: SqlSource, night: date, folder: Path, *, hash_key: str | None) -> Path:
    """Ask the source for one night and keep the answer as `<night>.parquet`; an equal answer leaves equal bytes.

    Personal columns are dropped or hashed before anything is written.

    Raises:
        UsageError: the variable with the URL is not set, or holds none.
        DeliveryError: the query fails or brings nothing.
        RetryableError: the database is out of reach.
    """
    names, rows = _answer(source, night, event_day(feed, night))
    if not rows:
        msg = f"The query of {source.url} brought no row for night {night}; check the source, then run again."
        raise DeliveryError(msg)
    hashed, dropped, key = personal_columns(feed, "hash"), personal_columns(feed, "drop"), hash_key_of(feed, hash_key)
    # A dropped column keeps its name, so that the contract can tell it from one that the query does not bring.
    columns = {name: [None if name in dropped or row[place] is None else str(row[place]) for row in rows] for place, name in enumerate(names)}
    columns |= {name: [keyed_hash(value, key) for value in columns[name]] for name in hashed if name in columns}
    # A database may answer in any order: sorted, the same rows are the same bytes.
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    return _store(table.sort_by([(name, "ascending") for name in table.column_names]), folder / f"{night}.parquet")


def _answer(source: SqlSource, night: date, day: date) -> tuple[list[str], list[tuple[object, ...]]]:
    url = value_of(source.url)
    if not url:
        msg = f"The pipeline queries {source.url}, which is not set; set it to a SQLAlchemy URL."
        raise UsageError(msg)
    try:
        address = database_url(url)
    except ValueError as error:
        msg = f"{source.url} {error}."
        raise UsageError(msg) from None
    try:
        with create_engine(address, poolclass=NullPool).connect() as connection:  # a range of nights must not hold a connection each
            result = connection.execute(text(source.query), {"night": night.isoformat(), "event_day": day.isoformat()})
            return list(result.keys()), [tuple(row) for row in result]
    except SQLAlchemyError as error:
        # The text of a driver's error may hold the URL and so a password: only its class and first line without it.
        reason = str(getattr(error, "orig", error)).splitlines()[0].replace(url, source.url)[:200]
        msg = f"The query of {source.url} for night {night} failed: {type(error).__name__}: {reason}"
        raise (RetryableError if getattr(error, "connection_invalidated", False) else DeliveryError)(msg) from None


def _store(table: pa.Table, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        pq.write_table(table, file)
    if path.exists() and path.read_bytes() == Path(file.name).read_bytes():
        Path(file.name).unlink()
    else:
        Path(file.name).replace(path)
    return path
