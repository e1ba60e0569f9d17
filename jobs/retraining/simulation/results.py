"""The results of a simulation as plain data: the same for the same data, configuration, policies and seeds."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from jobs.config.models import Metric
from jobs.model.evaluation.floats import Floats
from jobs.model.segments import to_plain
from jobs.retraining.simulation.compared import Difference, best_of, differences, sentences
from jobs.retraining.simulation.measured import ALL, Sampled, by_month
from jobs.retraining.simulation.policies import told
from jobs.retraining.simulation.replay import Replay
from jobs.retraining.simulation.replays import Replays, notes


def results(replays: Replays) -> dict[str, Any]:
    """Everything that is told.

    Raises:
        DataError: no label of these nights is known.
    """
    tallies = {name: _tallies(some, replays.labelled) for name, some in replays.done.items()}
    months = {name: by_month(given, replays.labelled, replays.model.type) for name, given in tallies.items()}
    losses = {name: found[ALL][replays.model.loss] for name, found in months.items()}
    apart = differences(losses)
    about = {
        "model": replays.name,
        "from": str(replays.asked[0]),
        "to": str(replays.asked[-1]),
        "nights": len(replays.nights),
        "labelled_nights": len(replays.labelled),
        "rows": round(float(next(iter(tallies.values()))[0, :, 0].sum())),
        "loss": replays.model.loss,
        "seeds": [*replays.seeds],
        "best": best_of(losses),
        "sentences": [*sentences(losses, apart, replays.model.loss)],
        "notes": [*notes(replays)],
    }
    return dict(_rounded({**about, "policies": {name: _policy(replays, name, months[name], apart.get(name)) for name in replays.policies}}))


def _tallies(replays: Sequence[Replay], nights: Sequence[date]) -> Floats:
    return np.array([[replay.tally(night) for night in nights] for replay in replays])


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
