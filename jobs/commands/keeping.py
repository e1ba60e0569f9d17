"""The command that keeps the lake in shape."""

from dataclasses import asdict
from typing import Annotated

import typer

from jobs import console
from jobs.commands.options import Json, PipelineName, app
from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.lake.wording import spark_errors
from jobs.ledger.ledger import Ledger
from jobs.nights import utc_now
from jobs.plan import tasks
from jobs.settings import Settings, read_settings
from jobs.work import new_run_id

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
MIB = 2**20


@app.command()
def maintain(pipeline: PipelineName, dry_run: DryRun = False, json: Json = False) -> None:
    """Put small files together and remove those that nothing rests on: the only way in which anything is removed."""
    from jobs.lake.lake import Lake
    from jobs.lake.maintenance import keep
    from jobs.lake.session import spark_session
    from jobs.lineage.pins import pinned

    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    lake = Lake(spark_session(settings), Ledger.of(settings), root=settings.lake, pipeline=spec.pipeline, run_id=new_run_id())
    tables = [*(task.table for task in tasks(spec)), *(f"quarantine/{feed}" for feed in spec.feeds)]
    with spark_errors():
        pins = pinned(settings, spec, lake)
        done = [keep(lake, table, pins.get(table, ()), dry=dry_run) for table in tables if lake.exists(table)]
    ended = [] if dry_run else _take_away_ended(settings, spec)
    if json:
        console.as_json({"tables": [asdict(one) for one in done], "views_taken_away": ended})
        return
    rows = [[one.table, one.pinned, one.files, one.rewritten or "", one.removed or "", f"{one.removed_bytes / MIB:.1f}"] for one in done]
    console.table(["table", "versions kept", "files", "put together", "would go" if dry_run else "removed", "MiB"], rows)
    for view in ended:
        console.say(f"The view {view} has ended and was taken away.")


def _take_away_ended(settings: Settings, spec: Pipeline) -> list[str]:
    from jobs.published.warehouse import opened
    from jobs.reading import is_there

    # Not only where there is something to read: a former view ends whether or not its successor was published yet.
    if not is_there(settings.warehouse_url):
        return []
    with opened(settings.warehouse_url, spec, next(iter(spec.models))) as warehouse:
        return warehouse.take_away_ended(utc_now().date())
