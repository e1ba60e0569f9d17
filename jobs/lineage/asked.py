"""Which scored row is asked about: by its key, and a sentence where there is none."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import reduce
from operator import add
from typing import Any, Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.pipeline import Pipeline
from jobs.errors import DataError, UsageError
from jobs.lake.lake import Lake
from jobs.ledger.ledger import Slice

NEAR: Final = 3


def key_of(pipeline: Pipeline, given: Sequence[str], night: date) -> dict[str, str]:
    """Column → value as text, of every column of the rows' key; the event day, if it is one of them, follows from the night.

    Args:
        pipeline: whose rows.
        given: `column=value` each.
        night: whose row.

    Raises:
        UsageError: a column is no part of the key, is lacking, or is given twice.
    """
    key, pairs = pipeline.rows.key, [one.partition("=") for one in given]
    found = {name.strip(): value.strip() for name, _, value in pairs}
    day = {pipeline.rows.event_day: str(night - timedelta(days=pipeline.rows.lag))}
    whole = {**{name: value for name, value in day.items() if name in key}, **found}
    wrong = [one for one, (name, sign, _) in zip(given, pairs, strict=True) if not sign or name.strip() not in key]
    lacking = [name for name in key if not whole.get(name)]
    if wrong or lacking or len(found) < len(given):
        what = f"{', '.join(wrong)} is no part of it" if wrong else f"{', '.join(lacking)} is lacking" if lacking else "a column is given twice"
        example = " ".join(f"--key {name}=…" for name in key if name not in day)
        msg = f"--key: a row of `{pipeline.pipeline}` is named by {', '.join(key)}; {what}. Write {example}."
        raise UsageError(msg)
    return {name: whole[name] for name in key}


def slice_of(lake: Lake, table: str, night: date, generation: int | None) -> Slice:
    """A night's newest generation that is not restated, or the one asked for.

    Raises:
        DataError: the night was never scored, or has no such generation.
    """
    of_night = [one for one in lake.slices(table) if one.night == night and one.rows]
    found = [one for one in of_night if (one.generation == generation if generation else not one.restated)]
    if not found:
        what = f"has no generation {generation}; it has {', '.join(str(one.generation) for one in of_night) or 'none'}" if generation else "was never scored"
        msg = f"{lake.pipeline}/{table}: night {night} {what}, so there is nothing to explain."
        raise DataError(msg)
    return found[-1]


def row_of(frame: DataFrame, key: Mapping[str, str]) -> dict[str, Any] | None:
    """The row with the key, as Python has it; None where there is none."""
    rows = matching(frame, key).limit(1).collect()
    return rows[0].asDict(recursive=True) if rows else None


def matching(frame: DataFrame, key: Mapping[str, str]) -> DataFrame:
    """The rows whose key reads so as text."""
    return frame.where(reduce(lambda one, other: one & other, _matches(key).values()))


def require_scored(found: dict[str, Any] | None, scores: DataFrame, features: DataFrame, key: Mapping[str, str], *, population: str | None) -> dict[str, Any]:
    """The scored row.

    Raises:
        DataError: it was not scored; the text says whether it could have been, or which rows are like it.
    """
    if found is not None:
        return found
    asked = ", ".join(f"{name}={value}" for name, value in key.items())
    if row_of(features, key) is not None:
        msg = f"The row {asked} was not scored: it is not in the model's population, `{population}`."
        raise DataError(msg)
    alike = reduce(add, (F.when(same, 1).otherwise(0) for same in _matches(key).values()))
    texts = [F.col(name).cast("string").alias(name) for name in key]
    near = scores.withColumn("alike_", alike).orderBy(F.desc("alike_"), *key).select(*texts, "alike_").limit(NEAR).collect()
    told = "; ".join(" ".join(f"--key {name}={row[name]}" for name in key) + f" ({row['alike_']} of {len(key)} agree)" for row in near)
    msg = f"No row {asked} was scored in that night. The nearest: {told}."
    raise DataError(msg)


def _matches(key: Mapping[str, str]) -> dict[str, Column]:
    """By their text: a value that cannot be of the column's type is a row that is not there."""
    return {name: F.coalesce(F.col(name).cast("string") == F.lit(value), F.lit(False)) for name, value in key.items()}
