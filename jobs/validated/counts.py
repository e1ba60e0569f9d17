"""What became of each delivery's rows, and whether its night may stand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from jobs.config.feeds import Feed
from jobs.errors import DataError
from jobs.validated.contract import Casts, retyped
from jobs.validated.literals import rule_names
from jobs.validated.rules import DUPLICATE, FAILED, is_bad
from jobs.validated.tables import TableResult
from jobs.validated.typed import TEXTS, implicit_rules, typeable


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The rows of one delivery, by what became of them."""

    night: date
    generation: int
    rows: int
    good: int
    bad: int
    duplicates: int
    unexpected: Mapping[str, int] = field(default_factory=dict)
    """For each rule, written or implicit, the rows that broke it."""
    casts: tuple[Casts, ...] = ()

    @classmethod
    def empty(cls, night: date, generation: int) -> "Counts":
        """A delivery without rows: it has no group in any aggregate, and must not be forgotten for that."""
        return cls(night=night, generation=generation, rows=0, good=0, bad=0, duplicates=0)


def counts(judged: DataFrame, feed: Feed) -> list[Counts]:
    """One aggregate over all judged rows.

    Args:
        judged: as `judged` gives them.
        feed: the contract.

    Returns:
        A `Counts` per night and generation that has rows, in that order.

    Raises:
        DataError: the counts do not add up.
    """
    is_duplicate = F.array_contains(FAILED, DUPLICATE)
    is_good = ~is_bad(feed) & ~is_duplicate
    groups = judged.groupBy("night", "generation").agg(
        F.count(F.lit(1)).alias("rows"),
        *(F.count_if(condition).alias(name) for name, condition in (("good", is_good), ("bad", is_bad(feed)), ("duplicates", is_duplicate))),
        F.struct(*(F.count_if(F.array_contains(FAILED, rule)).alias(rule) for rule in _rules(feed))).alias("unexpected"),
        F.struct(F.lit(0).alias("_"), *(_cast_counts(name) for name in typeable(feed))).alias("casts"),
    )
    found = [_counts(row, feed) for row in groups.orderBy("night", "generation").collect()]
    for night in found:
        require_balance(night)
    return found


def require_balance(night: Counts) -> None:
    """Asserts that no row was lost or made: in = good + bad + duplicates.

    Raises:
        DataError: they do not add up.
    """
    if night.rows != night.good + night.bad + night.duplicates:
        msg = (
            f"{night.night} generation {night.generation}: {night.rows} rows came in, but {night.good} good + {night.bad} bad + "
            f"{night.duplicates} duplicates are {night.good + night.bad + night.duplicates}. This is a fault of the product: report it."
        )
        raise DataError(msg)


def night_problem(night: Counts, feed: Feed, tables: Iterable[TableResult] = ()) -> str | None:
    """Why a night is red, or None.

    Args:
        night: its counts; `Counts.empty` for a delivery without rows.
        feed: the contract.
        tables: results of the table expectations; those of other nights are ignored.
    """
    if not night.rows:
        return "the delivery has no rows; have it sent again, or declare the night as `missing`"
    failing = (name for name, expectation in rule_names(feed).items() if expectation.of_rows and expectation.on_failure == "fail")
    problems = [
        *retyped(night.casts),
        *_too_many_bad(night, feed),
        *(f"{night.unexpected[rule]} row(s) broke `{rule}`, which fails the night" for rule in failing if night.unexpected[rule]),
        *(str(result) for result in _not_passed(night, tables) if result.on_failure == "fail"),
    ]
    return "; ".join(problems) or None


def night_warnings(night: Counts, feed: Feed, tables: Iterable[TableResult] = ()) -> list[str]:
    """What a night shows although it is green, a sentence each.

    Args:
        night: its counts.
        feed: the contract.
        tables: results of the table expectations; those of other nights are ignored.
    """
    warning = (name for name, expectation in rule_names(feed).items() if expectation.of_rows and expectation.on_failure == "warn")
    return [
        *(f"{seen} row(s) broke `{rule}`" for rule in warning if (seen := night.unexpected.get(rule, 0))),
        *(str(result) for result in _not_passed(night, tables) if result.on_failure == "warn"),
    ]


def _too_many_bad(night: Counts, feed: Feed) -> Sequence[str]:
    kept_out = night.bad + night.duplicates
    if kept_out <= feed.max_bad_share * night.rows and night.good:
        return []
    worst = sorted(((seen, rule) for rule, seen in night.unexpected.items() if seen), reverse=True)[:3]
    rules = ", ".join(f"`{rule}` {seen}" for seen, rule in worst)
    share = f"{kept_out / night.rows:.1%} (`max_bad_share` is {feed.max_bad_share:.1%})"
    return [f"{kept_out} of {night.rows} rows are quarantined, {share}; most often by {rules}"]


def _not_passed(night: Counts, tables: Iterable[TableResult]) -> list[TableResult]:
    of_night = (result for result in tables if (result.night, result.generation) == (night.night, night.generation))
    return [result for result in of_night if not result.passed]


def _rules(feed: Feed) -> list[str]:
    return [*implicit_rules(feed), *(name for name, expectation in rule_names(feed).items() if expectation.of_rows), DUPLICATE]


def _cast_counts(name: str) -> Column:
    failed = F.array_contains(FAILED, f"type({name})")
    example = F.max(F.when(failed, F.left(F.col(TEXTS).getField(name), F.lit(40))))
    return F.struct(F.count_if(F.col(name).isNotNull() | failed).alias("values"), example.alias("example")).alias(name)


def _counts(row: Row, feed: Feed) -> Counts:
    seen: dict[str, Any] = row.asDict(recursive=True)
    casts = tuple(Casts(column=name, type=to, failed=seen["unexpected"][f"type({name})"], **seen["casts"][name]) for name, to in typeable(feed).items())
    return Counts(**{**seen, "casts": casts})
