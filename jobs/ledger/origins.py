"""What a run's results rest on beside the data: for whoever computes them again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from jobs.ledger.ledger import Ledger
from jobs.ledger.tables import configurations, environments, runs


@dataclass(frozen=True, slots=True)
class Origin:
    """Of one run."""

    configuration: Mapping[str, Any]
    """The pipeline's file, as plain data."""
    environment: Mapping[str, str]
    """Code and libraries, by name."""


# Two runs that begin at once may both find a new configuration missing; who comes second finds it there.
@retry(retry=retry_if_exception_type(IntegrityError), stop=stop_after_attempt(3), reraise=True)
def record_origin(ledger: Ledger, run_id: str, digest: str, origin: Origin) -> None:
    """Record what a run's results rest on; a configuration, known by its digest, is kept once.

    Raises:
        RetryableError: the ledger cannot be written.
    """
    c, e = configurations, environments
    with ledger.writing() as connection:
        if connection.execute(select(c.c.digest).where(c.c.digest == digest)).first() is None:
            connection.execute(insert(c).values(digest=digest, content=origin.configuration))
        connection.execute(delete(e).where(e.c.run_id == run_id))
        connection.execute(insert(e).values(run_id=run_id, content=origin.environment))


def origin_of(ledger: Ledger, run_id: str) -> Origin | None:
    """What a run's results rest on; None where that is not on record."""
    c, e = configurations, environments
    query = select(c.c.content, e.c.content).join_from(runs, c, runs.c.config_digest == c.c.digest).join(e, e.c.run_id == runs.c.run_id)
    with ledger.writing() as connection:
        found = connection.execute(query.where(runs.c.run_id == run_id)).first()
    return Origin(*found) if found else None
