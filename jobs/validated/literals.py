"""The values in a feed's expectations, checked against their column's type: Spark and Great Expectations get the same ones."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from jobs.config.expectations import Expectation
from jobs.config.feeds import ColumnType, Feed
from jobs.errors import UsageError

Value = str | int | float | bool
NUMBERS: Final = frozenset({"int", "float"})
TEXT_ONLY: Final = frozenset({"expect_column_values_to_match_regex", "expect_column_value_lengths_to_be_between"})
NUMBERS_ONLY: Final = frozenset({"expect_column_mean_to_be_between", "expect_column_sum_to_be_between"})
OF_THE_COLUMN: Final = frozenset(
    {
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_max_to_be_between",
    }
)
"""Expectations whose arguments are values of the column; the others' are counts and shares."""


def arguments(expectation: Expectation, feed: Feed) -> dict[str, Any]:
    """An expectation's arguments with values in the one form that Spark compares with the column.

    Args:
        expectation: of `feed`.
        feed: the contract.

    Returns:
        The arguments; dates and timestamps are ISO texts, and a NULL in a set is left out, for with it `IN` is never false.

    Raises:
        UsageError: a value does not fit its column, or the bounds leave nothing between them.
    """
    given = dict(expectation.arguments)
    if unfit := _unfit_column(expectation, feed):
        raise UsageError(unfit)
    for bound in ("min_value", "max_value"):
        if given.get(bound) is not None:
            given[bound] = _fitting(given[bound], _wanted(expectation, feed), expectation)
    low, high = given.get("min_value"), given.get("max_value")
    if low is not None and high is not None and low > high:
        msg = f"`{expectation.rule}`: min_value {low!r} is above max_value {high!r}, so that no value can pass; exchange them."
        raise UsageError(msg)
    if "value_set" in given:
        values = [value for value in given["value_set"] or [] if value is not None]
        given["value_set"] = [_fitting(value, _wanted(expectation, feed), expectation) for value in values]
    return given


def rule_names(feed: Feed) -> Mapping[str, Expectation]:
    """A feed's expectations under names that are unique: a second `values_to_match_regex(tailnum)` gets `#2`."""
    named: dict[str, Expectation] = {}
    for expectation in feed.expect:
        name, again = expectation.rule, 2
        while name in named:
            name, again = f"{expectation.rule}#{again}", again + 1
        named[name] = expectation
    return named


def problems(feed: Feed) -> list[str]:
    """What is wrong with the values in a feed's expectations, a sentence each; for `matins check`."""
    found = []
    for expectation in feed.expect:
        try:
            arguments(expectation, feed)
        except UsageError as error:
            found.append(str(error))
    return found


def _unfit_column(expectation: Expectation, feed: Feed) -> str | None:
    types = [feed.kept[name].type for name in expectation.columns]
    if expectation.name in TEXT_ONLY and types != ["string"]:
        return f"`{expectation.rule}` needs a column of type string (got {types[0]})"
    if expectation.name in NUMBERS_ONLY and types[0] not in NUMBERS:
        return f"`{expectation.rule}` needs a column of type int or float (got {types[0]})"
    if len(types) == 2 and types[0] != types[1] and not set(types) <= NUMBERS:
        return f"`{expectation.rule}` compares a {types[0]} with a {types[1]}; the two must be of one type"
    return None


def _wanted(expectation: Expectation, feed: Feed) -> ColumnType:
    return feed.kept[expectation.columns[0]].type if expectation.name in OF_THE_COLUMN else "float"


def _fitting(value: object, wanted: ColumnType, expectation: Expectation) -> Value:
    try:
        return _converted(value, wanted)
    except (TypeError, ValueError):
        msg = f"`{expectation.rule}`: {value!r} is not a {wanted}; give a value of that type."
        raise UsageError(msg) from None


def _converted(value: object, wanted: ColumnType) -> Value:
    if isinstance(value, bool) or wanted == "bool":
        return _as_bool(value, wanted)
    if wanted in NUMBERS:
        return _as_number(value)
    if isinstance(value, datetime):
        value = value.isoformat(sep=" ")
    if wanted == "date":
        return date.fromisoformat(str(value)).isoformat()
    if wanted == "timestamp":
        return datetime.fromisoformat(str(value)).isoformat(sep=" ")
    # YAML reads an unquoted 1 in a set of codes as a number; the column holds its text.
    return str(value)


def _as_bool(value: object, wanted: ColumnType) -> bool:
    if not isinstance(value, bool) or wanted != "bool":
        raise TypeError
    return value


def _as_number(value: object) -> int | float:
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) >= 2**63:
        raise ValueError
    return value
