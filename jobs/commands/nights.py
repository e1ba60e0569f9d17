"""Commands that run nights, and those that tell what was or would be done."""

from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from jobs import acting, console
from jobs.commands.options import (
    Champion,
    Dirty,
    From,
    Json,
    MayFrom,
    MayTo,
    Night,
    Once,
    OneModel,
    Pages,
    PipelineName,
    Replace,
    Restate,
    RunId,
    Seed,
    Steps,
    To,
    app,
)
from jobs.config.loading import load_pipeline
from jobs.errors import UsageError
from jobs.nightly import chosen, require_night
from jobs.nights import parse_night, utc_now
from jobs.settings import read_settings
from jobs.work import Options

EVERY: Final = "5"
"""Seconds between two looks at the status."""


@app.command()
def demo(json: Json = False) -> None:
    """Tell the whole story on the sample: history, training, gate, nights, publication."""
    from jobs.demo import tell

    raise SystemExit(tell(read_settings(), json=json))


@app.command()
def live(once: Once = False) -> None:
    """Tell the sample's year as if it were now: prepare it, then deliver each night at its time, until Ctrl-C."""
    from jobs.live import live as tell

    tell(read_settings(), once=once)


@app.command()
def sample(pipeline: PipelineName, first: MayFrom = None, last: MayTo = None, dirty: Dirty = False, seed: Seed = 7, json: Json = False) -> None:
    """Write the pipeline's sample deliveries into the landing folder."""
    from jobs.sample.command import write_sample

    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    begin = parse_night(first) if first else spec.nights.from_
    end = parse_night(last) if last else spec.nights.to or begin
    written = write_sample(settings, spec, begin, end, seed=seed if dirty else None)
    acting.show({"landing": settings.landing, "nights": written}, f"{written} nights of deliveries in {settings.landing}", json=json)


@app.command()
def run(
    pipeline: PipelineName,
    night: Night = None,
    steps: Steps = None,
    model: OneModel = None,
    champion: Champion = "current",
    replace: Replace = False,
    restate: Restate = False,
    pages: Pages = True,
    run_id: RunId = None,
    json: Json = False,
) -> None:
    """Run one night; without --night the nights that are due, oldest first."""
    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    if restate and night is None:
        msg = "--restate needs --night: a past night is restated on purpose, one at a time."
        raise UsageError(msg)
    nights = [require_night(spec, parse_night(night), utc_now())] if night else acting.due(settings, spec)
    wanted = chosen(spec, steps=steps or ("features,predictions,reasons" if restate else None), model=model)
    options = Options(champion=champion, replace=replace, restate=restate, pages=pages)
    acting.run_and_tell(settings, spec, wanted, nights, options, json=json, run_id=run_id)


@app.command()
def backfill(
    pipeline: PipelineName,
    first: From,
    last: To,
    steps: Steps = None,
    model: OneModel = None,
    champion: Champion = "current",
    replace: Replace = False,
    pages: Pages = True,
    json: Json = False,
) -> None:
    """Run a range of nights as few large Spark jobs."""
    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    nights = acting.between(*[require_night(spec, parse_night(text), utc_now()) for text in (first, last)])
    wanted = chosen(spec, steps=steps, model=model)
    acting.run_and_tell(settings, spec, wanted, nights, Options(champion=champion, replace=replace, pages=pages), json=json)


@app.command()
def plan(pipeline: PipelineName, night: Night = None, json: Json = False) -> None:
    """Show each step, whether it would run, and why."""
    from jobs.planning import planned

    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    shown = planned(settings, spec, acting.night_or_newest(settings, spec, night))
    if json:
        console.as_json(shown)
    else:
        console.table(["step", "would run", "why"], [[one["step"], "yes" if one["runs"] else "no", one["why"]] for one in shown])


class _Watchable(TyperCommand):
    """Takes `--watch` also without its seconds, which Typer does not know how to."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        following = [*args[1:], ""][: len(args)]
        bare = [arg == "--watch" and not after.replace(".", "", 1).isdigit() for arg, after in zip(args, following, strict=True)]
        given = [[arg, EVERY] if is_bare else [arg] for arg, is_bare in zip(args, bare, strict=True)]
        return super().parse_args(ctx, [arg for some in given for arg in some])


@app.command(cls=_Watchable)
def status(
    pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE]")] = None,
    watch: Annotated[float | None, typer.Option("--watch", metavar="[SECONDS]", min=1, help=f"Draw it anew every {EVERY} seconds, until Ctrl-C.")] = None,
    json: Json = False,
) -> None:
    """Show nights, freshness, states, coverage, retraining, alerts and champions."""
    from jobs.status import show, status_of

    settings = read_settings()
    pipelines = [load_pipeline(pipeline, settings)] if pipeline else acting.every_pipeline(settings)

    def draw() -> None:
        for one in pipelines:
            show(status_of(settings, one))

    if watch and json:
        msg = "--watch draws for people, --json writes one document: give one of the two."
        raise UsageError(msg)
    if json:
        console.as_json([status_of(settings, one) for one in pipelines])
    elif watch:
        console.redrawn(draw, seconds=watch)
    else:
        draw()
