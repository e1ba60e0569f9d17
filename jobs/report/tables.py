"""The rows of tables that the pages show, each table read once."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from jobs.report.bands import realised
from jobs.report.standing import Pooled
from jobs.watch.facts import Facts, Known

if TYPE_CHECKING:
    from jobs.lake.lake import Lake

SCORE: Final = "score"
FARTHEST: Final = 10
PARTS: Final = 5
FEWEST: Final = 20
"""Rows of a part that is told: what fewer say is chance."""
DRIFT: Final[Mapping[str, str]] = {
    "night": "date",
    "name": "string",
    "distance": "double",
    "mark": "double",
    "state": "string",
    "weight": "double",
    "missing": "double",
    "reference_missing": "double",
    "unseen": "double",
}
PARTED: Final[Mapping[str, str]] = {
    "night": "date",
    "scored_night": "date",
    "model_version": "int",
    "slice": "string",
    "kind": "string",
    "tally": "array<double>",
}


def drift_rows(lake: "Lake", model: str, nights: Sequence[date]) -> pd.DataFrame:
    """The drift report of some nights: the columns of `DRIFT`, and `reach`, distance by mark; what an earlier release has not measured is missing."""
    rows = _rows(lake, f"{model}/drift_report", nights, DRIFT, "true")
    return rows.assign(reach=rows["distance"].astype(float) / rows["mark"].astype(float))


def part_rows(lake: "Lake", model: str, nights: Sequence[date]) -> pd.DataFrame:
    """What the nights learned of parts of the scored rows: the columns of `PARTED`."""
    return _rows(lake, f"{model}/performance", nights, PARTED, "kind = 'realised' AND slice <> ''")


def farthest(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The score, then the features of one night that are farthest from their reference, by their marks."""
    features = rows[rows["name"] != SCORE].sort_values(["reach", "name"], ascending=[False, True]).head(FARTHEST)
    shown = pd.concat([rows[rows["name"] == SCORE], features])
    return [{str(name): None if pd.isna(value) else value for name, value in row.items()} for row in shown.to_dict("records")]


def worst_parts(rows: pd.DataFrame, facts: Facts) -> list[tuple[str, Pooled]]:
    """The parts of one night's newly known rows whose loss is highest over that of the constant."""
    told = []
    for name, some in rows.groupby("slice"):
        found = [_known(row) for row in some.to_dict("records")]
        pooled = Pooled(tuple(day for day, _ in found), tuple(sorted({one.version for _, one in found})), realised(facts, found))
        if {facts.loss, "constant"} <= {*pooled.metrics} and pooled.metrics["rows"].value >= FEWEST:
            told.append((str(name), pooled))
    return sorted(told, key=lambda one: one[1].metrics["constant"].value - one[1].metrics[facts.loss].value)[:PARTS]


def _known(row: Mapping[Any, Any]) -> tuple[date, Known]:
    return row["scored_night"], Known(row["night"], int(row["model_version"]), np.asarray(row["tally"], dtype=np.float64))


def _rows(lake: "Lake", table: str, nights: Sequence[date], columns: Mapping[str, str], condition: str) -> pd.DataFrame:
    if not nights or not lake.exists(table):
        return pd.DataFrame({name: [] for name in columns})
    frame = lake.read(table, nights).frame.where(~F.col("restated"))
    there = [F.col(name) if name in frame.columns else F.lit(None).cast(of).alias(name) for name, of in columns.items()]
    return frame.select(*there).where(condition).toPandas()
