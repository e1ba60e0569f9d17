"""The two files that a version is: `model.ubj` and `learned.json`; together they have one digest and give scores."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.errors import DataError
from jobs.model.training.learned import Learned
from jobs.model.training.maps import applied

if TYPE_CHECKING:
    from xgboost import Booster


# How XGBoost's files begin. Looked at first, since XGBoost ends the whole process when it is given an empty file.
UBJSON: Final = b"{L"


@dataclass(frozen=True)
class Artifact:
    """A trained model as bytes. Nothing is ever unpickled: UBJSON and JSON hold values, not code."""

    ubj: bytes
    learned: Learned
    threads: int = 2

    @cached_property
    def digest(self) -> str:
        """sha256 over the bytes of `model.ubj` and of the canonical learned state."""
        return hashlib.sha256(self.ubj + self.learned.to_json().encode()).hexdigest()

    @cached_property
    def booster(self) -> "Booster":
        """The trees, loaded from the bytes.

        Raises:
            DataError: the bytes are no model, or one of other features than the learned state.
        """
        booster = load(self.ubj, threads=self.threads)
        if booster.feature_names != self.learned.names or booster.feature_types != self.learned.types:
            msg = f"model.ubj wants the features {booster.feature_names}, its learned state gives {self.learned.names}. The files are of different versions."
            raise DataError(msg)
        return booster

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """One score per row of `frame`, which holds the stored features.

        Raises:
            DataError: the features do not fit, or a score is not finite.
        """
        return self.score_matrix(self.learned.matrix(frame))

    def score_matrix(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """One score per row of a matrix in the learned state's order.

        Raises:
            DataError: a score is not finite.
        """
        if not len(matrix):
            return np.empty(0)
        scores = applied(self.learned.maps, self.booster.inplace_predict(matrix))
        if not np.isfinite(scores).all():
            msg = f"{int((~np.isfinite(scores)).sum())} of {len(scores)} scores are not finite; the model is unusable."
            raise DataError(msg)
        return scores


def load(ubj: bytes, *, threads: int) -> "Booster":
    """A booster from the bytes of `model.ubj`, whose digest the caller has checked.

    Raises:
        DataError: XGBoost cannot read them.
    """
    import xgboost

    if not ubj.startswith(UBJSON):
        msg = f"model.ubj is no UBJSON ({len(ubj)} bytes, beginning with {ubj[:8]!r})."
        raise DataError(msg)
    booster = xgboost.Booster({"nthread": threads, "device": "cpu"})
    try:
        booster.load_model(bytearray(ubj))
    except (xgboost.core.XGBoostError, ValueError) as error:
        msg = f"model.ubj cannot be read by XGBoost {xgboost.__version__}: {str(error).splitlines()[0]}"
        raise DataError(msg) from None
    return booster
