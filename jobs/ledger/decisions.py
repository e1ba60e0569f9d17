"""Decisions in the database: appended in turns, each linked to the one before; those of earlier releases are linked once."""

import getpass
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, inspect, select, text, update

from jobs.ledger.chain import BEGUN, START, link
from jobs.ledger.tables import decisions, metadata, one_follower
from jobs.nights import utc_now

LOCK: Final = 0x6D6174696E73
"""The advisory lock of whoever appends, in databases that are servers."""


def append(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Append decisions, the first linked to the newest there is.

    Args:
        connection: at the beginning of a transaction, before anything was read.
        rows: by the names of the table's columns.
    """
    _take_turn(connection)
    previous = _newest(connection)
    for row in rows:
        full = {"at": utc_now(), "system_user": getpass.getuser(), **row}
        digest = link(previous, full)
        connection.execute(insert(decisions).values(**full, previous=previous, chain=digest))
        previous = digest


def set_up(engine: Engine) -> None:
    """Make the tables that are not there, in turns: two that make the same table at once fail on a server, and a lock on files is of one host alone."""
    if set(metadata.tables) - {*inspect(engine).get_table_names()}:
        with engine.begin() as connection:
            _take_turn(connection)
            metadata.create_all(connection)
    _link_earlier(engine)


def _link_earlier(engine: Engine) -> None:
    """Give a ledger of an earlier release its chain: its decisions are linked as they stand, and one more says so."""
    if not _lacking(inspect(engine)):
        return
    with engine.begin() as connection:
        _take_turn(connection)
        # Somebody else may have been here meanwhile.
        if not (lacking := _lacking(inspect(connection))):
            return
        for name in lacking:
            connection.execute(text(f"ALTER TABLE {decisions.name} ADD COLUMN {name} {decisions.c[name].type.compile(engine.dialect)}"))
        one_follower.create(connection)
        if earlier := _link_all(connection):
            reason = f"{earlier} decisions of an earlier release were linked as they stood; what had been done to them before cannot be seen."
            about = {"pipeline": "", "model": "", "act": BEGUN, "by": "matins", "reason": reason, "evidence": {"decisions": earlier}}
            append(connection, [about])


def _link_all(connection: Connection) -> int:
    rows, previous = connection.execute(select(decisions).order_by(decisions.c.id)).mappings().all(), START
    for row in rows:
        digest = link(previous, dict(row))
        connection.execute(update(decisions).where(decisions.c.id == row["id"]).values(previous=previous, chain=digest))
        previous = digest
    return len(rows)


def _lacking(there: Any) -> list[str]:
    present = {column["name"] for column in there.get_columns(decisions.name)}
    return [name for name in ("previous", "chain") if name not in present]


def _newest(connection: Connection) -> str:
    newest = select(decisions.c.chain).where(decisions.c.chain.is_not(None)).order_by(decisions.c.id.desc()).limit(1)
    return connection.execute(newest).scalar() or START


def _take_turn(connection: Connection) -> None:
    """Nobody else appends until the transaction ends: what is read as the newest stays the newest."""
    if connection.dialect.name == "sqlite":
        if not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    connection.execute(text("SET LOCAL lock_timeout = '120s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK})
