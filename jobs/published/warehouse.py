"""The warehouse's side: a night's rows and its publish-ledger entry change in one transaction, or not at all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from jobs.config.feeds import ColumnType
from jobs.config.pipeline import Pipeline
from jobs.errors import DataError, RetryableError
from jobs.ledger.ledger import open_engine
from jobs.nights import utc_now

CHUNK: Final = 5000
TYPES: Final[dict[ColumnType, Any]] = {
    "string": String(512),
    "int": BigInteger(),
    "float": Float(53),
    "bool": Boolean(),
    "date": Date(),
    "timestamp": DateTime(timezone=True),
}


def publish_ledger(metadata: MetaData) -> Table:
    """What has been published: one row per night and generation, written with the rows it speaks of."""
    return Table(
        "matins_publish_ledger",
        metadata,
        Column("table_name", String(128), primary_key=True),
        Column("night", Date, primary_key=True),
        Column("generation", Integer, primary_key=True),
        Column("rows", Integer, nullable=False),
        Column("checksum", String(80), nullable=False),
        Column("delta_version", Integer, nullable=False),
        Column("model_version", Integer, nullable=False),
        Column("run_id", String(40), nullable=False),
        Column("published_at", DateTime(timezone=True), nullable=False),
    )


def predictions_table(metadata: MetaData, pipeline: Pipeline, model: str) -> Table:
    """`<pipeline>_<model>_predictions`: the rows' key, and what was predicted by what; a regression has no `predicted`."""
    keys = [Column(name, TYPES[pipeline.rows.columns[name].type], nullable=False) for name in pipeline.rows.key]
    name = f"{pipeline.pipeline}_{model}_predictions"
    return Table(
        name,
        metadata,
        *keys,
        Column("night", Date, nullable=False, index=True),
        Column("score", Float(53), nullable=False),
        *([Column("predicted", Boolean, nullable=False)] if pipeline.models[model].type == "binary" else []),
        Column("model_version", Integer, nullable=False),
        Column("model_digest", String(64), nullable=False),
        Column("generation", Integer, nullable=False),
        Column("run_id", String(40), nullable=False),
        Column("published_at", DateTime(timezone=True), nullable=False),
        UniqueConstraint(*pipeline.rows.key, "night", name=f"uq_{name}"),
    )


@contextmanager
def opened(url: str, pipeline: Pipeline, model: str) -> "Iterator[Warehouse]":
    """One model's side of the warehouse; its connections end with the block."""
    engine = open_engine(url)
    try:
        yield Warehouse(engine, pipeline, model)
    finally:
        engine.dispose()


class Warehouse:
    """One model's table, its view and the publish ledger in one database."""

    def __init__(self, engine: Engine, pipeline: Pipeline, model: str) -> None:
        self.engine, metadata = engine, MetaData()
        self.ledger = publish_ledger(metadata)
        self.table = predictions_table(metadata, pipeline, model)
        self.view = f"{pipeline.pipeline}_{model}_{pipeline.models[model].publish.view}"
        with self.transaction() as connection:
            metadata.create_all(connection)
            if self.view not in inspect(connection).get_view_names():
                columns = ", ".join(column.name for column in self.table.columns)
                connection.execute(text(f"CREATE VIEW {self.view} AS SELECT {columns} FROM {self.table.name}"))

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing.

        Raises:
            RetryableError: the database is locked, full, read-only or out of reach.
            DataError: it refuses the rows.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except OperationalError as error:
            msg = f"The warehouse cannot be written ({error.orig}); it shows what it showed before. Free the lock, the disk or the permission and run again."
            raise RetryableError(msg) from error
        except (DBAPIError, SQLAlchemyError) as error:
            msg = f"The warehouse refused the rows ({str(getattr(error, 'orig', error)).splitlines()[0][:200]}); it shows what it showed before."
            raise DataError(msg) from error

    def published(self) -> dict[date, dict[str, Any]]:
        """Each night's newest entry of the publish ledger."""
        query = select(self.ledger).where(self.ledger.c.table_name == self.table.name).order_by(self.ledger.c.night, self.ledger.c.generation)
        with self.transaction() as connection:
            return {row["night"]: dict(row) for row in connection.execute(query).mappings()}

    def replace(self, night: date, rows: Iterable[list[dict[str, Any]]], entry: dict[str, Any]) -> None:
        """Put a night in the place of what was there, together with its ledger entry.

        Args:
            night: whose rows are replaced.
            rows: in chunks; `published_at` is added.
            entry: the ledger's row without table, night and time; its `rows` must be the number that arrives.

        Raises:
            DataError: another number of rows arrived; nothing is changed.
        """
        now, keys = utc_now(), {"table_name": self.table.name, "night": night}
        with self.transaction() as connection:
            connection.execute(delete(self.table).where(self.table.c.night == night))
            for chunk in rows:
                connection.execute(insert(self.table), [{**row, "published_at": now} for row in chunk])
            stored = connection.execute(select(func.count()).select_from(self.table).where(self.table.c.night == night)).scalar_one()
            if stored != entry["rows"]:
                msg = f"{self.table.name}: {stored} rows of night {night} arrived, {entry['rows']} were committed to the lake; nothing was published."
                raise DataError(msg)
            c = self.ledger.c
            connection.execute(delete(self.ledger).where(c.table_name == self.table.name, c.night == night, c.generation == entry["generation"]))
            connection.execute(insert(self.ledger).values(**keys, published_at=now, **entry))

    def row_counts(self) -> dict[date, int]:
        """Published rows per night."""
        query = select(self.table.c.night, func.count()).group_by(self.table.c.night).order_by(self.table.c.night)
        with self.transaction() as connection:
            return {night: int(count) for night, count in connection.execute(query)}
