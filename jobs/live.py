"""The sample's year as if it were now: prepared up to some nights ago, then a delivery each night as its time comes."""

import time
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final

from jobs import console
from jobs.config.loading import read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import RefusedError, UsageError
from jobs.ledger.ledger import Ledger
from jobs.model.segments import cut
from jobs.nightly import chosen, due_nights, night_lines
from jobs.nights import in_words, span, utc_now
from jobs.plan import Task, tasks
from jobs.results import StepResult
from jobs.runner import Run, opened
from jobs.sample.command import write_sample
from jobs.sample.files import place
from jobs.sample.shifted import Shift, comes_at, delivered_by, shift_of, shifted_text
from jobs.settings import Settings

PIPELINE: Final = "flights"
HOME: Final = Path(".live")
# In the middle of the year's summer, whatever weekday it is: the gate refuses an arrival delay that learned in its autumn, when the median does as well.
TRAINED: Final = 161
"""So many nights before the newest the first champions are made."""
SCORED: Final = 35
"""From so many nights before the newest on, nights are scored and published."""
OPEN: Final = 3
"""So many nights are left to be run."""
PAUSE: Final = 30.0


def live(settings: Settings, *, once: bool) -> None:
    """Prepare the home, say what to do in it, and let deliveries come.

    Args:
        settings: name the home; `.live` if the environment does not.
        once: end after the preparation.

    Raises:
        UsageError: the home was not begun by this, or a setting keeps something outside it.
        RefusedError: a night is red, or the gate refuses a first champion.
    """
    home = settings.home if "home" in settings.model_fields_set else HOME
    _require_own(settings)
    settings = settings.model_copy(update={"home": home, "pipelines": home / "pipelines"})
    shipped = Path(str(files("jobs.pipelines"))) / f"{PIPELINE}.yaml"
    source = read_pipeline(shipped)
    shift = shift_of(settings.root, source, source.nights.to or utc_now().date(), utc_now())
    file = settings.root / "pipelines" / shipped.name
    place(file, shifted_text(shipped.read_text(encoding="utf-8"), shift.later).encode())
    pipeline = read_pipeline(file)
    deliver(settings, source, shift, pipeline.nights.from_, delivered_by(pipeline, utc_now()))
    if not shift.prepared:
        prepare(settings, pipeline, shift.begun)
        shift.model_copy(update={"prepared": True}).keep(settings.root)
    _tell(settings, pipeline)
    if not once:
        keep_delivering(settings, source, shift, pipeline)


def _require_own(settings: Settings) -> None:
    """Everything must lie in the home: the sample's nights have no place among a team's own."""
    if elsewhere := settings.elsewhere:
        msg = f"`matins live` keeps everything in its home, but {', '.join(elsewhere)} {'point' if len(elsewhere) > 1 else 'points'} elsewhere; unset it."
        raise UsageError(msg)


def deliver(settings: Settings, source: Pipeline, shift: Shift, first: date, last: date) -> None:
    """Write the deliveries of some nights; what lies there already stays untouched."""
    console.warn(f"Deliveries of {in_words(span(first, last))}: what flew {shift.days} days before")
    write_sample(settings, source, first, last, seed=None, later=shift.later)


def keep_delivering(settings: Settings, source: Pipeline, shift: Shift, pipeline: Pipeline) -> None:
    """Until Ctrl-C or the last night: each delivery at its time, and after a sleep of the machine all that were due."""
    night = delivered_by(pipeline, utc_now())
    try:
        while night != pipeline.nights.to:
            console.say(f"Next       the delivery for {night + timedelta(days=1)} at {comes_at(pipeline, night + timedelta(days=1)):%Y-%m-%d %H:%M} UTC")
            while (newest := delivered_by(pipeline, utc_now())) == night:
                time.sleep(PAUSE)
            deliver(settings, source, shift, night + timedelta(days=1), newest)
            night = newest
        console.say(f"The year is over: {night} was its last night. Remove {settings.home} to begin another.")
    except KeyboardInterrupt:
        console.say("Stopped. The same command goes on from here.")


def prepare(settings: Settings, pipeline: Pipeline, newest: date) -> None:
    """History, first champions, and scored nights up to a few before `newest`.

    Raises:
        RefusedError: a night is red, or the gate refuses a first champion.
    """
    as_of, scored, last = (newest - timedelta(days=days) for days in (TRAINED, SCORED, OPEN))
    first = min(_first_night(pipeline, model, as_of) for model in pipeline.models)
    to_features = chosen(pipeline, steps="raw,validated,features", model=None)
    training = [task for task in tasks(pipeline) if task.step.name == "model"]
    to_published = chosen(pipeline, steps="predictions,reasons,drift_report,performance,published", model=None)
    with opened(settings, pipeline, command="matins live") as run:
        _done(run, f"History: {first} to {last}, as each night knew it", to_features, span(first, last))
        _done(run, f"First champions, as of {as_of}", training, [as_of])
        _done(run, f"Nights {scored} to {last}", to_published, span(scored, last))


def _first_night(pipeline: Pipeline, model: str, as_of: date) -> date:
    """The first night that a version made as of a night learns from."""
    spec = pipeline.models[model]
    return cut(spec.segments, as_of=as_of, lag=pipeline.feeds[spec.label_feed].lag - pipeline.rows.lag)["train"].first


def _done(run: Run, title: str, wanted: list[Task], nights: list[date]) -> None:
    console.warn(title)
    with console.progress(len(wanted)) as listener:
        results = run.walk(wanted, nights, listener)
    if any(result.failed for result in results):
        raise RefusedError("\n".join(line for line in night_lines(run.pipeline, results) if " FAILED " in line))
    for result in results:
        _require_champion(result, run.settings)


def _require_champion(result: StepResult, settings: Settings) -> None:
    detail = result.nights[0].detail
    if result.step == "model" and detail["verdict"] != "PASS":
        msg = f"The gate refuses the first champion, without which every night is red: {detail['sentence']} Remove {settings.home} and begin another day."
        raise RefusedError(msg)


def _tell(settings: Settings, pipeline: Pipeline) -> None:
    due, home = due_nights(pipeline, Ledger.of(settings), utc_now()), settings.home
    console.say(f"Home       {home}: {pipeline.nights.from_} to {pipeline.nights.to}, tonight among them")
    console.say(f"Due        {in_words(due) or 'nothing'}")
    console.say(f"UI         MATINS_HOME={home} MATINS_PIPELINES={home / 'pipelines'} make up")
    console.say(f"There      turn on the schedule {PIPELINE}_nightly and the sensor {PIPELINE}_due; the sensor starts what is due within a minute")
