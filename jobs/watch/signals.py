"""Signals: one number per night and model, from what is on record; and whether one is beyond a bound in enough nights."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import numpy as np

from jobs.config.watching import Condition, ModelSignal
from jobs.performance.tally import loss_ratio, measures
from jobs.watch.facts import Facts, Known

Reading = Callable[[Facts, date, int, int], float | None]
"""From facts, night, version and the number of nights to compute it over."""
Measure = Callable[[Facts, Mapping[str, Any], int], float | None]
"""From facts, the metrics of some nights together and the version."""


class Held(NamedTuple):
    """A condition in a night."""

    holds: bool
    values: Mapping[str, float | None]
    """Of the nights that were looked at, newest first; None: not known, or not to be believed."""
    beyond: int
    """In how many of them."""


def value(signal: ModelSignal, facts: Facts, night: date, *, over: int) -> float | None:
    """The signal as `night` knew it, of the champion of that night; None where it has no value.

    Args:
        signal: which.
        facts: on record.
        night: the night.
        over: how many nights the realised and estimated ones pool; fewer than half of them are no value.
    """
    version = facts.champion(night)
    found = None if version is None else READINGS[signal](facts, night, version, over)
    return found if found is not None and np.isfinite(found) else None


def held(condition: Condition, signal: ModelSignal, facts: Facts, night: date) -> Held:
    """Whether a condition holds in a night. Nights before the champion's first, and nights whose data was broken, do not count for it."""
    champion = facts.champion(night)
    values: dict[str, float | None] = {}
    for day in (night - timedelta(days=n) for n in range(condition.window)):
        counts = facts.champion(day) == champion and facts.soundness.problem(day) is None
        values[str(day)] = value(signal, facts, day, over=condition.over) if counts else None
    beyond = sum(one is not None and condition.beyond(one) for one in values.values())
    return Held(beyond >= condition.nights, values, beyond)


def _drift(name: str) -> Reading:
    def read(facts: Facts, night: date, version: int, _over: int) -> float | None:
        return facts.drifted(night, name) if facts.drift_of.get(night, version) == version else None

    return read


def _pooled(nights: Callable[..., Sequence[tuple[date, Known]]]) -> Callable[[Measure], Reading]:
    """Readings of some nights together, by `Facts.known` or `Facts.expected`; none where less than half of them are there."""

    def of(measure: Measure) -> Reading:
        def read(facts: Facts, night: date, version: int, over: int) -> float | None:
            found = nights(facts, night, version=version, over=over)
            return measure(facts, measures(facts.tally(found), facts.kind), version) if 2 * len(found) >= over else None

        return read

    return of


_realised: Final = _pooled(Facts.known)
_estimated: Final = _pooled(Facts.expected)


def _increase(facts: Facts, found: Mapping[str, Any], version: int) -> float | None:
    before = facts.holdouts.get(version, {}).get(facts.loss)
    return None if before is None else float(found[facts.loss]) - before


def _ratio(facts: Facts, found: Mapping[str, Any], _version: int) -> float | None:
    return loss_ratio(found, facts.loss)


def _balance(facts: Facts, found: Mapping[str, Any], version: int) -> float | None:
    before = facts.holdouts.get(version, {}).get("trained_mean_label")
    return None if before is None else abs(float(found["mean_label"]) - before)


def _named(name: str) -> Measure:
    return lambda _facts, found, _version: float(found[name]) if name in found else None


def _concept(facts: Facts, night: date, version: int, over: int) -> float | None:
    """Over the very same nights: the estimate knows the features, so what is left is the relation between them and the label."""
    # After a night was scored anew, its estimate is of the version that scored it last.
    own = {scored: one for scored, one in facts.estimated.items() if one.version == version}
    known = [(scored, one) for scored, one in facts.known(night, version=version, over=over) if scored in own]
    expected = [(scored, own[scored]) for scored, _ in known]
    if not known or 2 * len(known) < over:
        return None
    losses = [float(measures(tally, facts.kind)[facts.loss]) for tally in map(facts.tally, (known, expected))]
    return losses[0] - losses[1]


def _refused(facts: Facts, night: date, _version: int, _over: int) -> float | None:
    ended = [one for one in facts.trainings if one.night <= night]
    return float(ended[-1].ended in {"refused", "given_up"}) if ended else None


READINGS: Final[Mapping[ModelSignal, Reading]] = {
    "score_drift": _drift("score_drift"),
    "feature_drift": _drift("feature_drift"),
    "loss": _realised(lambda facts, found, _: float(found[facts.loss])),
    "loss_ratio": _realised(_ratio),
    "loss_increase": _realised(_increase),
    "estimated_loss_ratio": _estimated(_ratio),
    "estimated_loss_increase": _estimated(_increase),
    "auc": _realised(_named("roc_auc")),
    "estimated_auc": _estimated(_named("roc_auc")),
    "calibration_error": _realised(_named("calibration_error")),
    "balance": _realised(_balance),
    "concept": _concept,
    "refused": _refused,
}
