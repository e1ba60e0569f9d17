"""What every section of a pipeline file has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A name that is safe as a column, a folder, a table and an asset: lower case letters, digits, underscores."""
Sql = Annotated[str, Field(min_length=1, max_length=2000)]
"""A Spark SQL expression over the columns of one row."""
PlugIn = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
"""A Python function, `module:function`."""
UpToAYear = Annotated[int, Field(strict=True, le=366)]
"""Nights that are looked at, or waited for. Strict: `true` is no number."""
UpToTenYears = Annotated[int, Field(strict=True, le=3660)]
"""Nights of a model's past."""


class Section(BaseModel):
    """A part of the file: frozen, unknown keys are errors, numbers are finite, a field's docstring is its documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True, populate_by_name=True)
