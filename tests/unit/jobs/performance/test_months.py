"""What a model's scores turn out to be worth, month by month."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from jobs.errors import DataError
from jobs.performance.months import as_table, by_month


def pairs(first: date, nights: int, *, version: int = 1, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    days = np.repeat([first + timedelta(days=n) for n in range(nights)], 40)
    score = rng.uniform(size=len(days))
    return pd.DataFrame({"scored_night": days, "model_version": version, "label": (rng.uniform(size=len(days)) < score).astype(int), "score": score})


def test_months_are_pooled_over_their_rows_with_intervals_over_nights() -> None:
    may, june = pairs(date(2013, 5, 20), 12), pairs(date(2013, 6, 1), 10, version=2, seed=1)
    periods = by_month(pd.concat([may, june]), "binary")
    found = [(one.name, one.versions, one.nights, one.rows) for one in periods]
    assert found == [
        ("2013-05", "1", 12, 480),
        ("2013-06", "2", 10, 400),
        ("all", "1, 2", 22, 880),
    ]
    auc = periods[0].metrics["roc_auc"]
    assert auc.value == pytest.approx(roc_auc_score(may["label"], may["score"]))
    assert auc.low is not None
    assert auc.high is not None
    assert auc.low < auc.value < auc.high


def test_a_month_that_cannot_be_measured_says_why_and_the_others_stand() -> None:
    periods = by_month(pd.concat([pairs(date(2013, 5, 10), 20), pairs(date(2013, 6, 1), 2).assign(label=0)]), "binary")
    assert periods[1].metrics == {}
    assert "both classes" in str(periods[1].problem)
    assert as_table(periods, "binary")[1][1][-1] == "-"
    assert periods[2].metrics["brier"].value > 0


def test_without_labels_nothing_is_measured() -> None:
    with pytest.raises(DataError, match="No score's label is known yet"):
        by_month(pairs(date(2013, 5, 20), 1).iloc[:0], "binary")
