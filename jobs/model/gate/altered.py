"""Contenders altered so that it is known by how much they differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from jobs.errors import DataError
from jobs.model.evaluation.evaluation import point
from jobs.model.evaluation.floats import Floats
from jobs.model.gate.case import Case, Contender
from jobs.model.segments import Span


@dataclass(frozen=True)
class Mixed:
    """Of each night the scores of one of two contenders, as a coin fell: this and the other way round differ by chance alone.

    So are differences exchanged in a permutation test of pairs (Fisher 1935, The Design of Experiments, 21).
    """

    heads: Contender
    tails: Contender
    coin: int

    @property
    def digest(self) -> str:
        """Its own: the gate must not take it for what it is made of."""
        return sha256(f"{self.heads.digest} {self.tails.digest} {self.coin}".encode()).hexdigest()

    @property
    def spans(self) -> Mapping[str, Span]:
        """The nights they were made from."""
        return self.heads.spans

    @property
    def size(self) -> int:
        """Bytes of the trees of one."""
        return self.heads.size

    def score(self, frame: pd.DataFrame) -> Floats:
        """One score per row."""
        fell = {night: np.random.default_rng((self.coin, night.toordinal())).random() < 0.5 for night in set(frame["night"])}
        return np.where(frame["night"].map(fell).to_numpy(bool), self.heads.score(frame), self.tails.score(frame))


@dataclass(frozen=True)
class Spoiled:
    """A contender with a share of each score taken from another row, so that it is worse by a known amount."""

    of: Contender
    share: float

    @property
    def digest(self) -> str:
        """Its own: the gate must not take it for what it is made of."""
        return sha256(f"{self.of.digest} {self.share}".encode()).hexdigest()

    @property
    def spans(self) -> Mapping[str, Span]:
        """The nights it was made from."""
        return self.of.spans

    @property
    def size(self) -> int:
        """Bytes of the trees."""
        return self.of.size

    def score(self, frame: pd.DataFrame) -> Floats:
        """One score per row."""
        return _blurred(self.of.score(frame), self.share)

    @classmethod
    def by(cls, step: float, of: Contender, case: Case) -> "Spoiled":
        """Worse by `step` on the case's holdout, in the loss that training minimises.

        Raises:
            DataError: not even scores that are all taken from other rows are so much worse.
        """
        label, own = case.holdout["label"].to_numpy(np.float64), of.score(case.holdout)

        def excess(share: float) -> float:
            return point(case.loss, label, _blurred(own, share)) - point(case.loss, label, own) - step

        if excess(1.0) <= 0:
            msg = f"Nothing is worse than the model by {step:.4f} of {case.loss}: it knows too little for such a step."
            raise DataError(msg)
        return cls(of, float(brentq(excess, 0, 1, xtol=1e-4)))


def _blurred(scores: Floats, share: float) -> Floats:
    return np.asarray((1 - share) * scores + share * np.random.default_rng(0).permutation(scores))
