"""What became of each delivery's rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from itertools import chain
from operator import or_

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from jobs.config.feeds import Feed
from jobs.errors import DataError
from jobs.validated.contract import Casts
from jobs.validated.judged import DUPLICATE
from jobs.validated.literals import rule_names
from jobs.validated.rules import FAILED, blocking
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
    # By what they broke: most rows broke nothing, so that this is a handful of groups and no rule is looked for row by row.
    alike = judged.groupBy("night", "generation", FAILED).agg(F.count(F.lit(1)).alias("rows"), *(F.count(name).alias(name) for name in typeable(feed)))
    deliveries: dict[tuple[date, int], list[Row]] = {}
    for group in alike.orderBy("night", "generation").collect():
        deliveries.setdefault((group.night, group.generation), []).append(group)
    examples = _examples(judged, feed) if any(_uncast(group, name) for group in chain(*deliveries.values()) for name in typeable(feed)) else {}
    rules, out = _rules(feed), frozenset(blocking(feed))
    found = [_counts(groups, feed, rules, out, examples.get(delivery, {})) for delivery, groups in deliveries.items()]
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


def _examples(judged: DataFrame, feed: Feed) -> dict[tuple[date, int], dict[str, str | None]]:
    # Apart, for the largest of many texts makes Spark sort all rows, and most days no cast fails.
    failed = {name: F.array_contains(FAILED, f"type({name})") for name in typeable(feed)}
    largest = (F.max(F.when(has, F.left(F.col(TEXTS).getField(name), F.lit(40)))).alias(name) for name, has in failed.items())
    rows = judged.where(reduce(or_, failed.values())).groupBy("night", "generation").agg(*largest).collect()
    return {(row.night, row.generation): row.asDict() for row in rows}


def _counts(groups: Sequence[Row], feed: Feed, rules: Sequence[str], out: frozenset[str], examples: Mapping[str, str | None]) -> Counts:
    alike = [(set(group[FAILED]), int(group.rows)) for group in groups]
    unexpected = {rule: sum(rows for failed, rows in alike if rule in failed) for rule in rules}
    return Counts(
        night=groups[0].night,
        generation=groups[0].generation,
        rows=sum(rows for _, rows in alike),
        good=sum(rows for failed, rows in alike if not failed & (out | {DUPLICATE})),
        bad=sum(rows for failed, rows in alike if failed & out),
        duplicates=unexpected[DUPLICATE],
        unexpected=unexpected,
        casts=tuple(_casts(groups, name, to, examples.get(name)) for name, to in typeable(feed).items()),
    )


def _rules(feed: Feed) -> list[str]:
    return [*implicit_rules(feed), *(name for name, expectation in rule_names(feed).items() if expectation.of_rows), DUPLICATE]


def _casts(groups: Sequence[Row], name: str, to: str, example: str | None) -> Casts:
    failed = sum(_uncast(group, name) for group in groups)
    return Casts(column=name, type=to, values=failed + sum(group[name] for group in groups), failed=failed, example=example)


def _uncast(group: Row, name: str) -> int:
    return int(group.rows) if f"type({name})" in group[FAILED] else 0
