"""Commands that run nights, and those that tell what was or would be done."""

from typing import Annotated

import typer

from jobs import acting, console
from jobs.commands.options import Champion, Dirty, From, Json, MayFrom, MayTo, Night, OneModel, Pages, PipelineName, Restate, Seed, Steps, To, app
from jobs.config.loading import load_pipeline
from jobs.errors import UsageError
from jobs.nightly import chosen, require_night
from jobs.nights import parse_night, utc_now
from jobs.settings import read_settings
from jobs.work import Options


@app.command()
def demo(json: Json = False) -> None:
    """Tell the whole story on the sample: history, training, gate, nights, publication."""
    from jobs.demo import tell

    raise SystemExit(tell(read_settings(), json=json))


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
    restate: Restate = False,
    pages: Pages = True,
    json: Json = False,
) -> None:
    """Run one night; without --night the nights that are due, oldest first."""
    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    if restate and night is None:
        msg = "--restate needs --night: a past night is restated on purpose, one at a time."
        raise UsageError(msg)
    nights = [require_night(spec, parse_night(night), utc_now())] if night else acting.due(settings, spec)
    wanted = chosen(spec, steps=steps or ("features,predictions" if restate else None), model=model)
    acting.run_and_tell(settings, spec, wanted, nights, Options(champion=champion, restate=restate, pages=pages), json=json)


@app.command()
def backfill(
    pipeline: PipelineName,
    first: From,
    last: To,
    steps: Steps = None,
    model: OneModel = None,
    champion: Champion = "current",
    pages: Pages = True,
    json: Json = False,
) -> None:
    """Run a range of nights as few large Spark jobs."""
    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    nights = acting.between(*[require_night(spec, parse_night(text), utc_now()) for text in (first, last)])
    wanted = chosen(spec, steps=steps, model=model)
    acting.run_and_tell(settings, spec, wanted, nights, Options(champion=champion, pages=pages), json=json)


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


@app.command()
def status(pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE]")] = None, json: Json = False) -> None:
    """Show nights, freshness, states, coverage and champions."""
    from jobs.status import show, status_of

    settings = read_settings()
    found = [status_of(settings, one) for one in ([load_pipeline(pipeline, settings)] if pipeline else acting.every_pipeline(settings))]
    if json:
        console.as_json(found)
        return
    for one in found:
        show(one)
