"""The warehouse's side: a night's rows, its publish-ledger entry and what the views show change in one transaction, or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, Engine, MetaData, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from jobs.config.pipeline import Pipeline
from jobs.errors import DataError, RetryableError
from jobs.failpoints import reached
from jobs.ledger.engines import open_engine
from jobs.nights import utc_now
from jobs.published import contract, tables, views
from jobs.published.loading import Load
from jobs.published.migration import migrate
from jobs.published.sums import Sums, require_same, sums_in

LOCK_SECONDS: Final = 10
"""So long another transaction's lock is waited for."""


class OutOfReachError(RetryableError):
    """The database did not answer, or not in time; whether a COMMIT came true, its ledger knows."""


@contextmanager
def opened(url: str, pipeline: Pipeline, model: str) -> "Iterator[Warehouse]":
    """One model's side of the warehouse; its connections end with the block."""
    engine = open_engine(url)
    try:
        yield Warehouse(engine, pipeline, model)
    finally:
        engine.dispose()


class Warehouse:
    """One model's table, its views and the publish ledger in one database.

    Raises:
        UsageError: the view would break for its readers.
    """

    def __init__(self, engine: Engine, pipeline: Pipeline, model: str) -> None:
        self.engine, self.pipeline, metadata = engine, pipeline, MetaData()
        self.ledger, self.contracts = tables.publish_ledger(metadata), tables.contracts(metadata)
        self.table = tables.predictions_table(metadata, pipeline, model)
        with self.transaction() as connection:
            now = contract.columns_of(self.table, engine.dialect)
            wanted = {name: (now, query) for name, query in views.queries(engine.dialect, pipeline, model, self.table)}
            last_days = {name: day for view, day in pipeline.models[model].publish.ends.items() for name in views.names(pipeline, model, view)}
            promised = contract.promised(connection, self.contracts)
            if wanted.items() <= promised.items() and contract.have_ends(connection, self.contracts, last_days):
                return
            self._lock(connection, "matins")
            migrate(connection, self.contracts, self.ledger, self.table)
            metadata.create_all(connection)
            before = contract.promised(connection, self.contracts)
            if (view := views.view_name(pipeline, model)) in before:
                contract.require_kept(view, before[view][0], now)
            for name, (_, query) in wanted.items():
                views.make(connection, name, query, self.table)
                contract.promise(connection, self.contracts, name, now, query)
            for name, day in last_days.items():
                contract.end(connection, self.contracts, name, day)

    @property
    def is_file(self) -> bool:
        """Whether the database is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing.

        Raises:
            OutOfReachError: the database is locked, full, read-only or out of reach.
            DataError: it refuses the rows.
        """
        try:
            with self.engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
                yield connection
        except OperationalError as error:
            msg = f"The warehouse cannot be written ({error.orig}); it shows what it showed before. Free the lock, the disk or the permission and run again."
            raise OutOfReachError(msg) from error
        except (DBAPIError, SQLAlchemyError) as error:
            msg = f"The warehouse refused the rows ({' '.join(str(getattr(error, 'orig', error)).split())[:300]}); it shows what it showed before."
            raise DataError(msg) from error

    def _lock(self, connection: Connection, what: str) -> None:
        """Until the transaction ends."""
        if connection.dialect.name == "postgresql":
            number = int.from_bytes(sha256(what.encode()).digest()[:8], "big", signed=True)
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})

    def published(self) -> dict[date, dict[str, Any]]:
        """Each night's entry of the publish ledger that the views show."""
        c = self.ledger.c
        query = select(self.ledger).where(c.table_name == self.table.name, c.current).order_by(c.night)
        with self.transaction() as connection:
            return {row["night"]: dict(row) for row in connection.execute(query).mappings()}

    def publish(self, night: date, load: Load, wanted: Callable[[], Sums], entry: dict[str, Any]) -> None:
        """Put a generation of a night beside those before it, and show it from now on.

        Args:
            night: whose rows.
            load: brings them.
            wanted: tells, when they are there, what they add up to in the lake.
            entry: the ledger's row without table, night, rows and time.

        Raises:
            DataError: other rows arrived than were sent; nothing is changed.
            OutOfReachError: it is out of reach, or a lock was not free in time.
        """
        now, generation, c = utc_now(), entry["generation"], self.ledger.c
        same = (c.table_name == self.table.name, c.night == night)
        with self.transaction() as connection:
            self._lock(connection, self.table.name)
            self._require_own(connection, night, entry)
            connection.execute(delete(self.table).where(self.table.c.night == night, self.table.c.generation == generation))
            load(connection, now)
            reached("published.after_load")
            require_same(self.table, night, sums_in(connection, self.table, self.pipeline, night, generation), wanted())
            connection.execute(delete(self.ledger).where(*same, c.generation == generation))
            connection.execute(update(self.ledger).where(*same, c.current).values(current=False))
            about = {"table_name": self.table.name, "night": night, "rows": wanted().rows, "current": True, "published_at": now}
            connection.execute(insert(self.ledger).values(**about, **entry))
            reached("published.after_swap")

    def _require_own(self, connection: Connection, night: date, entry: dict[str, Any]) -> None:
        """Release 0.1 counted restated generations apart: one of them must not take the place of the night's own."""
        c = self.ledger.c
        same = (c.table_name == self.table.name, c.night == night, c.generation == entry["generation"], c.restated != entry["restated"])
        if connection.execute(select(c.generation).where(*same)).first():
            msg = f"{self.table.name}: g{entry['generation']} of night {night} was published and is {'not ' if entry['restated'] else ''}restated; it stays."
            raise DataError(msg)

    def take_away_ended(self, today: date) -> list[str]:
        """Drop the views whose last day is over; returns their names."""
        with self.transaction() as connection:
            self._lock(connection, "matins")
            return contract.take_away(connection, self.contracts, today)

    def row_counts(self) -> dict[date, int]:
        """Rows per night that the views show."""
        t, c = self.table.c, self.ledger.c
        shown = (c.table_name == self.table.name) & (c.night == t.night) & (c.generation == t.generation) & c.current
        query = select(t.night, func.count()).join_from(self.table, self.ledger, shown).group_by(t.night).order_by(t.night)
        with self.transaction() as connection:
            return {night: int(count) for night, count in connection.execute(query)}
