"""References: what a feature or the score looked like for the champion, as counts in bins; kept with the version."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from jobs.model.evaluation.floats import Floats

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BINS: Final = 10
TOP: Final = 20
KNOWN: Final = 1000
"""Texts that are remembered as seen."""


@dataclass(frozen=True)
class Reference:
    """The shares of the bins, and what else distances need."""

    name: str
    edges: tuple[float, ...]
    """Inner edges of numeric bins; empty for text."""
    categories: tuple[str, ...]
    """The most frequent texts; empty for numbers."""
    shares: tuple[float, ...]
    """Of each bin, then of everything else (text only), then of missing."""
    centers: tuple[float, ...] = ()
    """Of each numeric bin, the mean of its values."""
    scale: float = 1.0
    """The values' standard deviation."""
    seen: tuple[str, ...] | tuple[float, float] | None = None
    """All texts (None: too many, or not known), or the least and the greatest number."""
    weight: float = 0.0
    """Share of the trees' gain that comes from it."""

    @classmethod
    def of(cls, name: str, values: "pd.Series[Any]", *, weight: float = 0.0) -> Self:
        """Bins from the deciles of the reference, or its most frequent texts."""
        import pandas as pd

        if pd.api.types.infer_dtype(values) == "boolean":
            values = values.astype("boolean")  # with holes they come as Python objects
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            return cls._of_numbers(name, values.to_numpy(np.float64, na_value=np.nan), weight)
        frequent = values.value_counts()
        seen = tuple(frequent.index.astype(str)) if len(frequent) <= KNOWN else None
        return cls._counted(cls(name, (), tuple(frequent.index[:TOP].astype(str)), (), seen=seen, weight=weight), values)

    @classmethod
    def _of_numbers(cls, name: str, numbers: Floats, weight: float) -> Self:
        import pandas as pd

        there = numbers[~np.isnan(numbers)]
        if not len(there):
            return cls._counted(cls(name, (), (), (), weight=weight), pd.Series(numbers))
        # The deviation of what is all the same is not always 0: sums are rounded.
        edges, scale = _edges(there), float(there.std()) if there.min() < there.max() else 1.0
        bins = np.searchsorted(edges, there, side="left")
        rows = np.bincount(bins, minlength=len(edges) + 1)
        # Where the reference has no value: between the edges, and beyond them as far as values usually lie apart.
        middle = np.concatenate([edges[:1] - scale, (edges[1:] + edges[:-1]) / 2, edges[-1:] + scale])
        centers = np.where(rows, np.bincount(bins, there, minlength=len(edges) + 1) / np.maximum(rows, 1), middle)
        one = cls(
            name,
            tuple(map(float, edges)),
            (),
            (),
            centers=tuple(map(float, centers)),
            scale=scale,
            seen=(float(there.min()), float(there.max())),
            weight=weight,
        )
        return cls._counted(one, pd.Series(numbers))

    @classmethod
    def _counted(cls, one: Self, values: "pd.Series[Any]") -> Self:
        return cls(**{**vars(one), "shares": tuple(map(float, one.counted(values)[:-1] / max(len(values), 1)))})

    @property
    def width(self) -> int:
        """How many counts there are: the bins, everything else (text only), missing, and last what was never seen."""
        return (len(self.categories) if self.categories else len(self.edges)) + 3

    def counted(self, values: "pd.Series[Any]") -> Floats:
        """The counts of a pandas series. What was never seen is in a bin as well: the last count is no part of the whole."""
        import pyarrow as pa

        # A column of Python objects may be booleans with holes, which are numbers here.
        return np.asarray(self.counted_arrow(pa.array(values, from_pandas=True), np.zeros(len(values), dtype=np.int64), 1)[0])

    def counted_arrow(self, column: "pa.Array", group: NDArray[np.int64], groups: int) -> Floats:
        """The counts of an Arrow column, a row for each of `groups`; `group` says which one each value is of."""
        bins, missing, unseen = self._of_texts(column) if self.categories else self._of_values(column)
        place = np.where(missing, self.width - 2, bins)
        counts = np.bincount(group * self.width + place, minlength=groups * self.width).reshape(groups, self.width).astype(np.float64)
        counts[:, -1] = np.bincount(group[unseen], minlength=groups)
        return np.asarray(counts)

    def _of_texts(self, column: "pa.Array") -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = column.cast(pa.string())
        missing = texts.is_null().to_numpy(zero_copy_only=False)
        bins = pc.index_in(texts, value_set=pa.array(self.categories)).fill_null(len(self.categories)).to_numpy(zero_copy_only=False)
        if self.seen is None:
            return bins, missing, np.zeros(len(bins), dtype=bool)
        return bins, missing, ~missing & ~pc.is_in(texts, value_set=pa.array(self.seen, pa.string())).to_numpy(zero_copy_only=False)

    def _of_values(self, column: "pa.Array") -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        import pyarrow as pa

        if not self.edges:  # all of the reference was missing: of which type it would be is not known
            missing = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
            return np.zeros(len(column), dtype=np.int64), missing, ~missing
        whole = column.cast(pa.uint8()) if pa.types.is_boolean(column.type) else column
        numbers = whole.cast(pa.float64()).to_numpy(zero_copy_only=False)
        # A comparison per edge is far cheaper than a search for each value.
        bins = np.zeros(len(numbers), dtype=np.int64)
        for edge in self.edges:
            bins += numbers > edge
        low, high = self._range
        return bins, np.isnan(numbers), (numbers < low) | (numbers > high)

    @cached_property
    def _range(self) -> tuple[float, float]:
        return (float(self.seen[0]), float(self.seen[1])) if self.seen else (-np.inf, np.inf)


def _edges(numbers: Floats) -> Floats:
    """The deciles; a value that several of them share has a bin of its own, or a flag that is nearly always true would lie in one with its falses."""
    edges, times = np.unique(np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]), return_counts=True)
    shared = edges[times > 1]
    # Right below, but nothing that a processor may take for zero.
    return np.union1d(edges, shared - np.maximum(np.spacing(np.abs(shared)), np.finfo(np.float64).tiny))


def to_plain(references: Sequence[Reference]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(one) for one in references]


def from_plain(plain: Sequence[Mapping[str, Any]]) -> list[Reference]:
    """What `to_plain` gave, also in an earlier release, which had fewer keys."""
    given = [{key: tuple(value) if isinstance(value, list) else value for key, value in one.items()} for one in plain]
    return [Reference(**one) for one in given]  # type: ignore[arg-type]
