"""Baselines: what a model must beat to be worth having, learned from the very rows that it learned from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config.models import Metric
from jobs.errors import DataError
from jobs.model.evaluation import linear
from jobs.model.evaluation.floats import Floats
from jobs.model.training.learned import Feature, Learned

# The overall level counts as much as so many rows of a group: rare groups stay near it.
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
    """The training rows' mean label, for every row; their median where absolute errors are minimised."""

    level: float

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """One score per row of `frame`."""
        return np.full(len(frame), self.level)

    def about(self) -> dict[str, Any]:
        """For the record."""
        return {"level": self.level}


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
    """The training rows' mean (or median) label by one or two features, shrunken towards the overall one."""

    groups: tuple[Group, ...]
    levels: NDArray[np.float64]
    overall: float

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """One score per row of `frame`; the overall level where the group was never seen."""
        cells = cells_of([group.of(frame) for group in self.groups], self.groups)
        return np.where(cells < 0, self.overall, self.levels[cells])

    def about(self) -> dict[str, Any]:
        """For the record."""
        return {"keys": [group.feature.name for group in self.groups], "overall": self.overall}


def fit(train: pd.DataFrame, tune: pd.DataFrame, *, learned: Learned, loss: Metric) -> dict[str, Baseline]:
    """`constant`, `historical_rate` and `linear`, each fitted to minimise the model's own `loss`.

    The rate's keys are the one or two features, texts or numbers of few values, with the least loss on `tune`:
    the strongest table of rates that a person could have kept, chosen on the same rows that stop the model's training.
    Without such a feature there is no `historical_rate`. Shrinkage as in Micci-Barreca 2001, A Preprocessing Scheme
    for High-Cardinality Categorical Attributes, eq. 3, with a fixed weight.

    Raises:
        DataError: the training labels are of one class or value.
    """
    labels = {"train": train["label"].to_numpy(np.float64), "tune": tune["label"].to_numpy(np.float64)}
    if labels["train"].min() == labels["train"].max():
        msg = f"All training labels are {labels['train'][0]:g}: baselines need labels that differ."
        raise DataError(msg)
    overall = float(MIDDLE[loss](labels["train"]))
    best, least = None, np.inf
    groups = list(_groups(train, learned))
    train_codes, tune_codes = [group.of(train) for group in groups], [group.of(tune) for group in groups]
    for chosen in [*combinations(range(len(groups)), 1), *combinations(range(len(groups)), 2)]:
        keys = tuple(groups[i] for i in chosen)
        levels = _levels(cells_of([train_codes[i] for i in chosen], keys), labels["train"], overall, keys, loss)
        cells = cells_of([tune_codes[i] for i in chosen], keys)
        missed = LOSSES[loss](labels["tune"], np.where(cells < 0, overall, levels[cells]))
        if missed < least:
            best, least = HistoricalRate(keys, levels, overall), missed
    found: dict[str, Baseline] = {"constant": Constant(overall)}
    if best is not None:
        found["historical_rate"] = best
    return {**found, "linear": linear.fit(train, labels["train"], learned=learned, loss=loss)}


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


def _levels(cells: NDArray[np.int64], labels: Floats, overall: float, groups: Sequence[Group], loss: Metric) -> Floats:
    size = int(np.prod([group.size for group in groups]))
    rows = np.bincount(cells, minlength=size)
    if loss == "mae":
        medians = pd.Series(labels).groupby(cells).median().reindex(range(size), fill_value=overall).to_numpy(np.float64)
        return np.asarray((rows * medians + SHRINKAGE * overall) / (rows + SHRINKAGE))
    return np.asarray((np.bincount(cells, labels, minlength=size) + SHRINKAGE * overall) / (rows + SHRINKAGE))


def _log_loss(labels: Floats, scores: Floats) -> float:
    return float(-np.mean(np.where(labels == 1, np.log(scores), np.log1p(-scores))))


# Of hundreds of tables; scikit-learn's own checks of each would take longer than the tables.
LOSSES: Final[Mapping[Metric, Callable[[Floats, Floats], float]]] = {
    "log_loss": _log_loss,
    "rmse": lambda labels, scores: float(np.mean((labels - scores) ** 2)),
    "mae": lambda labels, scores: float(np.mean(np.abs(labels - scores))),
}
MIDDLE: Final[Mapping[Metric, Callable[[Floats], Any]]] = {"log_loss": np.mean, "rmse": np.mean, "mae": np.median}
