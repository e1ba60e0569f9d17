"""A feed's rows as they might have become known after a night: other values, keys and event days, rows more and less, new generations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.feeds import ColumnType, Feed
from jobs.ledger.ledger import Slice

SAMPLE = 50
"""Keys and texts of known rows that altered rows may take on."""
REDELIVERED = 40
"""Nights before the one that is looked at whose deliveries are replaced after it."""


@dataclass(frozen=True)
class Altered:
    """What the alteration made, and how much it altered."""

    frame: DataFrame
    slices: Sequence[Slice]
    cells: int
    added: int
    removed: int


def altered(frame: DataFrame, feed: Feed, night: date, slices: Sequence[Slice], *, seed: int) -> Altered:
    """Every row known by `night` as it is; the others at random.

    Of the rows that became known later, one in five goes, one in five comes twice under another key, one in five takes on the key of
    a row known before, and half of all values are others. The newest generation of the nights before is delivered once more after it.

    Args:
        frame: the feed's validated rows.
        feed: its contract.
        night: what is known by it stays.
        slices: the feed's validated slices.
        seed: the same seed alters in the same way.
    """
    change = _Change(frame, feed, night, seed)
    before, after = frame.where(F.col("known_night") <= F.lit(night)), frame.where(F.col("known_night") > F.lit(night))
    kept = after.where(change.roll("gone", 5) != 0)
    again = kept.where(change.roll("twice", 5) == 0).withColumn("row", F.col("row") + 1_000_000)
    newer, redelivered = _redelivered(before, slices, night)
    rows = kept.withColumn("added_", F.lit(0)).unionByName(again.unionByName(newer).withColumn("added_", F.lit(1)))
    changed = change.rows(rows).persist()
    counted = changed.agg(F.sum("cells_"), F.sum("added_"), F.count("*")).first()
    cells, added, there = (int(number or 0) for number in counted) if counted else (0, 0, 0)
    removed = after.count() - (there - added)
    return Altered(before.unionByName(changed.drop("cells_", "added_")), [*slices, *redelivered], cells, added, removed)


def _redelivered(before: DataFrame, slices: Sequence[Slice], night: date) -> tuple[DataFrame, list[Slice]]:
    """Copies of recent deliveries as a next generation that is known from the night after."""
    newest = {one.night: one for one in slices}
    recent = sorted(one for one in newest if one <= night)[-REDELIVERED:]
    known_night = night + timedelta(days=1)
    fresh = [replace(newest[one], generation=newest[one].generation + 1, known_night=max(known_night, newest[one].known_night)) for one in recent]
    pairs = [(one.night, one.generation - 1, one.known_night) for one in fresh]
    which = before.sparkSession.createDataFrame(pairs, "night date, generation int, fresh_ date")
    rows = before.join(F.broadcast(which), ["night", "generation"], how="inner")
    renewed = rows.withColumn("generation", F.col("generation") + 1).withColumn("known_night", F.col("fresh_"))
    return renewed.select(*before.columns), fresh


class _Change:
    """Random values of the feed's columns; chance is a hash of the row's place, so that a row is altered alike each time it is read."""

    def __init__(self, frame: DataFrame, feed: Feed, night: date, seed: int) -> None:
        self.feed, self.night, self.seed = feed, night, seed
        known = frame.where(F.col("known_night") <= F.lit(night)).orderBy(F.col("night").desc(), "generation", "row").limit(SAMPLE)
        self.sample = [row.asDict() for row in known.select(*feed.kept).collect()]

    def roll(self, what: str, sides: int) -> Column:
        """A number from 0 to `sides` - 1 for each row."""
        return F.pmod(F.xxhash64(F.lit(f"{self.seed}/{what}"), "night", "generation", "row"), F.lit(sides))

    def rows(self, frame: DataFrame) -> DataFrame:
        """The frame with other values, and `cells_`, how many of a row's are others."""
        columns = {name: self._cell(name, column.type) for name, column in self.feed.kept.items()}
        derived = {name: F.expr(text) for name, text in self.feed.derive.items()}
        formerly = frame.withColumns({f"was_{name}": F.col(name) for name in columns})
        changed = formerly.withColumns(columns)
        for name, value in derived.items():
            changed = changed.withColumn(name, value)
        differ = [(~F.col(name).eqNullSafe(F.col(f"was_{name}"))).cast("int") for name in columns]
        return changed.withColumn("cells_", reduce(Column.__add__, differ)).select(*frame.columns, "cells_")

    def _cell(self, name: str, kind: ColumnType) -> Column:
        was = F.col(name)
        if name in self.feed.key:
            # All parts of a key come from the same known row, so that the row is a later version of that one.
            return F.when(self.roll("key", 5) == 0, self._of_sample(name, kind, "which")).when(self.roll("key", 5) == 1, self._other(name, kind)).otherwise(was)
        return F.when(self.roll(name, 2) == 0, self._other(name, kind)).otherwise(was)

    def _other(self, name: str, kind: ColumnType) -> Column:
        """Another value of the column's type."""
        chance = self.roll(f"value of {name}", 100_000)
        match kind:
            case "int":
                return chance.cast("bigint")
            case "float":
                return chance / F.lit(7.0)
            case "bool":
                return chance % 2 == 0
            case "date":
                return F.date_sub(F.lit(self.night), (chance % 30).cast("int"))
            case "timestamp":
                return F.lit(self.night).cast("timestamp") - F.make_dt_interval(mins=chance.cast("int"))
            case "string":
                return self._of_sample(name, kind, f"text of {name}")

    def _of_sample(self, name: str, kind: ColumnType, what: str) -> Column:
        """The column's value in one of the known rows; a text that nobody has seen where there are none."""
        if not self.sample:
            return F.lit("never seen") if kind == "string" else F.col(name)
        values = F.array(*(F.lit(row[name]) for row in self.sample))
        return F.element_at(values, (self.roll(what, len(self.sample)) + 1).cast("int"))
