"""Which nights and tasks a command means, and the one line per night that people read."""

import datetime as dt
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final

from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.ledger.ledger import Ledger
from jobs.nights import span
from jobs.plan import PLAN, STEP_NAMES, Task, tasks
from jobs.results import NightResult, StepResult
from jobs.shadow.idle import IDLE

NIGHTLY: Final = tuple(step.name for step in PLAN if step.nightly)
"""The steps of a night."""


def newest_due(pipeline: Pipeline, now: dt.datetime) -> date:
    """The newest night whose `as_of` has passed, in UTC, within the pipeline's nights."""
    today = now.astimezone(dt.UTC)
    newest = today.date() if today.time() >= pipeline.nights.as_of else today.date() - timedelta(days=1)
    return min(newest, pipeline.nights.to or newest)


def require_night(pipeline: Pipeline, night: date, now: dt.datetime) -> date:
    """The night, if the pipeline has it and it is due.

    Raises:
        UsageError: it is outside the pipeline's nights, or in the future.
    """
    first, last = pipeline.nights.from_, pipeline.nights.to
    if night < first or (last and night > last):
        msg = f"Night {night} is outside the nights of `{pipeline.pipeline}`: {first} to {last or 'no end'}."
        raise UsageError(msg)
    if night > (due := newest_due(pipeline, now)):
        msg = f"Night {night} is in the future: the newest night that is due is {due} (it runs at {pipeline.nights.as_of:%H:%M} UTC)."
        raise UsageError(msg)
    return night


def due_nights(pipeline: Pipeline, ledger: Ledger, now: dt.datetime) -> list[date]:
    """The nights after the last one published by every model, oldest first; before the first, the newest that is due."""
    newest, done = newest_due(pipeline, now), None
    for model in pipeline.models:
        states = [state for state in ledger.night_states(pipeline.pipeline) if state["table_name"] == f"{model}/published"]
        last = max((state["night"] for state in states if state["outcome"] in {"written", "unchanged"}), default=None)
        if last is None:
            return [newest]
        done = min(done, last) if done else last
    return span(done + timedelta(days=1), newest) if done else [newest]


def chosen(pipeline: Pipeline, *, steps: str | None, model: str | None) -> list[Task]:
    """The nightly tasks, narrowed.

    Raises:
        UsageError: a night has no such step, or the pipeline no such model.
    """
    wanted = [name.strip() for name in steps.split(",")] if steps else [*NIGHTLY]
    if unfit := [name for name in wanted if name not in NIGHTLY]:
        on_demand = "".join(f" `{name}` is made on demand, not by the night: `matins train`." for name in unfit if name in STEP_NAMES)
        msg = f"--steps {','.join(unfit)}: allowed are {', '.join(NIGHTLY)}.{on_demand}"
        raise UsageError(msg)
    if model and model not in pipeline.models:
        msg = f"`{pipeline.pipeline}` has no model `{model}`; it has {sorted(pipeline.models)}."
        raise UsageError(msg)
    found = [task for task in tasks(pipeline) if task.step.name in wanted and (task.step.per != "model" or model in {None, task.item})]
    if not found:
        lacking = ", ".join(f"`{step.declared}`" for step in PLAN if step.name in wanted)
        whose = f"the model `{model}`" if model else "no model"
        msg = f"--steps {steps}: {whose} of `{pipeline.pipeline}` has {'not ' if model else ''}the section {lacking}; add it to the file."
        raise UsageError(msg)
    return found


def split_model(pipeline_model: str) -> tuple[str, str]:
    """`flights.delayed` as pipeline and model.

    Raises:
        UsageError: it is not written so.
    """
    pipeline, dot, model = pipeline_model.partition(".")
    if not (pipeline and dot and model):
        msg = f"{pipeline_model!r} is not a model; write PIPELINE.MODEL, as flights.delayed."
        raise UsageError(msg)
    return pipeline, model


def night_lines(pipeline: Pipeline, results: Sequence[StepResult]) -> list[str]:
    """`flights 2013-05-18 OK 901 scored, 3 quarantined, champion v4, weather 1 night short, published g1`, one per night and problem."""
    found: dict[date, list[tuple[StepResult, NightResult]]] = {}
    for result in results:
        for night in result.nights:
            if not (result.item in pipeline.feeds and pipeline.feeds[result.item].undated and night.outcome != "failed"):
                found.setdefault(night.night, []).append((result, night))
    return [_line(pipeline, night, some) for night, some in sorted(found.items())]


def _line(pipeline: Pipeline, night: date, found: Iterable[tuple[StepResult, NightResult]]) -> str:
    found = list(found)
    failed = [(result, one) for result, one in found if one.outcome == "failed"]
    if failed:
        result, one = failed[0]
        return f"{pipeline.pipeline} {night} FAILED {result.table}: {one.problem}"
    parts = [_of_model(pipeline, result, word) for result, one in found if (word := _words(result, one))]
    told = {"features", "drift_report", "validated", "raw", "published", "shadow", "retraining", "alerts"}
    notes = [_of_model(pipeline, result, note) for result, one in found if result.step in told for note in one.notes if note != IDLE]
    changed = any(one.outcome == "written" for _, one in found)
    quarantined = sum(int(one.counts.get("bad", 0) + one.counts.get("duplicates", 0)) for result, one in found if result.step == "validated")
    words = [*parts, f"{quarantined} quarantined" if quarantined else "", *dict.fromkeys(notes), "" if changed else "nothing changed"]
    return f"{pipeline.pipeline} {night} OK {', '.join(word for word in words if word)}"


def _of_model(pipeline: Pipeline, result: StepResult, words: str) -> str:
    """Of several models it is said which."""
    return f"{result.item} {words}" if result.item in pipeline.models and len(pipeline.models) > 1 else words


def _words(result: StepResult, one: NightResult) -> str:
    match result.step:
        case "predictions":
            return f"{one.rows} scored, champion v{one.detail.get('champion')}"
        case "published":
            return f"published g{one.generation}"
        case _:
            return ""
