"""The views that consumers read: each night's current generation, all generations, and how fresh it all is."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, Table, inspect, text
from sqlalchemy.engine import Dialect

from jobs.config.pipeline import Pipeline
from jobs.published.tables import suffix_of

NEXT_NIGHT: Final = {
    "postgresql": "(max(night) + 1 + time '{at}') AT TIME ZONE 'UTC'",
    "sqlite": "datetime(max(night), '+1 day', '{at}')",
}
"""By dialect: the instant at which the next night runs. Views of other databases do not tell it."""


def view_name(pipeline: Pipeline, model: str) -> str:
    """`flights_delayed_v1`."""
    return names(pipeline, model, pipeline.models[model].publish.view)[0]


def names(pipeline: Pipeline, model: str, view: str) -> tuple[str, str, str]:
    """The views of a contract: `flights_delayed_v2`, `flights_delayed_history_v2`, `flights_delayed_freshness_v2`."""
    stem, suffix = f"{pipeline.pipeline}_{model}", suffix_of(view)
    return f"{stem}_{view}", f"{stem}_history{suffix}", f"{stem}_freshness{suffix}"


def queries(dialect: Dialect, pipeline: Pipeline, model: str, table: Table) -> Iterator[tuple[str, str]]:
    """Each view with its query.

    Args:
        dialect: of the database.
        pipeline: whose.
        model: whose.
        table: of its predictions.
    """
    current, history, freshness = names(pipeline, model, pipeline.models[model].publish.view)
    whose = f"table_name = '{table.name}'"
    shown = ", ".join(f"p.{dialect.identifier_preparer.quote(column.name)}" for column in table.columns)
    joined = f"FROM {table.name} p JOIN matins_publish_ledger l ON l.{whose} AND l.night = p.night AND l.generation = p.generation"
    yield current, f"SELECT {shown} {joined} AND l.current"
    yield history, f"SELECT {shown}, l.current, l.policy, l.restated {joined}"
    expected = NEXT_NIGHT.get(dialect.name, "NULL").format(at=f"{pipeline.nights.as_of:%H:%M}")
    newest = f"SELECT * FROM matins_publish_ledger WHERE {whose} AND current ORDER BY night DESC LIMIT 1"
    told = "max(night) AS night, max(published_at) AS published_at, max(rows) AS rows, max(model_version) AS model_version"
    yield freshness, f"SELECT {told}, {expected} AS next_expected FROM ({newest}) AS newest"


def make(connection: Connection, name: str, query: str, table: Table) -> None:
    """Create a view, or replace it where it is; what consumers have built on it, and who may read it, stays on PostgreSQL.

    Args:
        connection: in a transaction.
        name: of the view.
        query: what it shows.
        table: whose comments its columns get.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"CREATE OR REPLACE VIEW {name} AS {query}"))
        _comment(connection, name, table)
        return
    if name in inspect(connection).get_view_names():
        connection.execute(text(f"DROP VIEW {name}"))
    connection.execute(text(f"CREATE VIEW {name} AS {query}"))


def _comment(connection: Connection, view: str, table: Table) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    there = {column["name"] for column in inspect(connection).get_columns(view)}
    said = {f"VIEW {view}": table.comment, **{f"COLUMN {view}.{quoted(one.name)}": one.comment for one in table.columns if one.name in there}}
    for what, comment in ((what, comment) for what, comment in said.items() if comment):
        literal = connection.execute(text("SELECT quote_literal(:comment)"), {"comment": comment}).scalar_one()
        # COMMENT takes no parameters; the database itself has quoted the text.
        connection.exec_driver_sql(f"COMMENT ON {what} IS {literal}".replace("%", "%%"))
