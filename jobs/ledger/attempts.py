"""Attempts at a night: every run that begins one counts on, whether the command, Dagster or Airflow began it."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, Literal

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from jobs.ledger.ledger import Ledger
from jobs.ledger.tables import attempts

Starter = Literal["command", "dagster", "airflow"]
"""From where a run was begun."""
TRIES: Final = 20


# Two processes that begin a night at once count to the same number; the second finds it taken.
@retry(retry=retry_if_exception_type(IntegrityError), stop=stop_after_attempt(TRIES), wait=wait_random(max=0.2), reraise=True)
def begin_attempts(ledger: Ledger, pipeline: str, run_id: str, nights: Sequence[date], *, by: Starter) -> None:
    """Record the run as the next attempt at each of the nights that it has not begun yet.

    Raises:
        RetryableError: the ledger cannot be written.
    """
    with ledger.writing() as connection:
        rows = _next(connection, pipeline, run_id, nights)
        if rows:
            connection.execute(insert(attempts), [{**row, "pipeline": pipeline, "run_id": run_id, "by": by} for row in rows])


def _next(connection: Connection, pipeline: str, run_id: str, nights: Sequence[date]) -> list[dict[str, Any]]:
    c = attempts.c
    mine = set(connection.scalars(select(c.night).where(c.pipeline == pipeline, c.run_id == run_id)))
    counted = select(c.night, func.max(c.attempt).label("number")).where(c.pipeline == pipeline).group_by(c.night)
    last = {one.night: one.number for one in connection.execute(counted)}
    return [{"night": night, "attempt": last.get(night, 0) + 1} for night in nights if night not in mine]
