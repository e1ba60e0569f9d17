"""Who may do what in a warehouse on PostgreSQL: a role that reads the views, and one that publishes and makes nothing."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, Engine, text

from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.published.views import queries
from jobs.published.warehouse import Warehouse

READ: Final = "matins_read"
WRITE: Final = "matins_write"


def grant(engine: Engine, pipelines: Sequence[Pipeline]) -> list[str]:
    """Make both roles, and give each what it needs and no more; what is there already stays. Nobody can log in as one of them.

    Args:
        engine: whose user owns the warehouse and may make roles.
        pipelines: whose views and tables.

    Returns:
        What was granted.

    Raises:
        UsageError: the database is not PostgreSQL.
    """
    if engine.dialect.name != "postgresql":
        msg = f"MATINS_WAREHOUSE_URL is {engine.dialect.name}, which has no roles: whoever may read the file may read all. Roles are made on postgresql."
        raise UsageError(msg)
    warehouses = [(pipeline, model, Warehouse(engine, pipeline, model)) for pipeline in pipelines for model in pipeline.models]
    views = [name for pipeline, model, one in warehouses for name, _ in queries(engine.dialect, pipeline, model, one.table)]
    tables = [one.table.name for _, _, one in warehouses]
    with engine.begin() as connection:
        granted = [*_statements(connection, views, tables)]
        for statement in granted:
            connection.execute(text(statement))
    return granted


def _statements(connection: Connection, views: Sequence[str], tables: Sequence[str]) -> Iterator[str]:
    there = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    yield from (f"CREATE ROLE {role} NOLOGIN" for role in (READ, WRITE) if role not in there)
    yield f"GRANT USAGE ON SCHEMA {schema} TO {READ}, {WRITE}"
    # A view reads with its owner's rights, so that readers need none on the tables.
    yield f"GRANT SELECT ON {', '.join(views)}, matins_contracts TO {READ}"
    yield f"GRANT SELECT, INSERT, DELETE ON {', '.join(tables)} TO {WRITE}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON matins_publish_ledger TO {WRITE}"
    yield f"GRANT SELECT ON matins_contracts TO {WRITE}"
