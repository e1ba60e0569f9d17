"""Commands about the versions of a model."""

from typing import TYPE_CHECKING, Any, NoReturn

from jobs import acting, console
from jobs.commands.options import (
    AsOf,
    Json,
    MayVersion,
    ModelName,
    Night,
    PipelineName,
    Placebo,
    Segments,
    app,
)
from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger
from jobs.nightly import night_lines
from jobs.nights import parse_night
from jobs.plan import training
from jobs.reading import ledger_to_read
from jobs.results import StepResult
from jobs.settings import read_settings
from jobs.work import Options

if TYPE_CHECKING:
    from jobs.model.registry.version import Entry


@app.command()
def train(model: ModelName, as_of: AsOf = None, segments: Segments = None, json: Json = False) -> None:
    """Train a version and put it before the gate; exit status 1 if it is refused."""
    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    night = acting.night_or_newest(settings, spec, as_of)
    task = training(spec, which)
    _tell_of_training(model, spec, acting.walk(settings, spec, [task], [night], Options(segments=acting.lengths(segments))), json=json)


def _tell_of_training(model: str, spec: Pipeline, results: list[StepResult], *, json: bool) -> NoReturn:
    from jobs.model.registry.reign import how_to_approve, waits

    trained = results[0].nights[0]
    if trained.problem:
        console.warn("\n".join(night_lines(spec, results)))
        raise SystemExit(1)
    said = f"{model} v{trained.detail['version']}: {trained.detail['sentence']}"
    if one := trained.detail.get("waiting"):
        said = f"{said}\n{waits(one)}: {how_to_approve(model, one)}"
    acting.show(console.results_as_json(results), f"nothing changed: {said}" if trained.outcome == "unchanged" else said, json=json)
    raise SystemExit(0 if trained.detail["verdict"] == "PASS" else 1)


@app.command()
def gate(model: ModelName, version: MayVersion = None, placebo: Placebo = None, as_of: AsOf = None, json: Json = False) -> None:
    """Show the verdict on a version; with --placebo, how often the gate errs and what it can detect."""
    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    if placebo:
        found = acting.placebo(settings, spec, which, acting.night_or_newest(settings, spec, as_of), placebo)
        acting.warn_of_stress(spec, which)
        if json:
            console.as_json(found)
        else:
            console.table(list(found[0]), [list(one.values()) for one in found])
        return
    from jobs.model.registry.approval import VERDICT
    from jobs.model.registry.champion import registry_of
    from jobs.model.registry.reign import how_to_approve, in_waiting, waits

    registry = registry_of(settings)
    number = acting.version_or_newest(registry, model, version)
    examined, page = registry.version(model, number), settings.reports / spec.pipeline / which / "model" / f"v{number}.html"
    shown, digest = examined.read_json(VERDICT), examined.manifest[VERDICT]
    rules = [f"  {rule['outcome']:6} {rule['name']}: {rule['sentence']}" for rule in shown["rules"]]
    now = in_waiting(ledger_to_read(settings).decisions(spec.pipeline, which))
    told = [f"{waits(now)}: {how_to_approve(model, now)}"] if now and now["version"] == number else []
    lines = [shown["sentence"], *rules, f"Evidence: {digest}", *told, *([f"Page: {page}"] if page.is_file() else [])]
    acting.show({**shown, "evidence": digest}, "\n".join(lines), json=json)


@app.command()
def models(pipeline: PipelineName, night: Night = None, json: Json = False) -> None:
    """List the versions of a pipeline's models and what was decided of them; with --night, which was champion then."""
    from jobs.model.registry.champion import registry_of
    from jobs.model.registry.reign import champion_on, evidence

    settings = read_settings()
    spec, registry, ledger = load_pipeline(pipeline, settings), registry_of(settings), ledger_to_read(settings)
    decided = {name: ledger.decisions(pipeline, name) for name in spec.models}
    if night:
        then = {f"{pipeline}.{name}": champion_on(found, parse_night(night)) for name, found in decided.items()}
        acting.show(then, "\n".join(f"{name}: {f'v{version}' if version else 'no champion'} on {night}" for name, version in then.items()), json=json)
        return
    found = [
        _about(name, one, decided[name], evidence(decided[name]).get(one.version, ""))
        for name in spec.models
        for one in registry.versions(f"{pipeline}.{name}")
    ]
    if json:
        console.as_json(found)
        return
    columns = ["model", "version", "as_of", "verdict", "alias", "digest", "evidence", "created", "decided"]
    shown = [
        {
            **one,
            "digest": one["digest"][:12],
            "evidence": (one["evidence"] or "")[:12],
            "created": f"{one['created']:%Y-%m-%d %H:%M}",
            "decided": "; ".join(one["decided"]),
        }
        for one in found
    ]
    console.table(columns, [[one[column] for column in columns] for one in shown])


def _about(model: str, one: "Entry", decisions: list[dict[str, Any]], digest: str) -> dict[str, Any]:
    told = [f"{each['act']} by {each['by']} for {each['night']}" for each in decisions if each["version"] == one.version and each["act"] != "trained"]
    tags = {key: one.tags.get(key) for key in ("as_of", "verdict", "sentence")}
    about = {"model": model, "version": one.version, **tags, "alias": ", ".join(one.aliases), "digest": one.digest, "evidence": digest}
    return {**about, "created": one.created, "decided": told}


@app.command()
def retrain(model: ModelName, json: Json = False) -> None:
    """Do what a night has decided: train where a retraining is open; otherwise say why there is none."""
    from jobs.retraining.act import give_up, giving_up, newest, open_retraining

    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    ledger = ledger_to_read(settings)
    night = open_retraining(ledger, spec, which)
    if night is None:
        told = newest(ledger, spec, which)
        acting.show(told, f"{model}: {told['sentence']}", json=json)
        return
    task = training(spec, which)
    with giving_up(Ledger.of(settings), spec, which, night):
        results = acting.walk(settings, spec, [task], [night], Options())
    if problem := results[0].nights[0].problem:
        give_up(Ledger.of(settings), spec, which, night, problem)
    _tell_of_training(model, spec, results, json=json)
