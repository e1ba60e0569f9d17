"""Connections to databases by their SQLAlchemy URLs: one file's, or a server's."""

from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

from jobs.errors import UsageError
from jobs.ledger.servers import plain_about_refusals


@cache
def _of_server(url: str) -> Engine:
    """One pool of connections per server and process: a long-lived process opens many ledgers, and the server has few connections."""
    return plain_about_refusals(create_engine(url, pool_pre_ping=True))


def file_of(url: URL) -> Path:
    """The file of a SQLite URL, also where it is itself written as a URI: `sqlite:///file:/data/warehouse.db?mode=ro&uri=true`."""
    return Path((url.database or "").removeprefix("file:"))


def open_engine(url: str) -> Engine:
    """An engine for a SQLAlchemy URL; SQLite waits for locks instead of failing at once, and survives a power cut.

    Raises:
        UsageError: the URL cannot be used, or the folder of a SQLite file cannot be written.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return _of_server(url)
    try:
        file_of(parsed).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{parsed.database}: cannot be created ({error.strerror}). Make its folder writable or set MATINS_HOME to another."
        raise UsageError(msg) from None
    engine = create_engine(parsed, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA busy_timeout = 30000")

    return engine
