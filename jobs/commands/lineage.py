"""Commands about what rests on what, and about computing it again."""

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

import typer

from jobs import acting, console
from jobs.commands.options import Json, ModelName, Night, PipelineName, app
from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.lake.wording import spark_errors
from jobs.nightly import chosen, require_night
from jobs.nights import in_words, parse_night, utc_now
from jobs.plan import training
from jobs.settings import Settings, read_settings
from jobs.work import AS_OF, Options, Work

if TYPE_CHECKING:
    from jobs.lake.lake import Lake
    from jobs.lineage.affected import Delivery, Resting
    from jobs.lineage.verdict import Reproduction

RESTATED: Final = "features,predictions,reasons,published"

Feed = Annotated[str, typer.Option("--feed", help="The feed that the delivery is of.")]
OfNight = Annotated[str, typer.Option("--night", metavar="D", help="The delivery's night; of a feed without nights, any.")]
Restating = Annotated[bool, typer.Option("--restate", help="Score and publish the nights that did not know its newest generation as if they had, marked.")]
OfVersion = Annotated[int | None, typer.Option("--model", metavar="VERSION", help="Train this version again instead.")]


@app.command()
def affected(pipeline: PipelineName, feed: Feed, night: OfNight, restate: Restating = False, json: Json = False) -> None:
    """Show which features, labels, versions, predictions and published nights rest on a delivery."""
    from jobs.lineage.affected import Delivery, affected, outdated, segments_of
    from jobs.reading import entries, ledger_to_read, recorded_lake

    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    lake = recorded_lake(settings, spec, ledger_to_read(settings))
    delivery = Delivery.of(spec, lake, feed, parse_night(night))
    late = outdated(delivery, lake)
    if restate:
        # By whoever was champion then: the question is what that night would have said.
        acting.run_and_tell(settings, spec, chosen(spec, steps=RESTATED, model=None), late, Options(restate=True, champion=AS_OF), json=json)
    shown = {model: entries(settings, spec, model) for model in spec.models}
    _tell(delivery, affected(delivery, lake, {model: segments_of(settings, f"{pipeline}.{model}") for model in spec.models}, shown), late, json=json)


def _tell(delivery: "Delivery", found: "list[Resting]", late: list[date], *, json: bool) -> None:
    if json:
        console.as_json({"rests_on_it": [asdict(one) for one in found], "did_not_know_it": late})
        return
    console.table(["what", "nights", "how"], [[one.what, in_words(one.nights), one.how] for one in found])
    generation = f"{delivery.feed} g{delivery.newest.generation}"
    console.say(f"{in_words(late)} did not know {generation}; --restate scores them as if they had." if late else f"Every night knew {generation}.")


@app.command()
def reproduce(model: ModelName, night: Night = None, version: OfVersion = None, json: Json = False) -> None:
    """Compute a past night, or a version, again from what is on record and compare it bit by bit; exit status 1 if it differs."""
    from jobs.lake.session import spark_session
    from jobs.reading import lake_to_read

    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    wanted = _asked(spec, night, version)
    with spark_errors():
        lake = lake_to_read(settings, spec, spark_session(settings))
        found = _night(lake, settings, spec, which, wanted) if isinstance(wanted, date) else _version(lake, settings, spec, which, wanted)
    acting.show({**asdict(found), "same": found.same, "sentence": found.sentence}, "\n".join(found.lines), json=json)
    raise SystemExit(0 if found.same else 1)


def _asked(spec: Pipeline, night: str | None, version: int | None) -> date | int:
    if night is not None and version is None:
        return require_night(spec, parse_night(night), utc_now())
    if version is not None and night is None:
        return version
    msg = "Give one of --night D, which computes a night again, and --model VERSION, which trains a version again."
    raise UsageError(msg)


def _night(lake: "Lake", settings: Settings, spec: Pipeline, model: str, night: date) -> "Reproduction":
    from jobs.lineage.night import reproduce

    return reproduce(settings, lake, spec, model, night)


def _version(lake: "Lake", settings: Settings, spec: Pipeline, model: str, version: int) -> "Reproduction":
    from jobs.lineage.version import reproduce

    return reproduce(Work(settings, spec, training(spec, model), lake, lake.ledger, run_id=""), version)
