"""Row expectations as Spark conditions: one pass judges every row by every rule, as Great Expectations would."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import Any, Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.expectations import Expectation
from jobs.config.feeds import Feed
from jobs.validated.literals import arguments, rule_names
from jobs.validated.typed import META, TEXTS, broke, flag, implicit_rules

FAILED: Final = "_failed"
"""Array with the names of the rules that a row broke, those that only warn included."""
BAD: Final = "_bad"
"""Whether a row broke a rule that keeps it out; being a duplicate is not among them."""
SEPARATOR: Final = "\n"
"""No rule's name has a line break: it is made of an expectation's and of columns' names."""


def examined(rows: DataFrame, feed: Feed) -> DataFrame:
    """Typed rows, each with the rules that it broke; duplicates are not yet among them.

    Args:
        rows: as `typed` gives them.
        feed: the contract.

    Returns:
        `META`, the typed columns, `TEXTS` (NULL where no rule was broken), `FAILED`, and `BAD`.

    Raises:
        UsageError: an expectation's value does not fit its column.
    """
    flagged = rows.select("*", *(condition.alias(flag(rule)) for rule, condition in unexpected(feed).items()))
    rules = [*implicit_rules(feed), *unexpected(feed)]
    # A text while rows are examined: Spark compiles its making into the pass over the rows, which it does not for a filtered array.
    names = F.concat_ws(SEPARATOR, *(F.when(broke(rule), F.lit(rule)) for rule in rules)).alias("_names")
    named = flagged.select(*META, *feed.kept, TEXTS, names, _any(blocking(feed)).alias(BAD))
    broken = F.col("_names") != ""
    failed = F.when(broken, F.split("_names", SEPARATOR)).otherwise(F.array().cast("array<string>"))
    # A third of what is cached; rows that break nothing are quarantined only as duplicates, and say the same typed.
    texts = F.when(broken, F.col(TEXTS)).alias(TEXTS)
    return named.select(*META, *feed.kept, texts, failed.alias(FAILED), BAD)


def unexpected(feed: Feed) -> dict[str, Column]:
    """For each row expectation of a feed, the condition of a row that breaks it; a NULL breaks only `not_be_null`.

    Args:
        feed: the contract.

    Raises:
        UsageError: a value does not fit its column.
    """
    return {name: _condition(expectation, feed) for name, expectation in rule_names(feed).items() if expectation.of_rows}


def blocking(feed: Feed) -> tuple[str, ...]:
    """The rules that keep a row out of the good ones: all but those that only warn."""
    written = (name for name, expectation in rule_names(feed).items() if expectation.of_rows and expectation.on_failure != "warn")
    return (*implicit_rules(feed), *written)


def _any(rules: Sequence[str]) -> Column:
    return reduce(or_, (broke(rule) for rule in rules))


def _condition(expectation: Expectation, feed: Feed) -> Column:
    columns = [F.col(name) for name in expectation.columns]
    expected = EXPECTED[expectation.name](columns, arguments(expectation, feed))
    if expectation.name == "expect_column_values_to_not_be_null":
        return ~expected
    # Said outright, for three-valued logic does not say it everywhere: `NULL IN ()` is false.
    return reduce(and_, (column.isNotNull() for column in columns)) & ~expected


def _between(column: Column, given: Mapping[str, Any]) -> Column:
    low, high = given.get("min_value"), given.get("max_value")
    above = F.lit(True) if low is None else (column > F.lit(low) if given.get("strict_min") else column >= F.lit(low))
    below = F.lit(True) if high is None else (column < F.lit(high) if given.get("strict_max") else column <= F.lit(high))
    return above & below


def _in_set(column: Column, given: Mapping[str, Any]) -> Column:
    return column.isin(given["value_set"])


def _greater(columns: list[Column], given: Mapping[str, Any]) -> Column:
    first, second = columns
    return first >= second if given.get("or_equal") else first > second


EXPECTED: Final[Mapping[str, Callable[[list[Column], Mapping[str, Any]], Column]]] = {
    "expect_column_values_to_not_be_null": lambda columns, _: columns[0].isNotNull(),
    "expect_column_values_to_be_in_set": lambda columns, given: _in_set(columns[0], given),
    "expect_column_values_to_not_be_in_set": lambda columns, given: ~_in_set(columns[0], given),
    "expect_column_values_to_be_between": lambda columns, given: _between(columns[0], given),
    "expect_column_values_to_match_regex": lambda columns, given: columns[0].rlike(given["regex"]),
    "expect_column_value_lengths_to_be_between": lambda columns, given: _between(F.length(columns[0]), given),
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
}
