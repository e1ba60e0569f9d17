"""Row expectations as Spark conditions: one pass judges every row by every rule, as Great Expectations would."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import Any, Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.config.expectations import Expectation
from jobs.config.feeds import Feed
from jobs.validated.literals import arguments, rule_names
from jobs.validated.typed import META, TEXTS, broke, flag, implicit_rules

FAILED: Final = "_failed"
"""Array with the names of the rules that a row broke, those that only warn included."""
DUPLICATE: Final = "duplicate_key"


def judged(rows: DataFrame, feed: Feed) -> DataFrame:
    """Typed rows, each with the rules that it broke.

    Args:
        rows: as `typed` gives them.
        feed: the contract.

    Returns:
        `META`, the typed columns, `TEXTS` (NULL where no rule was broken) and `FAILED`. Among the rows of a delivery that broke no rule and share a key all
        but the last broke `DUPLICATE`.

    Raises:
        UsageError: an expectation's value does not fit its column.
    """
    flagged = rows.select("*", *(condition.alias(flag(rule)) for rule, condition in unexpected(feed).items()))
    rules = [*implicit_rules(feed), *unexpected(feed)]
    names = F.array_compact(F.array(*(F.when(broke(rule), F.lit(rule)) for rule in rules)))
    # Most rows broke nothing, and one disjunction is cheaper than a list of names.
    failed = F.when(_any(rules), names).otherwise(F.array().cast("array<string>"))
    # A third of what is shuffled and cached; rows that break nothing are quarantined only as duplicates, and say the same typed.
    texts = F.when(_any(rules), F.col(TEXTS)).alias(TEXTS)
    single = flagged.select(*META, *feed.kept, texts, failed.alias(FAILED), _any(blocking(feed)).alias("_bad"))
    again = F.when(_comes_again(feed), F.array_append(FAILED, F.lit(DUPLICATE))).otherwise(F.col(FAILED))
    return single.select(*META, *feed.kept, TEXTS, again.alias(FAILED))


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


def is_bad(feed: Feed) -> Column:
    """Whether a judged row broke a rule that keeps it out; being a duplicate is not among them."""
    return F.arrays_overlap(F.col(FAILED), F.array(*(F.lit(rule) for rule in blocking(feed))))


def _any(rules: Sequence[str]) -> Column:
    return reduce(or_, (broke(rule) for rule in rules))


def _comes_again(feed: Feed) -> Column:
    # A hash first: sorting whole partitions by one number is several times cheaper than by a handful of texts.
    same_key = Window.partitionBy(F.xxhash64("night", *feed.key), "night", "generation", *feed.key, "_bad")
    return ~F.col("_bad") & (F.col("row") < F.max("row").over(same_key))


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
