"""Metrics of some nights together, with intervals: of realised ones by drawing nights, of estimated ones by how far estimates were off before."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Final

import numpy as np

from jobs.config.models import Kind
from jobs.errors import DataError
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import RESAMPLES, interval
from jobs.performance.tally import measures
from jobs.watch.facts import Facts, Known

SEED: Final = 0
SPAN: Final = 7
"""Nights that are told together; and that the error of an estimate is measured over."""
STANDARD_ERRORS: Final = 1.96
Found = Sequence[tuple[date, Known]]
Measuring = Callable[[Floats, Kind], Mapping[str, Floats]]
Metrics = Mapping[str, Estimate]
"""A metric that has no value is not there."""


def realised(facts: Facts, found: Found, measured: Measuring = measures) -> Metrics:
    """Every metric of the nights together, with a 95 % interval over nights; a single night has none.

    Args:
        facts: the model's.
        found: scored nights, as `Facts.known` gives them.
        measured: makes metrics of tallies; of a slice's, `losses`.
    """
    if not found:
        return {}
    stacked = np.array([one.tally for _, one in found])
    drawn = _measures(facts, _draws(len(found)) @ stacked, measured) if len(found) > 1 else {}
    values = {name: float(value) for name, value in _measures(facts, stacked.sum(axis=0), measured).items()}
    return {name: Estimate(value, *_ends(drawn.get(name))) for name, value in values.items() if np.isfinite(value)}


def estimated(facts: Facts, found: Found) -> Metrics:
    """Every metric to expect of the nights together; where the version's error is on record, with a 95 % band.

    Args:
        facts: the model's.
        found: scored nights, as `Facts.expected` gives them.
    """
    if not found:
        return {}
    values = {name: float(value) for name, value in _measures(facts, facts.tally(found)).items()}
    errors = {"roc_auc": _error(facts, found, "auc_error"), facts.loss: _error(facts, found, "loss_error")}
    return {name: _within(name, value, errors.get(name)) for name, value in values.items() if np.isfinite(value)}


def _measures(facts: Facts, tally: Floats, measured: Measuring = measures) -> Mapping[str, Floats]:
    told = measured(tally, facts.kind)
    # What is summed of the constant are squares where squares are minimised.
    return {**told, "constant": np.sqrt(told["constant"])} if facts.loss == "rmse" else told


@cache
def _draws(nights: int) -> Floats:
    return np.random.default_rng(SEED).multinomial(nights, np.full(nights, 1 / nights), size=RESAMPLES).astype(np.float64)


def _ends(samples: Floats | None) -> tuple[float, float] | tuple[None, None]:
    try:
        return (None, None) if samples is None else interval(samples)
    except DataError:  # a draw without a value, as of nights of one class
        return None, None


def _error(facts: Facts, found: Found, name: str) -> float | None:
    """The worst of the versions': 0 stands for too few nights to measure one."""
    errors = [facts.holdouts.get(version, {}).get(name) or None for version in {one.version for _, one in found}]
    known = [error for error in errors if error is not None]
    # Fewer nights are told less well.
    return max(known) * (SPAN / min(len(found), SPAN)) ** 0.5 if len(known) == len(errors) else None


def _within(name: str, value: float, error: float | None) -> Estimate:
    if error is None:
        return Estimate(value, None, None)
    # No loss is below 0, and no area beyond 1.
    low, high = max(value - STANDARD_ERRORS * error, 0.0), value + STANDARD_ERRORS * error
    return Estimate(value, low, min(high, 1.0) if name == "roc_auc" else high)
