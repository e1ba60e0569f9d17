"""Commands about the versions of a model."""

from jobs import acting, console
from jobs.commands.options import AsOf, Json, MayFrom, MayTo, ModelName, PipelineName, Segments, app
from jobs.config.loading import load_pipeline
from jobs.nightly import chosen, night_lines, split_model
from jobs.nights import parse_night, span, utc_now
from jobs.plan import tasks
from jobs.settings import read_settings
from jobs.work import Options


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
