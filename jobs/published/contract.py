"""What a view's readers were promised: columns and types; what would break that is refused, with the difference."""

import json
from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, Table, delete, insert, select, text, update
from sqlalchemy.engine import Dialect

from jobs.errors import UsageError

Columns = dict[str, str]
"""Names and types, in order."""


def promised(connection: Connection, contracts: Table) -> dict[str, tuple[Columns, str]]:
    """By view, columns and query as they are on record; nothing before the first view was made."""
    if not connection.dialect.has_table(connection, contracts.name):
        return {}
    query = select(contracts.c.view_name, contracts.c.columns, contracts.c.definition)
    return {name: (dict(json.loads(columns)), definition) for name, columns, definition in connection.execute(query)}


def have_ends(connection: Connection, contracts: Table, last_days: Mapping[str, date]) -> bool:
    """Whether those of the views that are on record have these last days."""
    query = select(contracts.c.view_name, contracts.c.ends).where(contracts.c.view_name.in_(last_days))
    return not last_days or all(last_days[name] == day for name, day in connection.execute(query))


def end(connection: Connection, contracts: Table, view: str, day: date) -> None:
    """Put on record how long a view stays."""
    connection.execute(update(contracts).where(contracts.c.view_name == view).values(ends=day))


def take_away(connection: Connection, contracts: Table, today: date) -> list[str]:
    """Drop the views whose last day is over, and what was promised of them; their rows stay in the table."""
    over = list(connection.execute(select(contracts.c.view_name).where(contracts.c.ends < today)).scalars())
    for view in over:
        connection.execute(text(f"DROP VIEW {view}"))
        connection.execute(delete(contracts).where(contracts.c.view_name == view))
    return over


def promise(connection: Connection, contracts: Table, view: str, columns: Columns, definition: str) -> None:
    """Put on record what a view's readers may rely on from now on."""
    connection.execute(delete(contracts).where(contracts.c.view_name == view))
    connection.execute(insert(contracts).values(view_name=view, columns=json.dumps([*columns.items()]), definition=definition))


def columns_of(table: Table, dialect: Dialect) -> Columns:
    """A table's columns as a contract tells them."""
    return {column.name: column.type.compile(dialect) for column in table.columns}


def require_kept(view: str, before: Columns, now: Columns) -> None:
    """Columns may be added; none may go, be renamed or change its type.

    Raises:
        UsageError: one does; the text is the difference.
    """
    gone = [f"- {name} {kind}" for name, kind in before.items() if name not in now]
    changed = [f"~ {name} {before[name]} → {kind}" for name, kind in now.items() if name in before and before[name] != kind]
    if gone or changed:
        added = [f"+ {name} {kind}" for name, kind in now.items() if name not in before]
        number = int(view.rpartition("_v")[2]) + 1
        msg = (
            f"The view {view} would break for those who read it: {'; '.join([*gone, *changed, *added])}. Nothing was published. "
            f"Take the change back, or declare it as `publish: {{view: v{number}}}`: {view} then stays with what it shows."
        )
        raise UsageError(msg)
