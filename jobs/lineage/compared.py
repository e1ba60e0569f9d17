"""Two frames that should be the same rows: whether they are, value by value to the last bit, and where they are not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DoubleType, FloatType


@dataclass(frozen=True)
class Difference:
    """A column in which rows differ."""

    column: str
    rows: int
    key: dict[str, Any]
    """Of one such row, with both its values."""
    stored: Any
    again: Any

    def __str__(self) -> str:
        """`visib: 3 rows, as of day=2013-05-18, flight=12: stored 9.1, now 10.0`."""
        key = ", ".join(f"{name}={value}" for name, value in self.key.items())
        return f"{self.column}: {self.rows} row{'s' if self.rows > 1 else ''}, as of {key}: stored {self.stored!r}, now {self.again!r}"


@dataclass(frozen=True)
class Comparison:
    """What is stored, beside the same made again."""

    rows: int
    """Stored."""
    columns: int
    lost: int
    """Stored rows that were not made again."""
    added: int
    """Rows that are not stored."""
    other_columns: tuple[str, ...]
    """That only one side has."""
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.lost or self.added or self.other_columns or self.differences)

    @property
    def told(self) -> list[str]:
        """What differs, a line each."""
        rows = [f"{self.lost} stored rows are not made again"] if self.lost else []
        rows += [f"{self.added} rows are made that are not stored"] if self.added else []
        rows += [f"only one side has the columns {', '.join(self.other_columns)}"] if self.other_columns else []
        return [*rows, *map(str, self.differences)]


def compare(stored: DataFrame, again: DataFrame, *, key: Sequence[str]) -> Comparison:
    """Row by row and column by column; doubles by their shortest text, which no two of them share.

    Args:
        stored: rows as they lie in a table.
        again: the same, made again.
        key: columns that name a row on both sides; never NULL.
    """
    both = [name for name in stored.columns if name in again.columns and name not in key]
    left = stored.select(*key, F.lit(True).alias("stored_"), F.struct(*both, F.lit(0).alias("_")).alias("s"))
    right = again.select(*key, F.lit(True).alias("again_"), F.struct(*both, F.lit(0).alias("_")).alias("a"))
    joined = left.join(right, list(key), how="full_outer")
    differs = {name: F.col("stored_") & F.col("again_") & ~_same(name, stored.schema[name].dataType) for name in both}
    counts = [F.count_if(differs[name]).alias(f"rows_{place}") for place, name in enumerate(both)]
    examples = [_example(name, differs[name], key).alias(f"example_{place}") for place, name in enumerate(both)]
    sides = [F.count("stored_").alias("rows"), F.count_if(F.col("again_").isNull()).alias("lost"), F.count_if(F.col("stored_").isNull()).alias("added")]
    found = joined.agg(*sides, *counts, *examples).collect()[0].asDict(recursive=True)
    differences = [_difference(name, found[f"rows_{place}"], found[f"example_{place}"], key) for place, name in enumerate(both) if found[f"rows_{place}"]]
    other = {*stored.columns} ^ {*again.columns}
    return Comparison(found["rows"], len(both), found["lost"], found["added"], tuple(sorted(other)), tuple(differences))


def _same(name: str, kind: DataType) -> Column:
    stored, again = F.col(f"s.{name}"), F.col(f"a.{name}")
    # `<=>` takes 0.0 and -0.0 for the same.
    return stored.cast("string").eqNullSafe(again.cast("string")) if isinstance(kind, DoubleType | FloatType) else stored.eqNullSafe(again)


def _example(name: str, differs: Column, key: Sequence[str]) -> Column:
    return F.first(
        F.when(differs, F.struct(F.struct(*key).alias("key"), F.col(f"s.{name}").alias("stored"), F.col(f"a.{name}").alias("again"))), ignorenulls=True
    )


def _difference(name: str, rows: int, example: dict[str, Any], key: Sequence[str]) -> Difference:
    return Difference(name, rows, {part: example["key"][part] for part in key}, example["stored"], example["again"])
