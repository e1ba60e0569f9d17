"""Commands about what rests on what, and about computing it again."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from jobs import acting
from jobs.commands.options import Json, ModelName, Night, app
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.nightly import require_night
from jobs.nights import parse_night, utc_now
from jobs.plan import tasks
from jobs.settings import Settings, read_settings
from jobs.work import Work

if TYPE_CHECKING:
    from jobs.lineage.verdict import Reproduction

OfVersion = Annotated[int | None, typer.Option("--model", metavar="VERSION", help="Train this version again instead.")]


@app.command()
def reproduce(model: ModelName, night: Night = None, version: OfVersion = None, json: Json = False) -> None:
    """Compute a past night, or a version, again from what is on record and compare it bit by bit; exit status 1 if it differs."""
    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    if (night is None) == (version is None):
        msg = "Give one of --night D, which computes a night again, and --model VERSION, which trains a version again."
        raise UsageError(msg)
    found = _version(settings, spec, which, version) if version is not None else _night(settings, spec, which, str(night))
    acting.show({**asdict(found), "same": found.same, "sentence": found.sentence}, "\n".join(found.lines), json=json)
    raise SystemExit(0 if found.same else 1)


def _night(settings: Settings, spec: Pipeline, model: str, night: str) -> "Reproduction":
    from jobs.lake.session import spark_session
    from jobs.lineage.night import reproduce
    from jobs.reading import lake_to_read

    wanted = require_night(spec, parse_night(night), utc_now())
    return reproduce(settings, lake_to_read(settings, spec, spark_session(settings)), spec, model, wanted)


def _version(settings: Settings, spec: Pipeline, model: str, version: int) -> "Reproduction":
    from jobs.lake.session import spark_session
    from jobs.lineage.version import reproduce
    from jobs.reading import lake_to_read

    lake = lake_to_read(settings, spec, spark_session(settings))
    task = next(task for task in tasks(spec) if task.step.name == "model" and task.item == model)
    return reproduce(Work(settings, spec, task, lake, lake.ledger, run_id=""), version)
