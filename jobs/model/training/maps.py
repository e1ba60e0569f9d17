"""What is done to a booster's probabilities before they are scores: monotone maps that are learned in training and travel with the version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config.models import Calibrate
from jobs.errors import DataError
from jobs.model.evaluation.floats import Floats

# Probabilities that XGBoost cannot tell from 0 or 1 as 32-bit floats have no finite odds.
EDGE: Final = 1e-7
# Halves of the nights, each judged by the map that the other gave.
HALVES: Final = 2


@dataclass(frozen=True)
class Map:
    """`odds` multiplies the odds by y[0]; `platt` is the logistic curve x[0] + x[1] · log odds; `isotonic` is drawn through the points x, y."""

    kind: Literal["odds", "platt", "isotonic"]
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def apply(self, score: Floats) -> Floats:
        """The mapped probabilities."""
        if self.kind == "isotonic":
            return np.asarray(np.interp(score, self.x, self.y))
        log_odds = _log_odds(score)
        moved = log_odds + np.log(self.y[0]) if self.kind == "odds" else self.x[0] + self.x[1] * log_odds
        return np.asarray(1 / (1 + np.exp(-moved)))


def applied(maps: Sequence[Map], score: NDArray[np.floating]) -> Floats:
    """The scores after all maps, in their order."""
    found = np.asarray(score, dtype=np.float64)
    for one in maps:
        found = one.apply(found)
    return found


def calibrator(rows: pd.DataFrame, score: Floats, wanted: Calibrate) -> tuple[Map, ...]:
    """Learn how scores become probabilities.

    Args:
        rows: of the segment `calibrate`, with `night` and `label` of both classes.
        score: theirs.
        wanted: `best` takes, of Platt and isotonic, the better on nights that it was not fitted to, if it is surely better than nothing.

    Raises:
        DataError: too few nights to choose on.
    """
    if wanted == "none":
        return ()
    label = rows["label"].to_numpy(np.float64)
    if wanted != "best":
        return (_fitted(wanted, score, label),)
    plain = _losses_elsewhere("none", rows["night"], score, label)
    gains = {kind: plain - _losses_elsewhere(kind, rows["night"], score, label) for kind in ("platt", "isotonic")}
    best = max(gains, key=lambda kind: float(gains[kind].mean()))
    # A map must earn its place beyond chance: by two standard errors over nights.
    certain = gains[best].mean() > 2 * gains[best].std(ddof=1) / np.sqrt(len(gains[best]))
    return (_fitted(best, score, label),) if certain else ()


def _losses_elsewhere(kind: str, nights: "pd.Series[Any]", score: Floats, label: Floats) -> Floats:
    """The mean log loss of each night, its rows mapped by what other nights gave."""
    order = np.unique(nights, return_inverse=True)[1]
    # Weeks and not single nights in turn: neighbours share their weather, and would tell each other the answer.
    half = order // 7 % HALVES if order.max() >= 7 else order % HALVES
    if len(np.unique(half)) < HALVES:
        msg = "`calibrate: best` compares on other nights than it fits to: the segment `calibrate` needs two nights or more."
        raise DataError(msg)
    found = np.empty_like(score)
    for one in range(HALVES):
        fitted = applied(() if kind == "none" else (_fitted(kind, score[half != one], label[half != one]),), score[half == one])
        found[half == one] = fitted
    found = np.clip(found, EDGE, 1 - EDGE)
    return np.asarray(np.bincount(order, -np.where(label == 1, np.log(found), np.log1p(-found))) / np.bincount(order))


def _fitted(kind: str, score: Floats, label: Floats) -> Map:
    if kind == "platt":
        from sklearn.linear_model import LogisticRegression

        # No penalty to speak of: two parameters need none (Platt 1999, Probabilistic Outputs for Support Vector Machines).
        line = LogisticRegression(C=1e6).fit(_log_odds(score)[:, None], label)
        return Map("platt", x=(float(line.intercept_[0]), float(line.coef_[0, 0])))
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression(out_of_bounds="clip", y_min=EDGE, y_max=1 - EDGE).fit(score, label)
    return Map("isotonic", x=tuple(map(float, steps.X_thresholds_)), y=tuple(map(float, steps.y_thresholds_)))


def _log_odds(score: Floats) -> Floats:
    clipped = np.clip(score, EDGE, 1 - EDGE)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
