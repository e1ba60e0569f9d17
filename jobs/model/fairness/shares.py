"""Whether the groups were trained on in the shares in which they are scored."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from jobs.errors import DataError
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import Draws, draw, interval
from jobs.model.fairness.groups import Value, groups_of, name_of


@dataclass(frozen=True)
class Share:
    """One group among the rows trained on and among those that are scored."""

    name: str
    trained: float
    scored: float
    difference: Estimate | None
    """Of the two; None of a group that has too few rows in both."""

    @property
    def is_off(self) -> bool:
        """Whether the difference is beyond what nights differ by."""
        found = self.difference
        return found is not None and found.low is not None and found.high is not None and not found.low <= 0 <= found.high

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "difference": self.difference and self.difference.to_dict(), "is_off": self.is_off}


def shares(trained: pd.DataFrame, scored: pd.DataFrame, attribute: str, *, min_rows: int, seed: int) -> list[Share]:
    """Each group's share of either; nothing where the attribute names no groups.

    Nights are drawn from both for themselves, since they are other nights.

    Args:
        trained: the rows that were learned from, with `night` and the attribute.
        scored: the population: the newest rows that the model scores, whether their label is known or not.
        attribute: whose values are the groups.
        min_rows: that a group has in one of both, for a difference to be claimed.
        seed: of the draws.
    """
    try:
        some = [groups_of(rows, attribute) for rows in (trained, scored)]
    except DataError:
        return []
    draws = [draw(rows["night"], seed=seed + number) for number, rows in enumerate((trained, scored))]
    present = {value for one in some for value in one.values}
    named: list[Any] = sorted(value for value in present if value is not None)

    def rows_of(value: Value) -> list[Floats]:
        return [(one.code == one.values.index(value)).astype(np.float64) if value in one.values else np.zeros(len(one.code)) for one in some]

    return [_share(name_of(value), rows_of(value), draws, min_rows) for value in (*named, *([None] if None in present else []))]


def _share(name: str, rows: list[Floats], draws: list[Draws], min_rows: int) -> Share:
    trained, scored = (float(one.mean()) for one in rows)
    if max(one.sum() for one in rows) < min_rows:
        return Share(name, trained, scored, None)
    drawn = [one.totals(inside) / one.totals(np.ones_like(inside)) for one, inside in zip(draws, rows, strict=True)]
    ends = interval(drawn[0] - drawn[1]) if min(one.blocks for one in draws) > 1 else (None, None)
    return Share(name, trained, scored, Estimate(trained - scored, *ends))
