"""The results of a simulation as plain data: the same for the same data, configuration, policies and seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from jobs.config.models import Metric, Model
from jobs.config.watching import Retrain
from jobs.errors import DataError
from jobs.model.evaluation.floats import Floats
from jobs.model.segments import to_plain
from jobs.nights import in_words
from jobs.retraining.simulation.compared import Difference, best_of, differences, sentences
from jobs.retraining.simulation.measured import ALL, Sampled, by_month
from jobs.retraining.simulation.policies import told
from jobs.retraining.simulation.replay import Attempt, Replay


@dataclass(frozen=True)
class Replays:
    """Every policy's replays, one per seed."""

    name: str
    """The model's: `flights.delayed`."""
    model: Model
    asked: Sequence[date]
    nights: Sequence[date]
    """Those of `asked` that have rows."""
    policies: Mapping[str, Retrain]
    seeds: Sequence[int]
    done: Mapping[str, Sequence[Replay]]


def results(replays: Replays) -> dict[str, Any]:
    """Everything that is told.

    Raises:
        DataError: no label of these nights is known.
    """
    first = next(iter(replays.done.values()))[0]
    labelled = {night: tally for night in replays.nights if (tally := first.tally(night)) is not None}
    if not labelled:
        msg = f"No label of the nights {replays.asked[0]} to {replays.asked[-1]} is known yet: nothing can be measured."
        raise DataError(msg)
    months = {name: by_month(_tallies(some, [*labelled]), [*labelled], replays.model.type) for name, some in replays.done.items()}
    losses = {name: found[ALL][replays.model.loss] for name, found in months.items()}
    apart = differences(losses)
    about = {
        "model": replays.name,
        "from": str(replays.asked[0]),
        "to": str(replays.asked[-1]),
        "nights": len(replays.nights),
        "labelled_nights": len(labelled),
        "rows": round(sum(float(tally[0]) for tally in labelled.values())),
        "loss": replays.model.loss,
        "seeds": [*replays.seeds],
        "best": best_of(losses),
        "sentences": [*sentences(losses, apart, replays.model.loss)],
        "notes": [*notes(replays)],
    }
    return dict(_rounded({**about, "policies": {name: _policy(replays, name, months[name], apart.get(name)) for name in replays.policies}}))


def notes(replays: Replays) -> Iterator[str]:
    """What a reader should know of how it was done."""
    starts = [replay.attempts[0] for replay in next(iter(replays.done.values()))]
    refused = sum(not one.passed for one in starts)
    gate = f"the gate, which {_refusing(refused, len(starts))}, has no say in it"
    yield f"All policies begin with the same champion, made as of {replays.asked[0]}; {gate}."
    yield "What a night trains scores from the next night on; a challenger that the gate refuses changes nothing."
    yield "Each night knew what it could have known then; what its scores were worth is measured by the labels that are known now."
    attempts = {one.night: one for some in replays.done.values() for replay in some for one in replay.attempts if one.spans}
    if shorter := sorted(night for night, one in attempts.items() if _length(one) < _wanted(replays.model)):
        them = f"{len(shorter)} trainings from {shorter[0]} to {shorter[-1]}" if len(shorter) > 1 else f"the training of {shorter[0]}"
        yield f"The pipeline was too young for the file's {_wanted(replays.model)} nights of segments: {them} had all segments shorter, in proportion."
    if replays.model.search:
        yield "Parameters are the file's own: a search is bounded by minutes and would not find the same twice."
    if skipped := [night for night in replays.asked if night not in set(replays.nights)]:
        yield f"Nothing happened in {in_words(skipped)}: there are no rows to score."
    problems = [night for night in replays.nights if next(iter(replays.done.values()))[0].facts.soundness.problem(night)]
    if problems:
        yield f"By what is on record now, the data of {in_words(problems)} was not sound; these nights start nothing."


def _refusing(refused: int, seeds: int) -> str:
    if seeds == 1:
        return "would have refused it" if refused else "would have passed it"
    return f"would have refused it with {refused} of {seeds} seeds"


def _tallies(replays: Sequence[Replay], nights: Sequence[date]) -> Floats:
    return np.array([[replay.tally(night) for night in nights] for replay in replays])


def _length(attempt: Attempt) -> int:
    return sum(span.nights for span in attempt.spans.values())


def _wanted(model: Model) -> int:
    return sum(model.segments.model_dump().values())


def _plain(one: Sampled) -> dict[str, Any]:
    return {**one.estimate.to_dict(), "seeds": one.values.tolist()}


def _policy(replays: Replays, name: str, months: Mapping[str, Mapping[Metric, Sampled]], apart: Difference | None) -> dict[str, Any]:
    return {
        "retrain": told(replays.policies[name]),
        "settings": replays.policies[name].model_dump(mode="json", exclude_none=True),
        "difference": apart and apart.to_dict(),
        "months": {month: {metric: _plain(one) for metric, one in found.items()} for month, found in months.items()},
        "runs": [_run(seed, one) for seed, one in zip(replays.seeds, replays.done[name], strict=True)],
    }


def _run(seed: int, replay: Replay) -> dict[str, Any]:
    attempts = [
        {"night": str(one.night), "reason": one.reason, "ended": one.ended, "version": one.version, "sentence": one.sentence, "segments": to_plain(one.spans)}
        for one in replay.attempts
    ]
    return {"seed": seed, "held_back": sum(one.act == "held_back" for one in replay.decisions), "attempts": attempts}


def _rounded(value: Any) -> Any:
    """Six digits tell all that there is to see; NaN is no JSON."""
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value
