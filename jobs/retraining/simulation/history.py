"""What there is to replay: the rows of all nights, and every version of their labels with the night from which on it was known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.model.evaluation.floats import Floats
from jobs.model.rows import Rows


@dataclass(frozen=True)
class Labels:
    """Versions of labels, ordered by row and then by the night from which on each was known."""

    place: NDArray[np.int64]
    """The row."""
    known: NDArray[np.int64]
    """The night, as its ordinal."""
    value: Floats
    """NaN where the label's row is there and says nothing."""

    @classmethod
    def of(cls, rows: pd.DataFrame, versions: pd.DataFrame, key: Sequence[str]) -> Self:
        """The versions that belong to rows.

        Args:
            rows: with the columns of `key`.
            versions: these columns, `known_night` and `label`.
            key: what makes a row.
        """
        found = rows[list(key)].assign(place=np.arange(len(rows))).merge(versions, on=list(key), how="inner")
        place, known = found["place"].to_numpy(np.int64), found["known_night"].map(date.toordinal).to_numpy(np.int64)
        order = np.lexsort((known, place))
        return cls(place[order], known[order], found["label"].to_numpy(np.float64, na_value=np.nan)[order])

    def as_of(self, rows: slice, night: date) -> Floats:
        """The label of each row as a night knew it; NaN where it knew none."""
        begin, end = np.searchsorted(self.place, [rows.start, rows.stop])
        there = self.known[begin:end] <= night.toordinal()
        found = np.full(rows.stop - rows.start, np.nan)
        # Of several versions of a label the last one is kept, which is the newest.
        found[self.place[begin:end][there] - rows.start] = self.value[begin:end][there]
        return found


@dataclass(frozen=True)
class History:
    """Rows in the order of their nights; whoever asks for labels says as of which night."""

    rows: Rows
    """Without labels."""
    labels: Labels

    @cached_property
    def places(self) -> Mapping[date, slice]:
        """Where each night's rows are."""
        counts = self.rows.frame.groupby("night").size()
        ends = counts.cumsum()
        return {night: slice(int(end - count), int(end)) for night, count, end in zip(counts.index, counts, ends, strict=True)}

    def night(self, night: date) -> pd.DataFrame:
        """The rows of a night."""
        return self.rows.frame.iloc[self.places[night]]

    def label(self, night: date, *, as_of: date) -> Floats:
        """The labels of a night's rows, as another night knew them."""
        return self.labels.as_of(self.places[night], as_of)

    def arrived(self, night: date) -> list[date]:
        """The nights of which a label, or another version of one, became known in `night`."""
        return [*self._news.get(night.toordinal(), ())]

    @cached_property
    def _news(self) -> Mapping[int, Sequence[date]]:
        nights = self.rows.frame["night"].to_numpy()[self.labels.place]
        pairs = pd.DataFrame({"known": self.labels.known, "night": nights}).drop_duplicates().sort_values(["known", "night"])
        return {int(str(known)): list(some["night"]) for known, some in pairs.groupby("known")}

    def between(self, first: date, last: date, *, as_of: date) -> Rows:
        """The rows of some nights with the labels that a night knew, as a training of that night reads them."""
        rows = self._within(first, last)
        frame = self.rows.frame.iloc[rows].assign(label=self.labels.as_of(rows, as_of)).reset_index(drop=True)
        return replace(self.rows, frame=frame)

    def checksum(self, first: date, last: date, *, as_of: date) -> str:
        """A digest of what `between` gives."""
        sums = [self._sums[night] for night in self.places if first <= night <= last]
        return sha256("".join(sums).encode() + self.labels.as_of(self._within(first, last), as_of).tobytes()).hexdigest()

    @cached_property
    def _sums(self) -> Mapping[date, str]:
        hashes: NDArray[Any] = pd.util.hash_pandas_object(self.rows.frame, index=False).to_numpy()
        return {night: sha256(hashes[rows].tobytes()).hexdigest() for night, rows in self.places.items()}

    def _within(self, first: date, last: date) -> slice:
        some = [rows for night, rows in self.places.items() if first <= night <= last]
        return slice(some[0].start, some[-1].stop) if some else slice(0, 0)
