"""The linear baseline: scikit-learn's logistic or linear regression on the model's own features."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from jobs.config.models import Metric
from jobs.model.evaluation.floats import Floats
from jobs.model.training.learned import Learned

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# Standardised columns, some hundred of them, on tens of thousands of rows: strong enough to tame columns that say the same.
LOGISTIC_C: Final = 0.01
RIDGE_ALPHA: Final = 100.0


@dataclass(frozen=True)
class Linear:
    """Numbers standardised, the missing at the mean and told apart, texts one column per value."""

    fitted: "Pipeline"
    learned: Learned

    def score(self, frame: pd.DataFrame) -> Floats:
        """One score per row of `frame`."""
        matrix = self.learned.matrix(frame)
        is_binary = hasattr(self.fitted, "predict_proba")
        return np.asarray(self.fitted.predict_proba(matrix)[:, 1] if is_binary else self.fitted.predict(matrix), dtype=np.float64)

    def about(self) -> dict[str, Any]:
        """For the record."""
        return {"estimator": repr(self.fitted[-1])}


def fit(train: pd.DataFrame, labels: Floats, *, learned: Learned, loss: Metric) -> Linear:
    """Fit to the training rows; a median, too, is compared with the line of least squares, which has a closed form."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = [place for place, kind in enumerate(learned.types) if kind == "c"]
    others = [place for place, kind in enumerate(learned.types) if kind != "c"]
    numbers = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler())
    groups = make_pipeline(SimpleImputer(strategy="constant", fill_value=-1), OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    columns = make_column_transformer((numbers, others), (groups, texts))
    # Newton's method: far more rows than columns, and columns so much alike that gradients alone take a hundred steps.
    estimator = LogisticRegression(C=LOGISTIC_C, solver="newton-cholesky") if loss == "log_loss" else Ridge(alpha=RIDGE_ALPHA)
    return Linear(make_pipeline(columns, estimator).fit(learned.matrix(train), labels), learned)
