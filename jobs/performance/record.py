"""The estimator's record: what it said before labels were known, beside what they then said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

import numpy as np

from jobs.errors import DataError
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import draw, interval
from jobs.nights import Nights
from jobs.performance.tally import measures
from jobs.watch.facts import Facts

Unit = Literal["month", "week"]
METRICS: Final = ("roc_auc", "log_loss")
ERRORS: Final[Mapping[str, str]] = {"roc_auc": "auc_error", "log_loss": "loss_error"}
SIGMAS: Final = 1.96


@dataclass(frozen=True)
class Pair:
    """One metric of some nights: estimated, with the band that the holdout gave it, and realised, with an interval over nights."""

    period: str
    metric: str
    nights: int
    estimated: Estimate
    realised: Estimate

    @property
    def error(self) -> float:
        """Estimate less truth."""
        return self.estimated.value - self.realised.value

    @property
    def held(self) -> bool | None:
        """Whether the truth was within the band; None where there is no band."""
        low, high = self.estimated.low, self.estimated.high
        return None if low is None or high is None else low <= self.realised.value <= high


def pairs(facts: Facts, nights: Nights, unit: Unit, *, seed: int) -> list[Pair]:
    """Both, by month or week.

    Args:
        facts: on record.
        nights: scored nights to look at; only those whose labels are known and that have an estimate count.
        unit: what is pooled.
        seed: of the intervals.

    Raises:
        DataError: there is no such night.
    """
    periods: dict[str, list[date]] = {}
    for night in (night for night in nights if night in facts.realised and night in facts.estimated):
        periods.setdefault(_period(night, unit), []).append(night)
    if not periods:
        msg = "No night of these has both an estimate and known labels; estimates are of binary models, made by the step `performance`."
        raise DataError(msg)
    return [one for name, some in periods.items() for one in _of_period(facts, name, some, seed)]


def _period(night: date, unit: Unit) -> str:
    return f"{night:%Y-%m}" if unit == "month" else f"{night.isocalendar().year}-W{night.isocalendar().week:02}"


def _of_period(facts: Facts, name: str, nights: list[date], seed: int) -> Iterable[Pair]:
    known, expected = (np.array([one.tally for one in some]) for some in ([facts.realised[n][-1] for n in nights], [facts.estimated[n] for n in nights]))
    truth, estimate = measures(known.sum(axis=0), facts.kind), measures(expected.sum(axis=0), facts.kind)
    holdout = facts.holdouts.get(facts.estimated[nights[-1]].version, {})
    for metric in METRICS:
        value, spread = float(estimate[metric]), SIGMAS * holdout.get(ERRORS[metric], 0.0)
        band = Estimate(value, value - spread, value + spread) if spread else Estimate(value, None, None)
        yield Pair(name, metric, len(nights), band, _realised(known, nights, float(truth[metric]), metric, seed))


def _realised(known: Floats, nights: list[date], value: float, metric: str, seed: int) -> Estimate:
    draws = draw(np.array(nights, dtype=object), seed=seed)
    if draws.blocks < 2:
        return Estimate(value, None, None)
    blocks = np.array([known[draws.block == block].sum(axis=0) for block in range(draws.blocks)])
    samples = measures(draws.weights @ blocks, "binary")[metric]
    return Estimate(value, *interval(samples[np.isfinite(samples)]))


def summary(found: Sequence[Pair]) -> dict[str, Any]:
    """Per metric: the mean absolute error, and the share of the periods whose truth was within the band."""
    told: dict[str, Any] = {}
    for metric in METRICS:
        some = [one for one in found if one.metric == metric]
        judged = [one.held for one in some if one.held is not None]
        told[metric] = {
            "periods": len(some),
            "mean_absolute_error": float(np.mean([abs(one.error) for one in some])),
            "within_band": float(np.mean(judged)) if judged else None,
        }
    return told


def as_table(found: Sequence[Pair]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells, for people."""
    columns = ["period", "metric", "nights", "estimated, with its band", "realised, 95 %", "error"]
    return columns, [[one.period, one.metric, str(one.nights), _shown(one.estimated), _shown(one.realised), f"{one.error:+.3f}"] for one in found]


def _shown(one: Estimate) -> str:
    return f"{one.value:.3f}" if one.low is None or one.high is None else f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"
