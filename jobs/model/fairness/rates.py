"""How a group fares: rates of what is decided about its rows, over all of them and in each draw of nights."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import Draws, interval

RateName = Literal["base_rate", "selection_rate", "true_positive_rate", "false_positive_rate", "precision"]
RATES: Final[tuple[RateName, ...]] = get_args(RateName)
# Fewer make a rate that moves by a twentieth or more with a single one of them.
CASES: Final = 20
OF: Final = {"true_positive_rate": "positive", "false_positive_rate": "negative", "precision": "predicted"}


@dataclass(frozen=True)
class Rate:
    """One rate of several groups."""

    name: RateName
    values: Floats
    """Per group."""
    samples: Floats
    """One row per draw, one column per group; NaN in a draw without a case."""
    cases: Floats
    """Per group, the rows that the rate is a share of."""

    def too_few(self, names: list[str]) -> str | None:
        """A sentence if a group has too few cases to speak of a rate."""
        few = [f"`{name}` has {count:.0f}" for name, count in zip(names, self.cases, strict=True) if count < CASES]
        return f"too few {OF.get(self.name, '')} rows, at least {CASES} are needed: {', '.join(few)}" if few else None

    def estimate(self, group: int, draws: Draws) -> Estimate | None:
        """Of one group; None from too few cases, no interval from a single night or where a draw has none of them."""
        if self.cases[group] < CASES:
            return None
        value, samples = float(self.values[group]), self.samples[:, group]
        return Estimate(value, *interval(samples)) if draws.blocks > 1 and np.isfinite(samples).all() else Estimate(value, None, None)


def rates(label: Floats, predicted: NDArray[np.bool_], code: NDArray[np.int64], draws: Draws) -> dict[RateName, Rate]:
    """Every rate of the groups 0, 1, … of `code`; rows of a negative code belong to none.

    Values are fairlearn's, of a group without a case NaN: fairlearn says 0 then, as of a group of which nobody was found.
    """
    count = int(code.max()) + 1
    inside = [(code == group).astype(np.float64) for group in range(count)]
    taken = predicted.astype(np.float64)
    parts = {"rows": np.ones_like(label), "positive": label, "predicted": taken, "hits": label * taken}
    whole = {name: np.array([(given * some).sum() for some in inside]) for name, given in parts.items()}
    drawn = {name: np.stack([draws.totals(given * some) for some in inside], axis=1) for name, given in parts.items()}
    points, cases, samples = _by_fairlearn(label, predicted, code), _shares(whole), _shares(drawn)
    return {name: Rate(name, _of_some(points[name].to_numpy(np.float64), cases[name][1]), _ratio(*samples[name]), cases[name][1]) for name in RATES}


def _shares(of: dict[str, Floats]) -> dict[RateName, tuple[Floats, Floats]]:
    """What each rate is a share of what of."""
    rows, positive, predicted, hits = of["rows"], of["positive"], of["predicted"], of["hits"]
    return {
        "base_rate": (positive, rows),
        "selection_rate": (predicted, rows),
        "true_positive_rate": (hits, positive),
        "false_positive_rate": (predicted - hits, rows - positive),
        "precision": (hits, predicted),
    }


def _by_fairlearn(label: Floats, predicted: NDArray[np.bool_], code: NDArray[np.int64]) -> pd.DataFrame:
    from fairlearn import metrics
    from sklearn.metrics import precision_score

    named = {
        "base_rate": lambda truth, _: float(np.mean(truth)),
        "selection_rate": metrics.selection_rate,
        "true_positive_rate": lambda truth, guess: metrics.true_positive_rate(truth, guess, pos_label=1),
        "false_positive_rate": lambda truth, guess: metrics.false_positive_rate(truth, guess, pos_label=1),
        "precision": lambda truth, guess: precision_score(truth, guess, zero_division=0),
    }
    some = code >= 0
    frame = metrics.MetricFrame(metrics=named, y_true=label[some].astype(int), y_pred=predicted[some].astype(int), sensitive_features=code[some])
    by_group: pd.DataFrame = frame.by_group.sort_index()
    return by_group


def _of_some(values: Floats, cases: Floats) -> Floats:
    return np.where(cases > 0, values, np.nan)


def _ratio(part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part / whole)
