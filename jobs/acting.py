"""What the commands share: which pipelines and nights are meant, the recorded run, and how its results are shown."""

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from jobs import console
from jobs.config.loading import find_pipelines, load_pipeline, read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.ledger.attempts import Starter
from jobs.ledger.ledger import Ledger
from jobs.nightly import chosen, due_nights, newest_due, night_lines, require_night, split_model
from jobs.nights import Nights, parse_night, span, utc_now
from jobs.plan import Task, training
from jobs.results import StepResult
from jobs.runner import opened
from jobs.settings import Settings
from jobs.work import Options

if TYPE_CHECKING:
    from jobs.model.gate.placebo import Tally
    from jobs.model.registry.registry import Registry

SEGMENTS = ("train", "tune", "calibrate", "holdout")


def pipeline_at(name_or_file: str, settings: Settings) -> Pipeline:
    """The pipeline of that name or in that file.

    Raises:
        UsageError: there is none, or it is not valid.
    """
    return read_pipeline(Path(name_or_file)) if name_or_file.endswith(".yaml") else load_pipeline(name_or_file, settings)


def every_pipeline(settings: Settings) -> list[Pipeline]:
    """Every valid pipeline; the broken ones are told of on standard error."""
    found = find_pipelines(settings)
    for one in found:
        if one.problem:
            console.warn(one.problem)
    return [one.pipeline for one in found if one.pipeline]


def lengths(text: str | None) -> tuple[tuple[str, int], ...]:
    """`train=74,tune=14,holdout=28` as pairs.

    Raises:
        UsageError: it is not written so.
    """
    pairs = [part.partition("=") for part in text.split(",")] if text else []
    if unfit := ["".join(pair) for pair in pairs if pair[0].strip() not in SEGMENTS or not pair[2].strip().isdigit()]:
        msg = f"--segments {','.join(unfit)}: write lengths in nights as train=74,tune=14,holdout=28; allowed are {', '.join(SEGMENTS)}."
        raise UsageError(msg)
    return tuple((name.strip(), int(length)) for name, _, length in pairs)


def due(settings: Settings, spec: Pipeline) -> list[date]:
    """The nights that are due, oldest first."""
    return due_nights(spec, Ledger.of(settings), utc_now())


def night_or_newest(settings: Settings, spec: Pipeline, night: str | None) -> date:
    """The night asked for; left out, the newest that is due.

    Raises:
        UsageError: it is no night of the pipeline.
    """
    if night:
        return require_night(spec, parse_night(night), utc_now())
    return (due(settings, spec) or [newest_due(spec, utc_now())])[-1]


def model_at(name: str, settings: Settings) -> tuple[Pipeline, str]:
    """The pipeline and the model that `flights.delayed` names.

    Raises:
        UsageError: there is no such pipeline or model.
    """
    pipeline, model = split_model(name)
    spec = load_pipeline(pipeline, settings)
    chosen(spec, steps=None, model=model)
    return spec, model


def between(first: date, last: date) -> list[date]:
    """The nights that `--from` and `--to` name.

    Raises:
        UsageError: there are none.
    """
    if first > last:
        msg = f"--from {first} is after --to {last}."
        raise UsageError(msg)
    return span(first, last)


def nights_or_all(spec: Pipeline, first: str | None, last: str | None) -> list[date]:
    """The nights that `--from` and `--to` name; left out, all that the pipeline can have by now.

    Raises:
        UsageError: there are none.
    """
    return between(parse_night(first) if first else spec.nights.from_, parse_night(last) if last else newest_due(spec, utc_now()))


def walk(settings: Settings, spec: Pipeline, wanted: list[Task], nights: Nights, options: Options, *, run_id: str | None = None) -> list[StepResult]:
    """Run tasks as one recorded run, or as part of the one that an orchestrator has named, with progress."""
    command = " ".join(["matins", *sys.argv[1:]])
    by: Starter = "airflow" if run_id else "command"
    with opened(settings, spec, command=command, options=options, run_id=run_id, by=by) as this, console.progress(len(wanted)) as listener:
        return this.walk(wanted, nights, listener)


def version_or_newest(registry: "Registry", model: str, version: int | None) -> int:
    """The version asked for, or the newest.

    Raises:
        UsageError: there is none yet.
    """
    known = registry.versions(model)
    if not known:
        msg = f"`{model}` has no version yet. Train one: matins train {model}."
        raise UsageError(msg)
    return version or known[-1].version


def warn_of_stress(spec: Pipeline, model: str) -> None:
    """Say, where the file has them, that rules of `stress` are not among those that many versions are judged by."""
    if (asked := spec.models[model].stress) and asked.limits:
        console.warn(f"models.{model}.stress.limits are left out here: each version would have to be stressed. A training judges by them too.")


def placebo(settings: Settings, spec: Pipeline, model: str, as_of: date, pairs: int) -> list[dict[str, Any]]:
    """How the model's gate decides on `pairs` pairs of which neither version is better, and on pairs with a known difference; nothing is registered."""
    from jobs.model.gate.placebo import COINS, STEPS, tallies
    from jobs.model.material import alike, gather, spans_of

    task = training(spec, model)
    # A training each; then two rules, each on every pair, on half of them in every step in both directions, and mixed without a difference and at the margin.
    total = pairs + 2 * (pairs + (2 * len(STEPS) + 2 * COINS) * (pairs - pairs // 2))
    with opened(settings, spec, command=" ".join(["matins", *sys.argv[1:]])) as this, console.counting("placebo", total=total) as done:
        work = this.work(task)
        material = gather(work, as_of, spans_of(work, as_of))
        sound, some = alike(material, pairs=pairs, done=done)
        case = material.case(sound, read_champion=lambda: None)
        return [_of_tally(one) for one in tallies(case, some, done)]


def _of_tally(one: "Tally") -> dict[str, Any]:
    low, high = one.interval
    share = f"{one.promoted / one.judged:.2f} [{low:.2f}, {high:.2f}]"
    return {"rule": one.rule, "pairs": one.what, "better by": round(one.step, 5), "judged": one.judged, "promoted": share, "comparison held": one.compared}


def run_and_tell(
    settings: Settings, spec: Pipeline, wanted: list[Task], nights: Nights, options: Options, *, json: bool, run_id: str | None = None
) -> NoReturn:
    """Run tasks, show a line per night, and end with the exit status that they mean.

    Raises:
        SystemExit: always; 1 if a night is red.
    """
    if not nights:
        show([], f"{spec.pipeline}: no night is due.", json=json)
        raise SystemExit(0)
    results = walk(settings, spec, wanted, nights, options, run_id=run_id)
    lines = night_lines(spec, results)
    show({"nights": lines, "steps": console.results_as_json(results)}, "\n".join(lines), json=json)
    raise SystemExit(1 if any(result.failed for result in results) else 0)


def show(value: Any, text: str, *, json: bool) -> None:
    """One JSON document, or text for people."""
    if json:
        console.as_json(value)
    else:
        console.say(text)
