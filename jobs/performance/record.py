"""The estimator's record: what it said before labels were known, beside what they then said."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, Literal

import numpy as np

from jobs.errors import DataError
from jobs.model.evaluation.evaluation import Estimate
from jobs.nights import Nights, in_words
from jobs.report.bands import estimated, realised
from jobs.report.wording import NOT_MEASURED
from jobs.watch.facts import Facts

Unit = Literal["month", "week"]
METRICS: Final = ("roc_auc", "log_loss")


@dataclass(frozen=True)
class Pair:
    """One metric of some nights, estimated and realised, as the report's pages tell it; None where it has no value, as the area of one class."""

    period: str
    metric: str
    nights: int
    estimated: Estimate | None
    realised: Estimate | None

    @property
    def error(self) -> float | None:
        """Estimate less truth; None where one of them has no value."""
        return None if self.estimated is None or self.realised is None else self.estimated.value - self.realised.value

    @property
    def held(self) -> bool | None:
        """Whether the truth was within the band; None where there is no band, or no truth."""
        if self.estimated is None or self.realised is None or self.estimated.low is None or self.estimated.high is None:
            return None
        return self.estimated.low <= self.realised.value <= self.estimated.high

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "error": self.error, "held": self.held}


@dataclass(frozen=True)
class Record:
    """Every pair of some nights."""

    unit: Unit
    pairs: tuple[Pair, ...]
    broken: tuple[date, ...]
    """Nights that are left out, since their data was broken."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"pairs": [one.to_dict() for one in self.pairs], "record": summary(self.pairs), "broken_nights": [str(night) for night in self.broken]}


def record(facts: Facts, nights: Nights, unit: Unit) -> Record:
    """Both, by month or week.

    Args:
        facts: on record.
        nights: scored nights to look at; only those whose labels are known, that have an estimate and whose data was whole count.
        unit: what is pooled.

    Raises:
        DataError: there is no such night.
    """
    both = [night for night in nights if night in facts.realised and night in facts.estimated]
    broken = tuple(night for night in both if facts.soundness.problem(night))
    periods: dict[str, list[date]] = {}
    for night in both:
        if night not in broken:
            periods.setdefault(_period(night, unit), []).append(night)
    if not periods:
        raise DataError(_nothing(broken))
    return Record(unit, tuple(one for name, some in periods.items() for one in _of_period(facts, name, some)), broken)


def _nothing(broken: Sequence[date]) -> str:
    if broken:
        return f"Nothing is left to tell. {_left_out(broken)}"
    return "No night of these has both an estimate and known labels; estimates are of binary models, made by the step `performance`."


def _period(night: date, unit: Unit) -> str:
    return f"{night:%Y-%m}" if unit == "month" else f"{night.isocalendar().year}-W{night.isocalendar().week:02}"


def _of_period(facts: Facts, name: str, nights: Sequence[date]) -> Iterator[Pair]:
    expected = estimated(facts, [(night, facts.estimated[night]) for night in nights])
    truth = realised(facts, [(night, facts.realised[night][-1]) for night in nights])
    return (Pair(name, metric, len(nights), expected.get(metric), truth.get(metric)) for metric in METRICS)


def summary(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Per metric: the mean absolute error, and the share of the periods whose truth was within the band; periods in which it has no value are left out."""
    told: dict[str, Any] = {}
    for metric in METRICS:
        some = [one for one in pairs if one.metric == metric]
        apart = [abs(one.error) for one in some if one.error is not None]
        judged = [one.held for one in some if one.held is not None]
        told[metric] = {
            "periods": len(apart),
            "mean_absolute_error": float(np.mean(apart)) if apart else None,
            "within_band": float(np.mean(judged)) if judged else None,
        }
    return told


def as_table(pairs: Sequence[Pair]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells, for people."""
    columns = ["period", "metric", "nights", "estimated, with its band", "realised, 95 %", "error"]
    return columns, [[one.period, one.metric, str(one.nights), _shown(one.estimated), _shown(one.realised), _error(one)] for one in pairs]


def as_lines(found: Record) -> list[str]:
    """What the pairs come to, for people, and which nights are not in them."""
    told = [_told(metric, one, found.unit) for metric, one in summary(found.pairs).items()]
    return [*told, _left_out(found.broken)] if found.broken else told


def _shown(one: Estimate | None) -> str:
    if one is None:
        return NOT_MEASURED
    return f"{one.value:.3f}" if one.low is None or one.high is None else f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _error(one: Pair) -> str:
    return "-" if one.error is None else f"{one.error:+.3f}"


def _told(metric: str, one: dict[str, Any], unit: Unit) -> str:
    if one["mean_absolute_error"] is None:
        return f"{metric}: {NOT_MEASURED}"
    band = "" if one["within_band"] is None else f", the truth within its band in {one['within_band']:.0%}"
    return f"{metric}: mean absolute error {one['mean_absolute_error']:.3f} over {_counted(one['periods'], unit)}{band}"


def _left_out(broken: Sequence[date]) -> str:
    return f"Left out, since the data was broken: {_counted(len(broken), 'night')} ({in_words(broken)})."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
