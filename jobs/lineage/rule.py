"""How one row's score becomes a decision, in words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from jobs.lineage.answer import percent
from jobs.model.decision import Decision


@dataclass(frozen=True)
class Rule:
    """By which a row is predicted or not."""

    sentence: str
    threshold: float | None = None
    """The score from which the row is predicted; None where it is not decided so."""


def rule_of(decision: Decision | None, row: Mapping[str, Any], score: float) -> Rule:
    """The rule for one row.

    Args:
        decision: the model's; None of a regression.
        row: with the attribute whose groups have thresholds of their own.
        score: the row's.

    Raises:
        DataError: the attribute is absent or names no groups.
    """
    if decision is None:
        return Rule("A regression predicts a quantity and no class.")
    if decision.threshold is None:
        return Rule(f"It is predicted of the {decision.top} rows of each night with the highest probability.")
    own = float(decision.by_group.per_row(pd.DataFrame([row]), math.nan)[0]) if decision.by_group else math.nan
    threshold, whose = (decision.threshold, "") if math.isnan(own) else (own, ", which is the threshold of its group")
    return Rule(f"It is predicted from {percent(threshold, score)} on{whose}.", threshold)
