"""From scores to decisions: which rows of a night are predicted positive."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config.models import Model, Target
from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.model.evaluation.floats import Floats
from jobs.model.fairness.by_group import ByGroup
from jobs.model.training.learned import Learned

if TYPE_CHECKING:
    from pyspark.sql import Column


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Either all rows from a score on, or the best few of each night."""

    threshold: float | None = None
    top: int | None = None
    # Not shown: the version's digest covers it, and decisions without it keep the fingerprint that they had.
    by_group: ByGroup | None = field(default=None, repr=False)
    """Groups with a threshold of their own; `threshold` is for all other rows."""

    @classmethod
    def of(cls, pipeline: Pipeline, model: Model, learned: Learned) -> Self | None:
        """What the file says, with what the version has learned for it; None of a regression."""
        if model.type == "regression":
            return None
        # What groups were compared by is part of the version: what the file says since has been examined by nobody.
        if model.fairness and (learned.threshold or learned.top):
            return cls(threshold=learned.threshold, top=learned.top, by_group=learned.by_group)
        asked, cost = model.threshold, pipeline.purpose.cost
        if isinstance(asked, Target):
            return cls(top=asked.top) if asked.top else cls(threshold=learned.threshold, by_group=learned.by_group)
        return cls(threshold=cost.threshold if asked == "from purpose" and cost else float(asked), by_group=learned.by_group)

    def predicted(self, rows: pd.DataFrame, score: Floats) -> NDArray[np.bool_]:
        """Per row. A score equal to the threshold is predicted; of equal scores at the edge of the best few, the first rows are.

        Args:
            rows: with `night`, and the attribute whose groups have thresholds of their own.
            score: theirs.

        Raises:
            DataError: the attribute is absent or names no groups.
        """
        if self.threshold is not None:
            return np.asarray(score >= (self.by_group.per_row(rows, self.threshold) if self.by_group else self.threshold))
        rank = pd.Series(score).groupby(np.asarray(rows["night"])).rank(method="first", ascending=False)
        return np.asarray(rank <= (self.top or 0))

    def expression(self, key: list[str], *, score: str = "score") -> "Column":
        """The same in Spark, over rows with `night`, a score and the attribute of groups; equal scores are told apart by the key."""
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        if self.threshold is not None:
            return F.col(score) >= (self.by_group.column(self.threshold) if self.by_group else F.lit(self.threshold))
        return F.row_number().over(Window.partitionBy("night").orderBy(F.col(score).desc(), *key)) <= F.lit(self.top)


def learned_threshold(target: Target, label: Floats, score: Floats) -> float:
    """The score from which the target is met on these rows: the lowest that has the precision, the highest that has the recall.

    Raises:
        DataError: no score has that precision here.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, scores = precision_recall_curve(label, score)
    if target.recall is not None:
        return float(scores[recall[:-1] >= target.recall].max())
    reached = scores[precision[:-1] >= (target.precision or 0)]
    if not len(reached):
        msg = f"`threshold: {{precision: {target.precision:g}}}` is out of reach: the best on {len(label)} rows is {precision[:-1].max():.3f}. Ask for less."
        raise DataError(msg)
    return float(reached.min())
