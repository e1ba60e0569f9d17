"""Commands about pipeline files."""

from jobs import acting, console
from jobs.commands.options import Against, File, Json, Leaks, Night, PipelineName, Sql, app
from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.nights import parse_night
from jobs.settings import read_settings


@app.command()
def check(file: File = None, leaks: Leaks = False, night: Night = None, against: Against = None, json: Json = False) -> None:
    """Validate pipelines, their SQL, plug-ins and sources; writes nothing."""
    from jobs.checks.command import check_all, check_leaks
    from jobs.checks.promises import held_against

    settings = read_settings()
    if leaks:
        proof = check_leaks(settings, acting.pipeline_at(file or "flights", settings), parse_night(night) if night else None)
        acting.show(proof, str(proof["sentence"]), json=json)
        raise SystemExit(0 if proof["unchanged"] else 1)
    found = held_against(settings, file, against) if against else check_all(settings, file)
    lines = [f"{name}: {problem}" for name, problems in found.items() for problem in problems or ["ok"]]
    acting.show(found, "\n".join(lines), json=json)
    raise SystemExit(2 if any(found.values()) else 0)


@app.command()
def features(pipeline: PipelineName, night: Night = None, sql: Sql = False, json: Json = False) -> None:
    """Name the features, or print the query that computes them."""
    from jobs.features.compile import as_one_query, compiled

    spec = load_pipeline(pipeline, read_settings())
    day = parse_night(night) if night else spec.nights.from_
    names, query = spec.features.names, as_one_query(compiled(spec, day, day))
    acting.show({"features": names, "sql": query}, query if sql else "\n".join(names), json=json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of pipeline files, for editors."""
    console.as_json(Pipeline.model_json_schema(by_alias=True))
