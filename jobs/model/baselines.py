"""Baselines: what a model must beat to be worth having, learned from the very rows that it learned from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.errors import DataError
from jobs.model.learned import Feature, Learned

# A group's rate counts as much as the overall rate would in so many rows: rare groups stay near it.
SHRINKAGE: Final = 50.0
# A number with more values than this is no group.
MOST_VALUES: Final = 64


class Baseline(Protocol):
    """Something simple that scores rows."""

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """One score per row of `frame`."""

    def about(self) -> dict[str, Any]:
        """For the record."""


@dataclass(frozen=True)
class Constant:
    """The training rows' mean label, for every row."""

    rate: float

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """One score per row of `frame`."""
        return np.full(len(frame), self.rate)

    def about(self) -> dict[str, Any]:
        """For the record."""
        return {"rate": self.rate}


@dataclass(frozen=True)
class Group:
    """A feature as a group number: its values in training, ascending, then one group for missing."""

    feature: Feature
    values: NDArray[np.float64]

    @property
    def size(self) -> int:
        """How many groups there are."""
        return len(self.values) + 1

    def of(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        """The group of each row of `frame`, -1 for a value never seen."""
        found = self.feature.values(frame[self.feature.name])
        place = np.minimum(np.searchsorted(self.values, found), len(self.values) - 1)
        return np.where(np.isnan(found), len(self.values), np.where(self.values[place] == found, place, -1)).astype(np.int64)


@dataclass(frozen=True)
class HistoricalRate:
    """The training rows' mean label by one or two features, shrunken towards the overall mean."""

    groups: tuple[Group, ...]
    rates: NDArray[np.float64]
    overall: float

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """One score per row of `frame`; the overall rate where the group was never seen."""
        cells = cells_of([group.of(frame) for group in self.groups], self.groups)
        return np.where(cells < 0, self.overall, self.rates[cells])

    def about(self) -> dict[str, Any]:
        """For the record."""
        return {"keys": [group.feature.name for group in self.groups], "overall": self.overall}


def fit(train: pd.DataFrame, tune: pd.DataFrame, *, learned: Learned) -> dict[str, Baseline]:
    """`constant` and `historical_rate`.

    The rate's keys are the one or two features, texts or numbers of few values, with the least log loss on `tune`:
    the strongest table of rates that a person could have kept, chosen on the same rows that stop the model's training.
    Without such a feature there is no `historical_rate`. Shrinkage as in Micci-Barreca 2001, A Preprocessing Scheme
    for High-Cardinality Categorical Attributes, eq. 3, with a fixed weight.

    Raises:
        DataError: the training labels are of one class.
    """
    labels = {"train": train["label"].to_numpy(np.float64), "tune": tune["label"].to_numpy(np.float64)}
    overall = float(labels["train"].mean())
    if not 0 < overall < 1:
        msg = f"The mean label of the training rows is {overall}: baselines need both classes."
        raise DataError(msg)
    best, least = None, np.inf
    groups = list(_groups(train, learned))
    train_codes, tune_codes = [group.of(train) for group in groups], [group.of(tune) for group in groups]
    for chosen in [*combinations(range(len(groups)), 1), *combinations(range(len(groups)), 2)]:
        keys = tuple(groups[i] for i in chosen)
        rates = _rates(cells_of([train_codes[i] for i in chosen], keys), labels["train"], overall, keys)
        cells = cells_of([tune_codes[i] for i in chosen], keys)
        loss = _log_loss(labels["tune"], np.where(cells < 0, overall, rates[cells]))
        if loss < least:
            best, least = HistoricalRate(keys, rates, overall), loss
    constant = Constant(overall)
    return {"constant": constant} if best is None else {"constant": constant, "historical_rate": best}


def cells_of(codes: Sequence[NDArray[np.int64]], groups: Sequence[Group]) -> NDArray[np.int64]:
    """The cell of each row in the flattened table of `groups`, -1 where one of its groups was never seen."""
    cells, unseen = np.zeros(len(codes[0]), dtype=np.int64), np.zeros(len(codes[0]), dtype=bool)
    for code, group in zip(codes, groups, strict=True):
        cells, unseen = cells * group.size + code, unseen | (code < 0)
    return np.where(unseen, -1, cells)


def _groups(train: pd.DataFrame, learned: Learned) -> Iterator[Group]:
    for feature in learned.features:
        found = feature.values(train[feature.name])
        values = np.unique(found[~np.isnan(found)])
        differs = len(values) > 1 or (len(values) == 1 and np.isnan(found).any())
        if differs and (feature.kind != "number" or len(values) <= MOST_VALUES):
            yield Group(feature, values)


def _rates(cells: NDArray[np.int64], labels: NDArray[np.float64], overall: float, groups: Sequence[Group]) -> NDArray[np.float64]:
    size = int(np.prod([group.size for group in groups]))
    late, rows = np.bincount(cells, labels, minlength=size), np.bincount(cells, minlength=size)
    return (late + SHRINKAGE * overall) / (rows + SHRINKAGE)


def _log_loss(labels: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    return float(-np.mean(np.where(labels == 1, np.log(scores), np.log1p(-scores))))
