"""What a column holds, as far as a model can use it."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import pandas as pd

Kind = Literal["number", "flag", "text"]
# What pandas finds in a column of objects, as a kind; any other finding is no feature.
INFERRED: Final[Mapping[str, Kind | None]] = {
    "string": "text",
    "boolean": "flag",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "empty": None,
}


def kind_of(column: "pd.Series[Any]") -> str | None:
    """What a column holds: number, flag or text; None if it is all missing; else the name of a type that is no feature."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if pd.api.types.is_bool_dtype(column.dtype) and column.dtype != object:
        return "flag"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return "number"
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    return INFERRED.get(inferred, inferred)
