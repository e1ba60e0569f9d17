"""The command `matins`. Exit status: 0 done; 1 the data or a gate said no; 2 wrong use or configuration; 3 a retry may cure it."""

import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from jobs import acting, console
from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import MatinsError, RetryableError, UsageError
from jobs.nightly import chosen, night_lines, require_night, split_model
from jobs.nights import parse_night, span, utc_now
from jobs.plan import tasks
from jobs.settings import read_settings
from jobs.work import Options

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Nightly machine learning on a team's own lake.",
)

PipelineName = Annotated[str, typer.Argument(metavar="PIPELINE", help="Name of the pipeline.")]
ModelName = Annotated[str, typer.Argument(metavar="PIPELINE.MODEL", help="Name of the model, as flights.delayed.")]
Night = Annotated[str | None, typer.Option("--night", metavar="D", help="A day, as 2013-05-18.")]
From = Annotated[str, typer.Option("--from", metavar="D1", help="First night.")]
To = Annotated[str, typer.Option("--to", metavar="D2", help="Last night.")]
MayFrom = Annotated[str | None, typer.Option("--from", metavar="D1", help="First night; the pipeline's first if left out.")]
MayTo = Annotated[str | None, typer.Option("--to", metavar="D2", help="Last night; the pipeline's last if left out.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="D", help="The night whose knowledge counts; the newest one due if left out.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")]
Steps = Annotated[str | None, typer.Option("--steps", help="Only these steps, with commas.")]
OneModel = Annotated[str | None, typer.Option("--model", help="Only this model.")]
Champion = Annotated[str, typer.Option("--champion", help="`current`, or the number of a version.")]
Pages = Annotated[bool, typer.Option("--pages/--no-pages", help="Great Expectations' and Evidently's pages.")]
Restate = Annotated[bool, typer.Option("--restate", help="With today's knowledge, as marked generations.")]
Segments = Annotated[str | None, typer.Option(help="Other lengths for this training: train=74,tune=14,holdout=28.")]
Dirty = Annotated[bool, typer.Option("--dirty", help="Mix in real-life trouble, listed in manifest.json.")]
Seed = Annotated[int, typer.Option(help="Seed of the trouble.")]
File = Annotated[str | None, typer.Argument(metavar="[FILE]", help="A pipeline file, or the name of a pipeline; all if left out.")]
Leaks = Annotated[bool, typer.Option("--leaks", help="Alter what becomes known later and prove that no feature changes.")]
Sql = Annotated[bool, typer.Option("--sql", help="Print the compiled query.")]


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
def check(file: File = None, leaks: Leaks = False, night: Night = None, json: Json = False) -> None:
    """Validate pipelines, their SQL, plug-ins and sources; writes nothing."""
    from jobs.checks.command import check_all, check_leaks

    settings = read_settings()
    if leaks:
        proof = check_leaks(settings, acting.pipeline_at(file or "flights", settings), parse_night(night) if night else None)
        acting.show(proof, str(proof["sentence"]), json=json)
        raise SystemExit(0 if proof["unchanged"] else 1)
    found = check_all(settings, file)
    lines = [f"{name}: {problem}" for name, problems in found.items() for problem in problems or ["ok"]]
    acting.show(found, "\n".join(lines), json=json)
    raise SystemExit(2 if any(found.values()) else 0)


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
    nights = span(*[require_night(spec, parse_night(text), utc_now()) for text in (first, last)])
    if not nights:
        msg = f"--from {first} is after --to {last}."
        raise UsageError(msg)
    wanted = chosen(spec, steps=steps, model=model)
    acting.run_and_tell(settings, spec, wanted, nights, Options(champion=champion, pages=pages), json=json)


@app.command()
def train(model: ModelName, as_of: AsOf = None, segments: Segments = None, json: Json = False) -> None:
    """Train a version and put it before the gate; exit status 1 if it is refused."""
    settings = read_settings()
    name, which = split_model(model)
    spec = load_pipeline(name, settings)
    chosen(spec, steps=None, model=which)
    night = acting.night_or_newest(settings, spec, as_of)
    task = next(task for task in tasks(spec) if task.step.name == "model" and task.item == which)
    results = acting.walk(settings, spec, [task], [night], Options(segments=acting.lengths(segments)))
    trained = results[0].nights[0]
    if trained.problem:
        console.warn("\n".join(night_lines(spec, results)))
        raise SystemExit(1)
    said = f"{model} v{trained.detail['version']}: {trained.detail['sentence']}"
    acting.show(console.results_as_json(results), f"nothing changed: {said}" if trained.outcome == "unchanged" else said, json=json)
    raise SystemExit(0 if trained.detail["verdict"] == "PASS" else 1)


@app.command()
def models(pipeline: PipelineName, json: Json = False) -> None:
    """List the versions of a pipeline's models: as of which night, what the gate said, which is champion."""
    from jobs.model.champion import registry_of

    settings = read_settings()
    spec, registry = load_pipeline(pipeline, settings), registry_of(settings)
    found = [(f"{pipeline}.{name}", one) for name in spec.models for one in registry.versions(f"{pipeline}.{name}")]
    columns = ["model", "version", "as of", "verdict", "alias", "digest", "created"]
    rows = [[name, one.version, one.tags.get("as_of"), one.tags.get("verdict"), ", ".join(one.aliases), one.digest, one.created] for name, one in found]
    if json:
        console.as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        console.table(columns, [[*row[:5], str(row[5])[:12], f"{row[6]:%Y-%m-%d %H:%M}"] for row in rows])


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


@app.command()
def performance(model: ModelName, first: MayFrom = None, last: MayTo = None, json: Json = False) -> None:
    """Show how a model did month by month, with 95 % intervals over nights."""
    from jobs.performance.months import as_table, measured

    settings = read_settings()
    name, which = split_model(model)
    spec = load_pipeline(name, settings)
    chosen(spec, steps=None, model=which)
    nights = span(parse_night(first) if first else spec.nights.from_, parse_night(last) if last else spec.nights.to or utc_now().date())
    found = measured(settings, spec, which, nights)
    if json:
        console.as_json([one.to_dict() for one in found])
    else:
        console.table(*as_table(found))
        for one in found:
            if one.problem:
                console.warn(f"{one.name}: {one.problem}")


@app.command()
def features(pipeline: PipelineName, night: Night = None, sql: Sql = False, json: Json = False) -> None:
    """Name the features, or print the query that computes them."""
    from jobs.features.compile import as_one_query, compiled, sql_features

    spec = load_pipeline(pipeline, read_settings())
    day = parse_night(night) if night else spec.nights.from_
    names, query = sql_features(spec), as_one_query(compiled(spec, day, day))
    acting.show({"features": names, "sql": query}, query if sql else "\n".join(names), json=json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of pipeline files, for editors."""
    console.as_json(Pipeline.model_json_schema(by_alias=True))


def guarded(command: Callable[[], Any]) -> int:
    """The exit status of a command; what went wrong as one message on standard error."""
    try:
        command()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except MatinsError as error:
        console.warn(f"matins: {error}")
        return error.exit_status
    except OSError as error:
        console.warn(f"matins: {error.filename or ''}: {error.strerror}. Free the disk or give this user access, then run again.")
        return RetryableError.exit_status
    return 0


def main() -> NoReturn:
    """The entry point."""
    sys.exit(guarded(app))
