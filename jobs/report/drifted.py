"""Drift feature by feature, as the ledger has it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import pandas as pd

from jobs.drift_report.judged import ON_RECORD, SCORE
from jobs.ledger.ledger import Slice

FARTHEST: Final = 10


def drift_rows(reports: Mapping[date, Slice], nights: Sequence[date]) -> pd.DataFrame:
    """A row per night and feature: `night`, what the report keeps of a feature, and `reach`, its distance by its mark.

    Args:
        reports: the drift report's slices by night; one of an earlier release has no features on record.
        nights: to look at.
    """
    given = [(night, reports[night].detail["measured"]) for night in nights if night in reports and "measured" in reports[night].detail]
    columns = {name: [value for _, one in given for value in one[name]] for name in ON_RECORD}
    rows = pd.DataFrame({"night": [night for night, one in given for _ in one["name"]], **columns})
    return rows.assign(reach=rows["distance"].astype(float) / rows["mark"].astype(float))


def farthest(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The score, then the features of one night that are farthest from their reference, by their marks."""
    features = rows[rows["name"] != SCORE].sort_values(["reach", "name"], ascending=[False, True]).head(FARTHEST)
    return [{str(name): value for name, value in row.items()} for row in pd.concat([rows[rows["name"] == SCORE], features]).to_dict("records")]
