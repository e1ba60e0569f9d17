"""The command `matins`. Exit status: 0 done; 1 the data or a gate said no; 2 wrong use or configuration; 3 a retry may cure it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from jobs import console
from jobs.config.loading import load_pipeline, read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import MatinsError, RetryableError, UsageError
from jobs.nightly import chosen, due_nights, night_lines, require_night, split_model
from jobs.nights import Nights, parse_night, span, utc_now
from jobs.plan import Task, tasks
from jobs.results import StepResult
from jobs.settings import Settings, read_settings
from jobs.work import Options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, help="Nightly machine learning on a team's own lake.")

PipelineName = Annotated[str, typer.Argument(metavar="PIPELINE", help="Name of the pipeline.")]
ModelName = Annotated[str, typer.Argument(metavar="PIPELINE.MODEL", help="Name of the model, as flights.delayed.")]
Night = Annotated[str | None, typer.Option("--night", metavar="D", help="A day, as 2013-05-18.")]
From = Annotated[str, typer.Option("--from", metavar="D1", help="First night.")]
To = Annotated[str, typer.Option("--to", metavar="D2", help="Last night.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")]
Steps = Annotated[str | None, typer.Option("--steps", help="Only these steps, with commas.")]
OneModel = Annotated[str | None, typer.Option("--model", help="Only this model.")]
Champion = Annotated[str, typer.Option("--champion", help="`current`, or the number of a version.")]
Pages = Annotated[bool, typer.Option("--pages/--no-pages", help="Great Expectations' and Evidently's pages.")]


@app.command()
def sample(pipeline: PipelineName, first: Annotated[str | None, typer.Option("--from")] = None, last: Annotated[str | None, typer.Option("--to")] = None,
           dirty: Annotated[bool, typer.Option("--dirty", help="Mix in real-life trouble, listed in manifest.json.")] = False,
           seed: Annotated[int, typer.Option(help="Seed of the trouble.")] = 7, json: Json = False) -> None:  # fmt: skip
    """Write the pipeline's sample deliveries into the landing folder."""
    from jobs.sample.command import write_sample

    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    nights = [parse_night(first) if first else spec.nights.from_, parse_night(last) if last else spec.nights.to or spec.nights.from_]
    written = write_sample(settings, spec, nights[0], nights[1], seed=seed if dirty else None)
    _show({"landing": settings.landing, "nights": written}, f"{written} nights of deliveries in {settings.landing}", json)


@app.command()
def check(file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A pipeline file, or the name of a pipeline; all if left out.")] = None,
          leaks: Annotated[bool, typer.Option("--leaks", help="Alter what becomes known later and prove that no feature changes.")] = False,
          night: Night = None, json: Json = False) -> None:  # fmt: skip
    """Validate pipelines, their SQL, plug-ins and sources; writes nothing."""
    from jobs.checks.command import check_all, check_leaks

    settings = read_settings()
    if leaks:
        spec = _pipeline(file or "flights", settings)
        shown = check_leaks(settings, spec, parse_night(night) if night else None)
        _show(shown, str(shown["sentence"]), json)
        raise SystemExit(0 if shown["unchanged"] else 1)
    found = check_all(settings, file)
    _show(found, "\n".join(f"{name}: {'ok' if not problems else problems}" for name, problems in found.items()), json)
    raise SystemExit(2 if any(found.values()) else 0)


@app.command()
def plan(pipeline: PipelineName, night: Night = None, json: Json = False) -> None:
    """Show each step, whether it would run, and why."""
    from jobs.planning import planned

    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    shown = planned(settings, spec, _night_or_newest(settings, spec, night))
    if json:
        console.as_json(shown)
    else:
        console.table(["step", "would run", "why"], [[one["step"], "yes" if one["runs"] else "no", one["why"]] for one in shown])


@app.command()
def run(pipeline: PipelineName, night: Night = None, steps: Steps = None, model: OneModel = None, champion: Champion = "current",
        restate: Annotated[bool, typer.Option("--restate", help="With today's knowledge, as marked generations.")] = False,
        pages: Pages = True, json: Json = False) -> None:  # fmt: skip
    """Run one night; without --night the nights that are due, oldest first."""
    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    if restate and night is None:
        raise UsageError("--restate needs --night: a past night is restated on purpose, one at a time.")
    nights = [require_night(spec, parse_night(night), utc_now())] if night else _due(settings, spec)
    wanted = chosen(spec, steps=steps or ("features,predictions" if restate else None), model=model)
    _run(settings, spec, wanted, nights, Options(champion=champion, restate=restate, pages=pages), json=json)


@app.command()
def backfill(pipeline: PipelineName, first: From, last: To, steps: Steps = None, model: OneModel = None, champion: Champion = "current", pages: Pages = True, json: Json = False) -> None:
    """Run a range of nights as few large Spark jobs."""
    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    nights = span(*[require_night(spec, parse_night(text), utc_now()) for text in (first, last)])
    if not nights:
        msg = f"--from {first} is after --to {last}."
        raise UsageError(msg)
    _run(settings, spec, chosen(spec, steps=steps, model=model), nights, Options(champion=champion, pages=pages), json=json)


@app.command()
def train(model: ModelName, as_of: Annotated[str | None, typer.Option("--as-of", metavar="D", help="The night whose knowledge counts; the newest one due if left out.")] = None,
          segments: Annotated[str | None, typer.Option(help="Other lengths for this training: train=74,tune=14,holdout=28.")] = None, json: Json = False) -> None:  # fmt: skip
    """Train a version and put it before the gate; exit status 1 if it is refused."""
    settings = read_settings()
    name, which = split_model(model)
    spec = load_pipeline(name, settings)
    chosen(spec, steps=None, model=which)
    night = _night_or_newest(settings, spec, as_of)
    task = next(task for task in tasks(spec) if task.step.name == "model" and task.item == which)
    results = _results(settings, spec, [task], [night], Options(segments=_lengths(segments)))
    trained = results[0].nights[0]
    if trained.problem:
        raise SystemExit(_failed(spec, results))
    said = f"{model} v{trained.detail['version']} {trained.detail['verdict']}: {trained.detail['sentence']}"
    _show(console.results_as_json(results), f"nothing changed: {said}" if trained.outcome == "unchanged" else said, json)
    raise SystemExit(0 if trained.detail["verdict"] == "PASS" else 1)


@app.command()
def models(pipeline: PipelineName, json: Json = False) -> None:
    """List the versions of a pipeline's models: when, on which data, what the gate said, which is champion."""
    from jobs.model.champion import registry_of

    settings = read_settings()
    spec, registry = load_pipeline(pipeline, settings), registry_of(settings)
    found = [(f"{pipeline}.{name}", one) for name in spec.models for one in registry.versions(f"{pipeline}.{name}")]
    plain = [{"model": name, "version": one.version, "as_of": one.tags.get("as_of"), "verdict": one.tags.get("verdict"), "aliases": one.aliases, "digest": one.digest, "created": one.created} for name, one in found]
    if json:
        console.as_json(plain)
    else:
        console.table(["model", "version", "as of", "verdict", "alias", "digest"], [[one["model"], f"v{one['version']}", one["as_of"], one["verdict"], ", ".join(map(str, one["aliases"])), str(one["digest"])[:12]] for one in plain])


@app.command()
def status(pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE]")] = None, json: Json = False) -> None:
    """Show nights, freshness, states, coverage and champions."""
    from jobs.status import show, status_of

    settings = read_settings()
    found = [status_of(settings, one) for one in ([load_pipeline(pipeline, settings)] if pipeline else _all(settings))]
    console.as_json(found) if json else [show(one) for one in found]


@app.command()
def features(pipeline: PipelineName, night: Night = None, sql: Annotated[bool, typer.Option("--sql", help="Print the compiled query.")] = False, json: Json = False) -> None:
    """Name the features, or print the query that computes them."""
    from jobs.features.compile import as_one_query, compiled, sql_features

    settings = read_settings()
    spec = load_pipeline(pipeline, settings)
    day = parse_night(night) if night else spec.nights.from_
    query = as_one_query(compiled(spec, day, day))
    names = sql_features(spec)
    _show({"features": names, "sql": query}, query if sql else "\n".join(names), json)


@app.command()
def demo(json: Json = False) -> None:
    """Tell the whole story on the sample: history, training, gate, nights, publication."""
    from jobs.demo import tell

    raise SystemExit(tell(read_settings(), json=json))


@app.command(name="schema")
def schema_() -> None:
    """Print the JSON Schema of pipeline files, for editors."""
    console.as_json(Pipeline.model_json_schema(by_alias=True))


def _pipeline(name_or_file: str, settings: Settings) -> Pipeline:
    path = Path(name_or_file)
    return read_pipeline(path) if path.suffix == ".yaml" else load_pipeline(name_or_file, settings)


def _all(settings: Settings) -> list[Pipeline]:
    from jobs.config.loading import find_pipelines

    found = find_pipelines(settings)
    for one in found:
        if one.problem:
            console.warn(one.problem)
    return [one.pipeline for one in found if one.pipeline]


def _lengths(text: str | None) -> tuple[tuple[str, int], ...]:
    allowed = ("train", "tune", "calibrate", "holdout")
    pairs = [part.partition("=") for part in text.split(",")] if text else []
    if unfit := ["".join(pair) for pair in pairs if pair[0].strip() not in allowed or not pair[2].strip().isdigit()]:
        msg = f"--segments {','.join(unfit)}: write lengths in nights as train=74,tune=14,holdout=28; allowed are {allowed}."
        raise UsageError(msg)
    return tuple((name.strip(), int(length)) for name, _, length in pairs)


def _night_or_newest(settings: Settings, spec: Pipeline, night: str | None) -> Any:
    if night:
        return require_night(spec, parse_night(night), utc_now())
    from jobs.ledger.ledger import Ledger

    return due_nights(spec, Ledger(settings.ledger_url, home=settings.root), utc_now())[-1]


def _due(settings: Settings, spec: Pipeline) -> Nights:
    from jobs.ledger.ledger import Ledger

    return due_nights(spec, Ledger(settings.ledger_url, home=settings.root), utc_now())


def _results(settings: Settings, spec: Pipeline, wanted: list[Task], nights: Nights, options: Options) -> list[StepResult]:
    from jobs.runner import opened

    with opened(settings, spec, command=" ".join(["matins", *sys.argv[1:]]), options=options) as this, console.progress(len(wanted)) as listener:
        return this.walk(wanted, nights, listener)


def _run(settings: Settings, spec: Pipeline, wanted: list[Task], nights: Nights, options: Options, *, json: bool) -> NoReturn:
    if not nights:
        _show([], f"{spec.pipeline}: no night is due.", json)
        raise SystemExit(0)
    results = _results(settings, spec, wanted, nights, options)
    if json:
        console.as_json({"nights": night_lines(spec, results), "steps": console.results_as_json(results)})
    else:
        for line in night_lines(spec, results):
            console.say(line)
    raise SystemExit(1 if any(result.failed for result in results) else 0)


def _failed(spec: Pipeline, results: list[StepResult]) -> int:
    for line in night_lines(spec, results):
        console.warn(line)
    return 1


def _show(value: Any, text: str, json: bool) -> None:
    if json:
        console.as_json(value)
    else:
        console.say(text)


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
