"""What a version's decisions mean for the groups of one attribute."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config.fairness import Measure
from jobs.errors import DataError
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.resampling import Draws, draw
from jobs.model.fairness.gaps import MEASURES, Gap, gap
from jobs.model.fairness.groups import Groups, groups_of
from jobs.model.fairness.rates import Rate, RateName, rates


@dataclass(frozen=True)
class Group:
    """One group on the holdout."""

    name: str
    rows: int
    share: float
    rates: Mapping[RateName, Estimate | None]
    """None where too few rows are behind it; empty for a group that nothing is claimed of."""
    is_small: bool = False
    """It has fewer rows than asked for."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "rates": {name: one and one.to_dict() for name, one in self.rates.items()}}


@dataclass(frozen=True)
class Examined:
    """The groups of one attribute, and how far apart they are."""

    attribute: str
    groups: tuple[Group, ...] = ()
    gaps: Mapping[Measure, Gap] | None = None
    """None if there are no two groups to compare."""
    problem: str | None = None
    """Why nothing can be compared."""

    def gap(self, measure: Measure) -> Gap:
        """One measure.

        Raises:
            DataError: it cannot be measured.
        """
        found = self.gaps[measure] if self.gaps else Gap(problem=self.problem)
        if found.problem:
            raise DataError(found.problem)
        return found

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        gaps = {name: one.to_dict() for name, one in self.gaps.items()} if self.gaps else None
        return {"attribute": self.attribute, "groups": [one.to_dict() for one in self.groups], "measures": gaps, "problem": self.problem}


def examine(frame: pd.DataFrame, predicted: NDArray[np.bool_], attribute: str, *, min_rows: int, seed: int) -> Examined:
    """Compare the groups that have enough rows; it never raises for what the data are like, but says what is wrong with them.

    Args:
        frame: of the holdout: `night`, `label` and the attribute.
        predicted: what was decided of each row.
        attribute: whose values are the groups.
        min_rows: of a group.
        seed: of the draws of nights.
    """
    try:
        groups = groups_of(frame, attribute)
    except DataError as error:
        return Examined(attribute, problem=str(error))
    enough, draws = np.flatnonzero(groups.rows >= min_rows), draw(frame["night"], seed=seed)
    # Rows of the other groups are in none: −1.
    place = np.full(len(groups.values), -1, dtype=np.int64)
    place[enough] = np.arange(len(enough))
    found = rates(frame["label"].to_numpy(np.float64), predicted, place[groups.code], draws) if len(enough) else {}
    told = tuple(_group(groups, number, place, found, draws) for number in range(len(groups.values)))
    if problem := _incomparable(groups, enough, min_rows):
        return Examined(attribute, told, problem=problem)
    names = [groups.names[number] for number in enough]
    return Examined(attribute, told, {measure: gap([found[name] for name in some], names, blocks=draws.blocks) for measure, some in MEASURES.items()})


def _group(groups: Groups, number: int, place: NDArray[np.int64], found: Mapping[RateName, Rate], draws: Draws) -> Group:
    rows, at = int(groups.rows[number]), int(place[number])
    about = (groups.names[number], rows, rows / len(groups.code))
    return Group(*about, {}, is_small=True) if at < 0 else Group(*about, {name: one.estimate(at, draws) for name, one in found.items()})


def _incomparable(groups: Groups, enough: NDArray[np.intp], min_rows: int) -> str | None:
    """A sentence if there are not two groups to compare."""
    if groups.values == (None,):
        return f"`{groups.attribute}` is missing in all {len(groups.code)} rows, so there are no groups to compare"
    if len(groups.values) == 1:
        return f"`{groups.attribute}` is `{groups.names[0]}` in all {len(groups.code)} rows, so there are no groups to compare"
    if len(enough) >= 2:
        return None
    sizes = ", ".join(f"`{name}` has {rows}" for name, rows in zip(groups.names, groups.rows, strict=True))
    return (
        f"of the groups of `{groups.attribute}`, {len(enough)} has the {min_rows} rows from which on anything is claimed, and it takes two to compare: {sizes}"
    )
