"""Variants of a version side by side: how far apart each leaves the groups, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config.models import Metric
from jobs.config.pipeline import Cost
from jobs.model.evaluation.evaluation import Estimate, point
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import SAMPLED, Draws, draw, interval
from jobs.model.fairness.examined import Examined

Predicted = NDArray[np.bool_]


@dataclass(frozen=True)
class Variant:
    """One version beside the one that nothing was done to."""

    name: str
    examined: Examined | None = None
    values: Mapping[str, float | None] = field(default_factory=dict)
    """Its loss, and at its decisions the cost of errors per row, the precision and the recall."""
    prices: Mapping[str, Estimate | None] = field(default_factory=dict)
    """Each less that of the version that nothing was done to, on the same rows; None where a draw has no value, or for that version itself."""
    gains: Mapping[str, Estimate | None] = field(default_factory=dict)
    """Each measure less that of the same version."""
    problem: str | None = None
    """Why there is no such version."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        measures = self.examined.to_dict()["measures"] if self.examined else None
        plain = {what: {name: one and one.to_dict() for name, one in given.items()} for what, given in (("prices", self.prices), ("gains", self.gains))}
        return {"name": self.name, "measures": measures, "values": dict(self.values), "problem": self.problem, **plain}


@dataclass(frozen=True)
class Decided:
    """Scores and decisions of one version on the holdout."""

    score: Floats
    predicted: Predicted
    examined: Examined


@dataclass(frozen=True)
class Scale:
    """The holdout, on which all are measured with the same draws."""

    frame: pd.DataFrame
    """With `night` and `label`."""
    loss: Metric
    cost: Cost | None
    seed: int

    @cached_property
    def _label(self) -> Floats:
        return self.frame["label"].to_numpy(np.float64)

    @cached_property
    def _draws(self) -> Draws:
        return draw(self.frame["night"], seed=self.seed)

    def variant(self, name: str, made: Decided, base: Decided | None) -> Variant:
        """Measure one; `base` is what nothing was done to, None for itself."""
        values, samples = self._measured(made)
        if base is None:
            return Variant(name, made.examined, values)
        others, drawn = self._measured(base)
        prices = {what: _less(values[what], others[what], samples[what], drawn[what]) for what in values}
        return Variant(name, made.examined, values, prices, _gains(made.examined, base.examined))

    def _measured(self, made: Decided) -> tuple[dict[str, float | None], dict[str, Floats]]:
        label, taken = self._label, made.predicted.astype(np.float64)
        missed, false = label * (1 - taken), (1 - label) * taken
        weighed = self.cost.missed * missed + self.cost.false_alarm * false if self.cost else np.full(len(label), np.nan)
        parts = {"cost": (weighed, np.ones_like(label)), "precision": (label * taken, taken), "recall": (label * taken, label)}
        with np.errstate(invalid="ignore", divide="ignore"):
            values = {name: float(np.divide(part.sum(), whole.sum())) for name, (part, whole) in parts.items()}
            samples = {name: np.asarray(self._draws.totals(part) / self._draws.totals(whole)) for name, (part, whole) in parts.items()}
        told = {self.loss: point(self.loss, label, made.score), **values}
        samples = {self.loss: SAMPLED[self.loss](self._draws, label, made.score), **samples}
        return {name: value if np.isfinite(value) else None for name, value in told.items()}, samples


def _gains(made: Examined, base: Examined) -> dict[str, Estimate | None]:
    found: dict[str, Estimate | None] = {}
    for measure, one in (made.gaps or {}).items():
        other = base.gaps[measure] if base.gaps else None
        if other and one.estimate and other.estimate and one.samples is not None and other.samples is not None:
            found[measure] = _less(one.estimate.value, other.estimate.value, one.samples, other.samples)
    return found


def _less(value: float | None, other: float | None, samples: Floats, others: Floats) -> Estimate | None:
    if value is None or other is None:
        return None
    drawn = samples - others
    return Estimate(value - other, *interval(drawn)) if np.isfinite(drawn).all() else Estimate(value - other, None, None)
