"""Groups: the values of an attribute, a missing one among them, each with the rows that have it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.errors import DataError
from jobs.model.training.kinds import kind_of

Value = str | bool | float | None
"""Of an attribute; None: it is missing."""
MISSING: Final = "missing"
# More are no groups but measurements or names.
MOST: Final = 50


@dataclass(frozen=True)
class Groups:
    """The rows of a frame by the value of one attribute."""

    attribute: str
    values: tuple[Value, ...]
    """In order, the missing one last."""
    code: NDArray[np.int64]
    """Per row, the place of its value."""

    @property
    def names(self) -> list[str]:
        """As people read them."""
        return [name_of(value) for value in self.values]

    @property
    def rows(self) -> NDArray[np.int64]:
        """How many rows each has."""
        return np.bincount(self.code, minlength=len(self.values))


def groups_of(frame: pd.DataFrame, attribute: str) -> Groups:
    """The groups that a frame has.

    Raises:
        DataError: the attribute is absent, of a type that names no groups, or has too many values.
    """
    found = _values(frame, attribute)
    values: list[Any] = sorted({value for value in found if value is not None})
    if len(values) > MOST:
        msg = f"`{attribute}` has {len(values)} values, more than the {MOST} that can be told apart; make fewer groups with SQL in `features.columns`"
        raise DataError(msg)
    every: tuple[Value, ...] = (*values, None) if None in found else tuple(values)
    place = {value: number for number, value in enumerate(every)}
    return Groups(attribute, every, np.array([place[value] for value in found], dtype=np.int64))


def placed(frame: pd.DataFrame, attribute: str, of: Mapping[Value, float], *, otherwise: float) -> NDArray[np.float64]:
    """Per row, what is given for its value; `otherwise` where nothing is.

    Raises:
        DataError: the attribute is absent or of a type that names no groups.
    """
    return np.array([of.get(value, otherwise) for value in _values(frame, attribute)], dtype=np.float64)


def name_of(value: Value) -> str:
    """`a`, `true`, `3`, or `missing`."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.0f}"
    # A text that reads like another thing than it is stands in quotes.
    return repr(value) if value in {"", MISSING} else value


def _values(frame: pd.DataFrame, attribute: str) -> list[Value]:
    """Per row; a whole number is a float, as a column of them is as soon as one is missing."""
    if attribute not in frame.columns:
        msg = f"the attribute `{attribute}` is no column of these rows, which have {sorted(map(str, frame.columns))}"
        raise DataError(msg)
    column, kind = frame[attribute], kind_of(frame[attribute])
    is_missing = column.isna().to_numpy()
    if kind == "number":
        numbers = column.astype("Float64").to_numpy(np.float64, na_value=np.nan)
        if (numbers[~is_missing] == np.round(numbers[~is_missing])).all():
            return [None if missing else float(value) for value, missing in zip(numbers, is_missing, strict=True)]
        kind = "number with fractions"
    if kind not in {"text", "flag", None}:
        msg = f"`{attribute}` is no text, boolean or whole number ({kind}); make groups of it with SQL in `features.columns`"
        raise DataError(msg)
    plain = bool if kind == "flag" else str
    return [None if missing else plain(value) for value, missing in zip(column, is_missing, strict=True)]
