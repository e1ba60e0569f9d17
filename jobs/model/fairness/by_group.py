"""Thresholds by group: what a version has learned, and how a row's threshold is found in pandas and in Spark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.model.fairness.groups import Value, placed

if TYPE_CHECKING:
    from pyspark.sql import Column


@dataclass(frozen=True)
class ByGroup:
    """Scores from which rows are predicted, by the value of one attribute; every other value has the general threshold."""

    attribute: str
    thresholds: tuple[tuple[Value, float], ...]

    @property
    def of(self) -> Mapping[Value, float]:
        """By value."""
        return dict(self.thresholds)

    @property
    def kind(self) -> Literal["text", "flag", "number"] | None:
        """Of the values that have a threshold; None if only a missing value has one."""
        found = next((value for value, _ in self.thresholds if value is not None), None)
        return None if found is None else "text" if isinstance(found, str) else "flag" if isinstance(found, bool) else "number"

    def per_row(self, frame: pd.DataFrame, general: float) -> NDArray[np.float64]:
        """Each row's threshold.

        Raises:
            DataError: the attribute is absent or names no groups.
        """
        return placed(frame, self.attribute, self.of, otherwise=general)

    def column(self, general: float) -> "Column":
        """The same in Spark, over rows with the attribute, whose type the caller has checked."""
        from pyspark.sql import functions as F

        found, given = F.col(f"`{self.attribute}`"), F.lit(general)
        is_missing = found.isNull() | F.isnan(found.cast("double")) if self.kind == "number" else found.isNull()
        # Missing first: to Spark, NaN equals nothing here but is above all numbers.
        for value, threshold in self.thresholds:
            is_this = is_missing if value is None else ~is_missing & (found == F.lit(value))
            given = F.when(is_this, F.lit(threshold)).otherwise(given)
        return given

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"attribute": self.attribute, "thresholds": [list(pair) for pair in self.thresholds]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_plain` gave."""
        pairs: Sequence[Sequence[Any]] = plain["thresholds"]
        return cls(str(plain["attribute"]), tuple((value, float(threshold)) for value, threshold in pairs))
