"""How a pipeline stands: nights, freshness, coverage, drift, what is published, champions; read only."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from jobs.config.pipeline import Pipeline
from jobs.errors import MatinsError
from jobs.ledger.ledger import Ledger
from jobs.model.registry.reign import how_to_approve, in_waiting, waits
from jobs.nightly import newest_due
from jobs.nights import utc_now
from jobs.plan import tasks
from jobs.reading import is_there, ledger_to_read, published
from jobs.settings import Settings

RECENT: Final = 14
"""So many of the newest nights are listed; `done` and `red` look at all."""
ALERT: Final = ("rule", "subject", "severity", "sentence", "opened", "last")


def status_of(settings: Settings, pipeline: Pipeline) -> dict[str, Any]:
    """Everything that `matins status` tells of a pipeline, as plain data.

    Args:
        settings: where things are kept.
        pipeline: whose.
    """
    ledger = ledger_to_read(settings)
    nights = _nights(pipeline, ledger)
    return {
        "pipeline": pipeline.pipeline,
        "first_steps": _first_steps(pipeline) if not ledger.slices(pipeline.pipeline, "features") else None,
        **nights,
        "freshness": [_freshness(pipeline, ledger, feed) for feed in pipeline.features_and_label_feeds],
        "coverage": _coverage(pipeline, ledger),
        "attempts": _attempts(pipeline, ledger),
        "alerts": [{name: one[name] for name in ALERT} for one in ledger.alerts(pipeline.pipeline) if one["resolved"] is None],
        "models": {name: _model(settings, pipeline, ledger, name) for name in pipeline.models},
        "reports": str(settings.reports / pipeline.pipeline),
    }


def _first_steps(pipeline: Pipeline) -> list[str]:
    name, first = pipeline.pipeline, pipeline.nights.from_
    deliver = [f"matins sample {name}"] if pipeline.sample else ["deliver the first files to the landing folder"]
    train = [f"matins train {name}.{model}" for model in pipeline.models]
    return [*deliver, f"matins backfill {name} --from {first} --to NIGHT --steps raw,validated,features", *train, f"matins run {name}"]


def _nights(pipeline: Pipeline, ledger: Ledger) -> dict[str, Any]:
    """The newest night of which nothing is red and every model is published, and all red ones."""
    order = {task.table: place for place, task in enumerate(tasks(pipeline))}
    states = sorted(ledger.night_states(pipeline.pipeline), key=lambda one: (one["night"], order.get(one["table_name"], len(order))))
    red: dict[date, dict[str, Any]] = {}
    # A training has no night that could be made good: the next one takes its place.
    trained = {one["table_name"]: one["night"] for one in states if one["table_name"] in {task.table for task in tasks(pipeline) if not task.step.nightly}}
    for one in states:
        if one["outcome"] == "failed" and one["night"] == trained.get(one["table_name"], one["night"]):
            red.setdefault(one["night"], {"night": one["night"], "step": one["table_name"], "problem": one["problem"]})
    shown = [{one["night"] for one in states if one["table_name"] == f"{model}/published" and one["outcome"] != "failed"} for model in pipeline.models]
    done = set.intersection(*shown) - {night for night, one in red.items() if one["step"] not in trained}
    return {"last_done": max(done, default=None), "due": newest_due(pipeline, utc_now()), "red": list(red.values())}


def _freshness(pipeline: Pipeline, ledger: Ledger, feed: str) -> dict[str, Any]:
    """The newest delivery that was ingested beside the newest that is due."""
    slices = ledger.slices(pipeline.pipeline, f"raw/{feed}")
    if pipeline.feeds[feed].undated:
        newest = slices[-1] if slices else None
        return {"feed": feed, "newest": newest.known_night if newest else None, "generation": newest.generation if newest else None, "behind": None}
    last, due = max((one.night for one in slices), default=None), newest_due(pipeline, utc_now())
    behind = (due - max(last or date.min, pipeline.first_delivery(feed))).days
    return {"feed": feed, "newest": last, "expected": due, "behind": max(behind, 0) + (last is None)}


def _coverage(pipeline: Pipeline, ledger: Ledger) -> list[dict[str, Any]]:
    """Per recent night, the share of each feed's window that was delivered."""
    found = [one for one in ledger.slices(pipeline.pipeline, "features") if not one.restated]
    newest = {one.night: one for one in found}
    return [{"night": night, "rows": one.rows, **one.detail.get("coverage", {})} for night, one in list(newest.items())[-RECENT:]]


def _attempts(pipeline: Pipeline, ledger: Ledger) -> list[dict[str, Any]]:
    """Per recent night, every run that has begun it: from where, and how that run stands."""
    found: dict[date, list[dict[str, Any]]] = {}
    for one in ledger.attempts(pipeline.pipeline):
        found.setdefault(one.pop("night"), []).append(one)
    return [{"night": night, "runs": runs} for night, runs in list(found.items())[-RECENT:]]


def _model(settings: Settings, pipeline: Pipeline, ledger: Ledger, model: str) -> dict[str, Any]:
    decisions = ledger.decisions(pipeline.pipeline, model)
    told = [one for one in decisions if one["act"] != "trained"]
    return {
        "champion": _champion(settings, f"{pipeline.pipeline}.{model}"),
        "waiting": in_waiting(decisions),
        "shadow": _shadow(pipeline, ledger, model),
        "decisions": [{key: one[key] for key in ("at", "act", "version", "former", "night", "by", "reason")} for one in told],
        "drift": _drift(pipeline, ledger, model),
        "retraining": next(({key: one[key] for key in ("night", "act", "reason")} for one in reversed(ledger.retrainings(pipeline.pipeline, model))), None),
        "loss": _loss(pipeline, ledger, model),
        "published": _published(settings, pipeline, model),
    }


def _champion(settings: Settings, name: str) -> dict[str, Any]:
    """The champion as the registry shows it; one that cannot be read is shown with what is wrong."""
    if not is_there(settings.mlflow_uri):
        return {"version": None}
    from jobs.model.registry.champion import registry_of

    registry, shown = registry_of(settings), None
    try:
        shown = next((one for one in registry.versions(name) if "champion" in one.aliases), None)
        if shown is None:
            return {"version": None}
        registry.version(name, shown.version)
    except MatinsError as error:
        return {"version": shown.version if shown else None, "digest": shown.digest if shown else None, "problem": str(error)}
    return {"version": shown.version, "digest": shown.digest, "as_of": shown.tags.get("as_of"), "sentence": shown.tags.get("sentence")}


def _drift(pipeline: Pipeline, ledger: Ledger, model: str) -> list[dict[str, Any]]:
    newest = {one.night: one for one in ledger.slices(pipeline.pipeline, f"{model}/drift_report")}
    found = list(newest.values())[-RECENT:]
    return [
        {"night": one.night, "score": one.detail.get("state"), **one.counts, "worst": one.detail.get("worst"), "page": one.detail.get("page")} for one in found
    ]


def _loss(pipeline: Pipeline, ledger: Ledger, model: str) -> dict[str, Any]:
    """The champion's newest loss, realised and estimated, with the nights that each is of."""
    from jobs.report.standing import latest
    from jobs.watch.on_record import read_facts

    facts = read_facts(ledger, pipeline, model)
    told = {}
    for name, pooled in zip(("realised", "estimated"), latest(facts), strict=True):
        found = pooled.metrics.get(facts.loss) if pooled else None
        told[name] = {**found.to_dict(), "first": pooled.nights[0], "last": pooled.nights[-1]} if pooled and found else None
    return {"metric": facts.loss, **told}


def _shadow(pipeline: Pipeline, ledger: Ledger, model: str) -> dict[str, Any] | None:
    """How the version that waits does beside the champion."""
    if pipeline.models[model].shadow is None:
        return None
    from jobs.shadow.record import shadow_of

    return shadow_of(ledger, pipeline.pipeline, model)


def _published(settings: Settings, pipeline: Pipeline, model: str) -> list[dict[str, Any]]:
    """What the warehouse shows, with the rows that are really there beside those that were entered in its ledger."""
    try:
        shown = published(settings, pipeline, model)
    except MatinsError as error:
        return [{"night": None, "problem": str(error)}]
    return list(_entries(shown.entries, shown.rows))


def _entries(entries: Mapping[date, dict[str, Any]], rows: Mapping[date, int]) -> Iterator[dict[str, Any]]:
    for night in sorted({*entries, *rows}):
        entry, there = entries.get(night, {}), rows.get(night, 0)
        problem = None if entry.get("rows") == there else f"its publish ledger says {entry.get('rows')} rows"
        yield {"night": night, "rows": there, "generation": entry.get("generation"), "version": entry.get("model_version"), "problem": problem}


def show(found: dict[str, Any]) -> None:
    """The status for people.

    Args:
        found: what `status_of` returned.
    """
    from jobs import console

    console.say(f"{found['pipeline']}: last night done {found['last_done'] or 'none'}, newest due {found['due']}")
    if found["first_steps"]:
        console.say("  Nothing has been computed yet. Run, in this order:")
        for command in found["first_steps"]:
            console.say(f"    {command}")
        return
    for one in found["red"][-RECENT:]:
        console.say(f"  RED {one['night']} {one['step']}: {one['problem']}")
    for one in found["alerts"]:
        console.say(f"  ALERT {one['severity']} {one['rule']} ({one['subject']}) since {one['opened']}: {one['sentence']}")
    console.table(["feed", "newest delivery", "nights behind"], [[one["feed"], one["newest"], one["behind"]] for one in found["freshness"]])
    for name, model in found["models"].items():
        for line in _model_lines(found["pipeline"], name, model):
            console.say(line)
    console.table(*_night_table(found))
    console.say(f"Reports: {found['reports']}")


def _model_lines(pipeline: str, name: str, model: dict[str, Any]) -> Iterator[str]:
    champion = model["champion"]
    if champion.get("problem"):
        yield f"{name}: champion v{champion['version']} CANNOT BE READ: {champion['problem']}"
    elif champion["version"] is None:
        yield f"{name}: no champion"
    else:
        yield f"{name}: champion v{champion['version']} as of {champion['as_of']}"
    if waiting := model["waiting"]:
        yield f"  {waits(waiting)}: {how_to_approve(f'{pipeline}.{name}', waiting)}"
    if shadow := model["shadow"]:
        yield f"  v{shadow['version']} in shadow: {shadow['sentence']}"
    yield from _watched_lines(model)
    for one in model["decisions"][-5:]:
        of = "" if one["version"] is None else f"v{one['version']} "
        yield f"  {one['at']:%Y-%m-%d %H:%M} {of}{one['act']} by {one['by']}: {str(one['reason'])[:120]}"


def _watched_lines(model: dict[str, Any]) -> Iterator[str]:
    loss, retraining = model["loss"], model["retraining"]
    for name in ("realised", "estimated"):
        if one := loss[name]:
            yield f"  {loss['metric']} {name} {_interval(one)}, nights {one['first']} to {one['last']}"
    if retraining:
        yield f"  retraining, {retraining['night']}: {retraining['act'].replace('_', ' ')}. {retraining['reason']}"


def _interval(one: dict[str, Any]) -> str:
    return f"{one['value']:.4f}" if one["low"] is None else f"{one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}]"


def _night_table(found: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """A row per recent night: features, coverage, and per model what was published and how it drifted."""
    feeds = sorted({name for one in found["coverage"] for name in one} - {"night", "rows"})
    columns = ["night", "features", *[f"{feed} delivered" for feed in feeds]]
    rows: dict[date, list[Any]] = {one["night"]: [one["night"], one["rows"], *[f"{one.get(feed, 0):.0%}" for feed in feeds]] for one in found["coverage"]}
    for name, model in found["models"].items():
        columns += [f"{name} published", f"{name} drift"]
        drift = {one["night"]: one for one in model["drift"]}
        there = {one["night"]: one for one in model["published"]}
        for night, row in rows.items():
            row += [_cell(there.get(night)), _drift_cell(drift.get(night))]
    return columns, list(rows.values())


def _cell(one: dict[str, Any] | None) -> str:
    return "" if one is None else f"{one['rows']} (g{one['generation']}, v{one['version']})" + (f" BUT {one['problem']}" if one["problem"] else "")


def _drift_cell(one: dict[str, Any] | None) -> str:
    return "" if one is None else f"score {one['score']}, {int(one['drifted'])} drifted"
