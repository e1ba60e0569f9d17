"""How far a night's values are from the champion's reference: population stability index, from counts alone.

PSI = Σ (p − q) · ln(p / q) over bins, with shares floored so that an empty bin weighs much but not infinitely (Siddiqi 2006,
Credit Risk Scorecards; the customary marks 0.1 and 0.25 are from there). Missing values are a bin of their own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from jobs.config.models import Drift

BINS: Final = 10
TOP: Final = 20
FLOOR: Final = 1e-3
State = Literal["steady", "watch", "drifted"]


@dataclass(frozen=True)
class Reference:
    """What a feature or the score looked like for the champion: the shares of its bins."""

    name: str
    edges: tuple[float, ...]
    """Inner edges of numeric bins; empty for text."""
    categories: tuple[str, ...]
    """The most frequent texts; empty for numbers."""
    shares: tuple[float, ...]
    """Of each bin, then of everything else (text only), then of missing."""

    @classmethod
    def of(cls, name: str, values: "pd.Series[Any]") -> Self:
        """Bins from the deciles of the reference, or its most frequent texts."""
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            numbers = values.astype(float)
            edges = tuple(float(edge) for edge in np.unique(np.nanquantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]))) if numbers.notna().any() else ()
            one = cls(name, edges, (), ())
        else:
            one = cls(name, (), tuple(values.value_counts().index[:TOP].astype(str)), ())
        return cls(name, one.edges, one.categories, tuple(one.counted(values) / max(len(values), 1)))

    def counted(self, values: "pd.Series[Any]") -> "np.ndarray[Any, np.dtype[np.float64]]":
        """Rows per bin of a pandas series."""
        missing = values.isna()
        if self.categories:
            place = {text: at for at, text in enumerate(self.categories)}
            bins = values[~missing].astype(str).map(place).fillna(len(self.categories)).astype(int).to_numpy()
        elif not self.edges:  # all of the reference was missing: of which type it would be is not known
            bins = np.zeros(int((~missing).sum()), dtype=int)
        else:
            bins = np.searchsorted(np.array(self.edges), values[~missing].astype(float).to_numpy(), side="left")
        return np.append(np.bincount(bins, minlength=self._bins), float(missing.sum()))

    @property
    def _bins(self) -> int:
        return len(self.categories) + 1 if self.categories else len(self.edges) + 1

    def psi(self, counts: Sequence[float]) -> float:
        """The index between the reference and these counts."""
        p, q = np.asarray(self.shares), np.asarray(counts, dtype=float) / max(sum(counts), 1)
        p, q = np.maximum(p, FLOOR), np.maximum(q, FLOOR)
        return float(np.sum((q - p) * np.log(q / p)))


@dataclass(frozen=True)
class Distance:
    """One feature, or the score, in one night."""

    name: str
    psi: float
    state: State
    missing: float
    reference_missing: float


def state_of(psi: float, drift: Drift) -> State:
    """What a distance means by the pipeline's own marks."""
    if psi >= drift.drifted:
        return "drifted"
    return "watch" if psi >= drift.watch else "steady"


def distances(frame: DataFrame, references: Sequence[Reference], drift: Drift) -> dict[Any, list[Distance]]:
    """Per night: the distance of every reference's column; one Spark job for all nights and columns.

    Args:
        frame: `night` and a column per reference.
        references: of the champion.
        drift: the marks of the states.
    """
    counts: dict[Any, dict[str, dict[int, int]]] = {}
    binned = frame.select("night", *[one.name for one in references]).mapInPandas(_counting(references), "night date, name string, bin int, rows bigint")
    for row in binned.groupBy("night", "name", "bin").sum("rows").collect():
        counts.setdefault(row["night"], {}).setdefault(row["name"], {})[row["bin"]] = row["sum(rows)"]
    return {night: [_distance(one, found[one.name], drift) for one in references] for night, found in sorted(counts.items())}


def _counting(references: Sequence[Reference]) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    # Eighty features of ten bins as SQL expressions take Spark longer to compile than a month of nights takes NumPy to count.
    def counted(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            for night, rows in batch.groupby("night"):
                for one in references:
                    found = one.counted(rows[one.name])
                    yield pd.DataFrame({"night": night, "name": one.name, "bin": range(len(found)), "rows": found.astype(int)})

    return counted


def _distance(reference: Reference, found: Mapping[int, int], drift: Drift) -> Distance:
    counts = [float(found.get(place, 0)) for place in range(len(reference.shares))]
    psi = reference.psi(counts)
    return Distance(reference.name, psi, state_of(psi, drift), counts[-1] / max(sum(counts), 1), reference.shares[-1])


def to_plain(references: Sequence[Reference]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(one) for one in references]


def from_plain(plain: Sequence[Mapping[str, Any]]) -> list[Reference]:
    """What `to_plain` gave."""
    return [Reference(one["name"], tuple(one["edges"]), tuple(one["categories"]), tuple(one["shares"])) for one in plain]
