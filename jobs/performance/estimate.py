"""Performance before labels are known, from the scores alone: confidence-based performance estimation.

Where scores are calibrated probabilities, each row is late with its own probability, so that every sum over labels has an expectation
(CBPE: Białek et al. 2024, Estimating Model Performance Under Covariate Shift Without Labels, 3.2). It sees what the features do to the
scores. It cannot see a change in what the features mean, nor a base rate that moves with something that no feature knows.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

from jobs.config.models import Metric
from jobs.model.evaluation.floats import Floats
from jobs.model.training.maps import EDGE, Map, calibrator
from jobs.performance.tally import measures, tallies

if TYPE_CHECKING:
    from pyspark.sql import Column

BLOCK: Final = 7
"""Nights that errors are counted over: what one night gets wrong by its luck is of no interest."""
MEASURED: Final[Mapping[str, str]] = {"auc_error": "roc_auc", "loss_error": "log_loss"}


@dataclass(frozen=True)
class Estimator:
    """A logistic curve from scores to probabilities, and how far its estimates were from the truth on the rows that it was fitted to."""

    intercept: float
    slope: float
    constant: float
    """The mean label that training knew."""
    auc_error: float
    loss_error: float
    """Standard deviations over spans of `BLOCK` nights, of area and log loss; 0 where there are too few nights."""

    @classmethod
    def fit(cls, rows: pd.DataFrame, score: Floats, *, constant: float, loss: Metric) -> Self:
        """Learn from rows that no tree has seen.

        Args:
            rows: `night` and `label`.
            score: theirs.
            constant: the mean label that training knew.
            loss: what the model minimises.
        """
        # Two parameters: a curve of steps would learn the base rate of these few nights by heart, and take it for a law.
        (curve,) = calibrator(rows, score, "platt")
        group, nights = pd.factorize(rows["night"], sort=True)
        label = rows["label"].to_numpy(np.float64)
        realised, expected = (
            tallies(group.astype(np.int64), len(nights), given, score, constant=constant, kind="binary", loss=loss) for given in (label, curve.apply(score))
        )
        return cls(curve.x[0], curve.x[1], constant, **_errors(realised, expected))

    def expected(self, score: Floats) -> Floats:
        """The probability of each score."""
        return Map("platt", x=(self.intercept, self.slope)).apply(score)

    def expression(self, score: str) -> "Column":
        """The same in Spark, of a column."""
        from pyspark.sql import functions as F

        inside = F.least(F.greatest(F.col(score), F.lit(EDGE)), F.lit(1 - EDGE))
        return 1 / (1 + F.exp(-(F.lit(self.intercept) + F.lit(self.slope) * (F.log(inside) - F.log1p(-inside)))))

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def _errors(realised: Floats, estimated: Floats) -> dict[str, float]:
    """Spread of estimate less truth over all spans of nights."""
    starts = range(len(realised) - BLOCK + 1)
    if len(starts) < 2:
        return dict.fromkeys(MEASURED, 0.0)
    found = [measures(np.array([given[start : start + BLOCK].sum(axis=0) for start in starts]), "binary") for given in (realised, estimated)]
    apart = {error: found[1][metric] - found[0][metric] for error, metric in MEASURED.items()}
    return {error: float(np.sqrt(np.nanmean(given**2))) for error, given in apart.items()}
