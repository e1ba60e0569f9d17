"""Signals of the pipeline's own data: one number per night, from what is on record, of broken nights above all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import takewhile
from typing import Any, Final

from jobs.config.pipeline import Pipeline
from jobs.config.watching import Condition, DataSignal
from jobs.ledger.ledger import Ledger
from jobs.plan import tasks
from jobs.watch.signals import Held
from jobs.watch.soundness import Soundness, soundness_of


@dataclass(frozen=True, slots=True)
class Data:
    """What is on record about a pipeline's data."""

    soundness: Soundness
    published: frozenset[date] = frozenset()
    """The nights that every model has published."""


def read_data(ledger: Ledger, pipeline: Pipeline) -> Data:
    """What the ledger has on a pipeline's data; no table is looked at."""
    return Data(_before_alerts(soundness_of(ledger, pipeline), pipeline), _published(ledger.night_states(pipeline.pipeline), pipeline))


def value(signal: DataSignal, data: Data, night: date) -> float | None:
    """The signal in a night; None where it has no value.

    Args:
        signal: which.
        data: on record.
        night: the night.
    """
    return READINGS[signal](data, night)


def held(condition: Condition, signal: DataSignal, data: Data, night: date) -> Held:
    """Whether a condition holds in a night."""
    values = {str(day): value(signal, data, day) for day in (night - timedelta(days=n) for n in range(condition.window))}
    beyond = sum(one is not None and condition.beyond(one) for one in values.values())
    return Held(beyond >= condition.nights, values, beyond)


def _before_alerts(soundness: Soundness, pipeline: Pipeline) -> Soundness:
    # A message that could not be sent makes its night red, which is no reason for another.
    watched = {task.table for task in takewhile(lambda task: task.step.name != "alerts", tasks(pipeline))}
    kept = {night: tuple(table for table in tables if table in watched) for night, tables in soundness.red.items()}
    return replace(soundness, red={night: tables for night, tables in kept.items() if tables})


def _published(states: Sequence[Mapping[str, Any]], pipeline: Pipeline) -> frozenset[date]:
    done = [(one["table_name"], one["night"]) for one in states if one["outcome"] in {"written", "unchanged"}]
    return frozenset.intersection(*(frozenset(night for table, night in done if table == f"{model}/published") for model in pipeline.models))


def _behind(data: Data, night: date) -> float | None:
    newest = max((one for one in data.published if one <= night), default=None)
    return None if newest is None else float((night - newest).days)


READINGS: Final[Mapping[DataSignal, Callable[[Data, date], float | None]]] = {
    "red": lambda data, night: float(len(data.soundness.red.get(night, ()))),
    "quarantined": lambda data, night: data.soundness.quarantined.get(night),
    "volume": lambda data, night: data.soundness.volume(night),
    "missing_history": lambda data, night: data.soundness.missing_history.get(night),
    "behind": _behind,
}
