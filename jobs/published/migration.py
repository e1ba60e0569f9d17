"""A warehouse of release 0.1 as this one keeps it: its nights are generations, beside which others find room."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, Table, inspect, text

BEFORE: Final = {
    "current": "generation = (SELECT max(generation) FROM old_ o WHERE o.table_name = old_.table_name AND o.night = old_.night)",
    "policy": "'current'",
    "restated": "false",
    "ends": "CAST(NULL AS DATE)",
}
"""What was true of the entries of tables that did not tell it."""


def migrate(connection: Connection, contracts: Table, ledger: Table, predictions: Table) -> None:
    """Move entries and rows into tables that keep every generation, where the tables are of the earlier kind.

    Args:
        connection: in a transaction, with which all of this comes true or nothing.
        contracts: what was promised, as it is to be recorded.
        ledger: the publish ledger as it is to be.
        predictions: the model's table as it is to be.
    """
    there = inspect(connection)
    for table in (one for one in (contracts, ledger) if there.has_table(one.name)):
        if lacking := {column.name for column in table.columns} - {one["name"] for one in there.get_columns(table.name)}:
            _move(connection, table, {name: value for name, value in BEFORE.items() if name in lacking})
    if there.has_table(predictions.name) and not any("generation" in one["column_names"] for one in there.get_unique_constraints(predictions.name)):
        _move(connection, predictions, {})


def _move(connection: Connection, table: Table, made: Mapping[str, str]) -> None:
    """The table anew, with the old one's rows. Views on it go; whoever calls makes them again."""
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in table.columns)
    given = ", ".join(made.get(column.name, quote(column.name)) for column in table.columns)
    there = inspect(connection)
    for view in (view for view in there.get_view_names() if table.name in (there.get_view_definition(view) or "")):
        connection.execute(text(f"DROP VIEW {view}"))
    connection.execute(text(f"CREATE TABLE old_ AS SELECT * FROM {table.name}"))
    connection.execute(text(f"DROP TABLE {table.name}"))
    table.create(connection)
    connection.execute(text(f"INSERT INTO {table.name} ({columns}) SELECT {given} FROM old_"))
    connection.execute(text("DROP TABLE old_"))
