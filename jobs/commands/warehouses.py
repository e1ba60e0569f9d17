"""Commands on the warehouse's side of things."""

from typing import Annotated

import typer

from jobs import acting
from jobs.commands.options import Json, app
from jobs.config.loading import load_pipeline
from jobs.settings import read_settings

warehouse = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, help="The database that consumers read.")
app.add_typer(warehouse, name="warehouse")


@warehouse.callback()
def _group() -> None:
    """The database that consumers read."""


@warehouse.command()
def grant(pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE]", help="All pipelines if left out.")] = None, json: Json = False) -> None:
    """Make a role that reads the views and one that publishes, each with no more than it needs; PostgreSQL."""
    from jobs.ledger.engines import open_engine
    from jobs.published.access import grant as grant_roles

    settings = read_settings()
    pipelines = [load_pipeline(pipeline, settings)] if pipeline else acting.every_pipeline(settings)
    done = grant_roles(open_engine(settings.warehouse_url), pipelines)
    acting.show({"granted": done}, "\n".join(done), json=json)
