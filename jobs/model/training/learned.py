"""What is learned from the training rows besides trees: features in order, their kinds, categories, fills. It travels with the version."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.errors import DataError
from jobs.model.fairness.by_group import ByGroup
from jobs.model.training.expressions import as_float
from jobs.model.training.kinds import Kind, kind_of
from jobs.model.training.maps import Map

Fill = float | Literal["mean", "median"]


@dataclass(frozen=True)
class Feature:
    """One column of the matrix."""

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    """Known values of a text; a value's position is its code, any other value is missing."""
    fill: float | None = None
    """Stands for a missing value; None: missing stays missing."""

    def values(self, column: "pd.Series[Any]") -> NDArray[np.float64]:
        """The column as floats, missing as NaN unless filled."""
        if self.kind == "text":
            codes = pd.Categorical(column.astype(object), categories=list(self.categories)).codes
            return np.where(codes < 0, np.nan, codes.astype(np.float64))
        # By way of float64 for all: an int column turns into one as soon as a value is missing, and must round alike then.
        floats = pd.to_numeric(column.astype("Float64" if column.dtype == object else column.dtype)).to_numpy(np.float64, na_value=np.nan)
        return floats if self.fill is None else np.where(np.isnan(floats), self.fill, floats)


@dataclass(frozen=True)
class Learned:
    """Turns stored features into the matrix that the booster was trained on."""

    features: tuple[Feature, ...]
    maps: tuple[Map, ...] = ()
    """What is done to the booster's outputs before they are scores."""
    threshold: float | None = None
    """The score from which a label is predicted, where the file asks for a precision or a recall, or groups were compared by it."""
    top: int | None = None
    """So many of a night are predicted, where groups were compared by them."""
    by_group: ByGroup | None = None
    """Thresholds of single groups, where the file asks for them."""

    @property
    def names(self) -> list[str]:
        """Names of the features, in the matrix's order."""
        return [feature.name for feature in self.features]

    @property
    def types(self) -> list[str]:
        """The features' types as XGBoost calls them: c is a category, q a quantity."""
        return ["c" if feature.kind == "text" else "q" for feature in self.features]

    def matrix(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """One row per row of `frame`, C-contiguous, missing as NaN.

        Raises:
            DataError: a feature is absent, of another kind, or infinite as a 32-bit float.
        """
        self._require(frame)
        matrix = np.empty((len(frame), len(self.features)), dtype=np.float32)
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused below by name
            for position, feature in enumerate(self.features):
                matrix[:, position] = feature.values(frame[feature.name])
        self.require_finite(matrix)
        return matrix

    def require_finite(self, matrix: NDArray[np.float32]) -> None:
        """Infinite is no quantity; XGBoost refuses it in training and takes it for large in prediction.

        Raises:
            DataError: naming the features with infinite values.
        """
        infinite = np.flatnonzero(np.isinf(matrix).any(axis=0))
        if len(infinite):
            msg = f"Infinite as a 32-bit float: {[self.names[position] for position in infinite]}. Expect finite values in `validated`."
            raise DataError(msg)

    def expressions(self) -> list[str]:
        """Spark SQL, one expression per feature, that gives the very same floats as `matrix` (NULL or NaN where missing)."""
        return [as_float(feature.name, feature.kind, feature.categories, feature.fill) for feature in self.features]

    def to_json(self) -> str:
        """Canonical: equal states give equal text."""
        features, maps = [asdict(feature) for feature in self.features], [asdict(one) for one in self.maps]
        plain: dict[str, Any] = {"features": features, "maps": maps, "threshold": self.threshold}
        # Only where there are some: a version without them keeps its digest.
        plain |= {"top": self.top} if self.top else {}
        plain |= {"by_group": self.by_group.to_plain()} if self.by_group else {}
        return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The state that `to_json` wrote.

        Raises:
            DataError: that is not what it wrote.
        """
        try:
            found = json.loads(text)
            features = [Feature(**{**given, "categories": tuple(given["categories"])}) for given in found["features"]]
            maps = [Map(given["kind"], tuple(given["x"]), tuple(given["y"])) for given in found["maps"]]
            by_group = ByGroup.from_plain(found["by_group"]) if "by_group" in found else None
        except (KeyError, TypeError, ValueError) as error:
            msg = f"The learned state cannot be read: {error!r}. Train the version again."
            raise DataError(msg) from None
        return cls(tuple(features), tuple(maps), found["threshold"], found.get("top"), by_group)

    def _require(self, frame: pd.DataFrame) -> None:
        if absent := [name for name in self.names if name not in frame.columns]:
            has = f"the frame has {list(frame.columns)}"
            msg = f"The model's features {absent} are absent; {has}. Score with the feature table it was trained on, or train again."
            raise DataError(msg)
        found = {feature.name: kind_of(frame[feature.name]) for feature in self.features}
        if other := [f"`{f.name}` is {found[f.name]}, not {f.kind}" for f in self.features if found[f.name] not in {f.kind, None}]:
            msg = f"Features changed their type since training: {'; '.join(other)}. Train again."
            raise DataError(msg)


def fit(train: pd.DataFrame, *, features: Sequence[str], fill: Mapping[str, Fill] | None = None, min_category_count: int = 50) -> Learned:
    """Learn from the training rows, and from no others.

    Args:
        train: training rows.
        features: the model's columns of `train`, in the matrix's order.
        fill: what stands for a missing value of a feature.
        min_category_count: a text value in fewer rows counts as missing.

    Raises:
        DataError: no features; one absent or of a type that is no feature; a fill that cannot be learned.
    """
    fills = fill or {}
    if not features:
        msg = "There are no features to train on; declare some, or shorten `leave_out`."
        raise DataError(msg)
    if absent := sorted(set(features) - set(train.columns)):
        msg = f"The features {absent} are not in the training rows, which have {list(train.columns)}."
        raise DataError(msg)
    if unknown := sorted(set(fills) - set(features)):
        msg = f"`fill` names {unknown}, which are not features of this model; they are {list(features)}."
        raise DataError(msg)
    return Learned(tuple(_fit_one(train[name], fills.get(name), min_category_count) for name in features))


def _fit_one(column: "pd.Series[Any]", fill: Fill | None, min_count: int) -> Feature:
    name, kind = str(column.name), kind_of(column) or ("number" if column.dtype != object else "text")
    if kind == "text" and fill is None:
        counts = column.value_counts()
        return Feature(name, "text", tuple(sorted(str(value) for value, count in counts.items() if count >= min_count)))
    if kind not in {"number", "flag"}:
        why = "a text cannot be filled" if kind == "text" else f"{kind} is no feature; cast it to a number, a boolean or a text"
        msg = f"`{name}`: {why}."
        raise DataError(msg)
    plain = Feature(name, "number" if kind == "number" else "flag")
    return Feature(name, plain.kind, fill=None if fill is None else _learned_fill(name, plain.values(column), fill))


def _learned_fill(name: str, values: NDArray[np.float64], fill: Fill) -> float:
    if not isinstance(fill, str):
        return float(fill)
    present = values[~np.isnan(values)]
    middle = np.mean if fill == "mean" else np.median
    learned = float(middle(present)) if len(present) else math.nan
    if not math.isfinite(learned):
        msg = f"`fill: {{{name}: {fill}}}` cannot be learned: the training rows have no finite {fill} of it."
        raise DataError(msg)
    return learned
