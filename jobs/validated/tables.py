"""Table expectations: each night's delivery as a whole, all of them in one grouped aggregate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.expectations import Expectation, OnFailure
from jobs.config.feeds import Feed
from jobs.validated.literals import arguments, rule_names


@dataclass(frozen=True, slots=True, kw_only=True)
class TableResult:
    """What one table expectation saw in one delivery."""

    night: date
    generation: int
    rule: str
    observed: float | str | None
    passed: bool
    on_failure: OnFailure
    wanted: str

    def __str__(self) -> str:
        """What was seen and what was wanted, for a message."""
        return f"`{self.rule}` is {'nothing' if self.observed is None else self.observed}, wanted {self.wanted}"


def table_results(rows: DataFrame, feed: Feed) -> list[TableResult]:
    """Every table expectation of a feed for every delivery in `rows`.

    Args:
        rows: typed or judged rows, the bad ones included: the delivery as it came.
        feed: the contract.

    Returns:
        A result per expectation, night and generation, in that order of nights. What cannot be observed, such as the mean of
        nothing, has not passed. A delivery without rows has no result: nobody may take that for a pass.

    Raises:
        UsageError: a bound does not fit its column.
    """
    rules = {name: expectation for name, expectation in rule_names(feed).items() if not expectation.of_rows}
    if not rules:
        return []
    bounds = {rule: arguments(expectation, feed) for rule, expectation in rules.items()}
    observed = [_observed(expectation, feed).alias(rule) for rule, expectation in rules.items()]
    nights = rows.groupBy("night", "generation").agg(*observed).orderBy("night", "generation").collect()
    return [_result(night.asDict(), rule, rules[rule], bounds[rule]) for night in nights for rule in rules]


def _observed(expectation: Expectation, feed: Feed) -> Column:
    if not expectation.columns:
        return F.count(F.lit(1))
    observed = OBSERVED[expectation.name](F.col(expectation.columns[0]))
    # As texts, for a collected timestamp is in the host's time zone; ISO texts sort as the instants do.
    is_instant = expectation.name in AN_EXTREME and feed.kept[expectation.columns[0]].type in {"date", "timestamp"}
    return observed.cast("string") if is_instant else observed


def _result(seen: Mapping[str, Any], rule: str, expectation: Expectation, given: Mapping[str, Any]) -> TableResult:
    value, low, high = seen[rule], given.get("min_value"), given.get("max_value")
    passed = value is not None and (low is None or value >= low) and (high is None or value <= high)
    wanted = " and ".join(f"{word} {bound}" for word, bound in (("at least", low), ("at most", high)) if bound is not None)
    return TableResult(
        night=seen["night"],
        generation=seen["generation"],
        rule=rule,
        observed=value,
        passed=passed,
        on_failure=expectation.on_failure,
        wanted=wanted,
    )


AN_EXTREME: Final = frozenset({"expect_column_min_to_be_between", "expect_column_max_to_be_between"})
OBSERVED: Final[Mapping[str, Callable[[Column], Column]]] = {
    "expect_column_mean_to_be_between": F.avg,
    "expect_column_min_to_be_between": F.min,
    "expect_column_max_to_be_between": F.max,
    # Doubles, as Great Expectations does: a sum of large integers must not overflow into an error.
    "expect_column_sum_to_be_between": lambda column: F.sum(column.cast("double")),
    "expect_column_unique_value_count_to_be_between": F.count_distinct,
    "expect_column_proportion_of_non_null_values_to_be_between": lambda column: F.count(column) / F.count(F.lit(1)),
}
