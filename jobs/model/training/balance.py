"""How much each training row counts: by its class, and by its age."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config.models import Model
from jobs.model.evaluation.floats import Floats
from jobs.model.training.maps import Map


@dataclass(frozen=True)
class Balance:
    """Of a binary model: what a positive row weighs, and which share of the negative rows is kept."""

    positive_weight: float = 1.0
    negative_share: float = 1.0

    @property
    def correction(self) -> tuple[Map, ...]:
        """Gives the probabilities back that the balance took: the odds of training are too high by a known factor.

        As in Dal Pozzolo et al. 2015, Calibrating Probability with Undersampling for Unbalanced Classification, eq. 4.
        """
        factor = self.negative_share / self.positive_weight
        return () if factor == 1 else (Map("odds", y=(factor,)),)

    def kept(self, label: Floats, *, seed: int) -> NDArray[np.bool_]:
        """The rows that are trained on."""
        drawn = np.random.default_rng(seed).random(len(label)) < self.negative_share
        return np.asarray((label == 1) | drawn)

    def counts(self, label: Floats, *, drawn: bool) -> Floats:
        """What each row weighs; where negatives were not left out (`drawn` is false), they weigh the less."""
        return np.where(label == 1, self.positive_weight, 1.0 if drawn else self.negative_share)


def balance_of(model: Model, label: Floats) -> Balance:
    """What the model's section asks for; `balanced` makes both classes weigh the same."""
    if model.imbalance is None:
        return Balance()
    weight = model.imbalance.positive_weight
    if weight == "balanced":
        weight = float((label == 0).sum() / max((label == 1).sum(), 1))
    return Balance(float(weight), model.imbalance.negative_share)


def age_weights(nights: "pd.Series[Any]", half_life: int | None) -> Floats:
    """1 for the newest night, half of it for one `half_life` nights older."""
    if half_life is None:
        return np.ones(len(nights))
    day = pd.to_datetime(nights)
    return np.asarray(0.5 ** ((day.max() - day).dt.days / half_life), dtype=np.float64)
