from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from jobs.errors import DataError
from jobs.model.decision import Decision
from jobs.model.fairness.by_group import ByGroup
from jobs.model.fairness.reweigh import weights_of
from jobs.model.fairness.thresholds import by_group
from jobs.model.training.learned import Learned


def drawn(rows: int = 6000) -> tuple[pd.DataFrame, np.ndarray]:
    """Groups with other base rates, and scores that are the better hidden for b."""
    random = np.random.default_rng(0)
    group = np.where(random.random(rows) < 0.4, "b", "a")
    label = (random.random(rows) < np.where(group == "a", 0.5, 0.2)).astype(float)
    score = 1 / (1 + np.exp(-(random.normal(0, 1, rows) + np.where(group == "a", 2.0, 1.0) * label - 1)))
    return pd.DataFrame({"group": group, "label": label}), score


def test_weights_make_group_and_label_independent_and_keep_the_number_of_rows() -> None:
    frame, _ = drawn()
    label = frame["label"].to_numpy()
    given = weights_of(frame, label, "group", min_rows=100).per_row(frame, label)
    assert given.mean() == pytest.approx(1)
    rates = [np.average(label[inside], weights=given[inside]) for inside in ((frame["group"] == name).to_numpy() for name in "ab")]
    assert rates == pytest.approx([label.mean()] * 2)


def test_groups_that_are_small_unknown_or_of_one_label_weigh_as_they_are() -> None:
    frame, _ = drawn()
    frame.loc[:4, "group"], frame.loc[5:200, "group"], frame.loc[5:200, "label"] = "tiny", "never", 0.0
    weights = weights_of(frame, frame["label"].to_numpy(), "group", min_rows=100)
    others = pd.DataFrame({"group": ["tiny", "never", "new", None]})
    assert weights.per_row(others, np.array([0, 0, 1, 1])).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("equal", ["true_positive_rate", "selection_rate"])
def test_thresholds_bring_each_group_to_the_rate_that_all_rows_had(equal: Any) -> None:
    frame, score = drawn()
    found = by_group(frame, score, "group", general=0.5, equal=equal, min_rows=100)
    taken = Decision(threshold=0.5, by_group=found).predicted(frame, score)
    counted = (frame["label"] == 1).to_numpy() if equal == "true_positive_rate" else np.ones(len(frame), dtype=bool)
    aim = (score[counted] >= 0.5).mean()
    assert [taken[counted & (frame["group"] == name).to_numpy()].mean() for name in "ab"] == pytest.approx([aim] * 2, abs=0.002)


def test_where_scores_are_all_alike_the_threshold_stays_where_it_is_nearest() -> None:
    frame = pd.DataFrame({"group": ["a", "b"] * 100, "label": 1.0})
    found = by_group(frame, np.full(200, 0.7), "group", general=0.5, equal="selection_rate", min_rows=50)
    assert found.thresholds == (("a", 0.7), ("b", 0.7))


def test_without_two_groups_to_learn_from_nothing_is_mitigated() -> None:
    frame, score = drawn(300)
    with pytest.raises(DataError, match=r"fairness\.mitigate: of the groups of `group`, 0 has 5000 rows .*'a': \d+, 'b': \d+.*Take `mitigate` out"):
        by_group(frame, score, "group", general=0.5, equal="selection_rate", min_rows=5000)
    with pytest.raises(DataError, match=r"fairness\.mitigate: of the groups of `group`, 0 has 5000 rows and both labels"):
        weights_of(frame, frame["label"].to_numpy(), "group", min_rows=5000)


def test_thresholds_travel_with_the_version_and_versions_without_them_read_as_before() -> None:
    given = Learned((), threshold=0.5, by_group=ByGroup("level", ((1.0, 0.25), (None, 0.75))))
    assert Learned.from_json(given.to_json()) == given
    best = Learned((), top=20)
    assert Learned.from_json(best.to_json()) == best
    assert Learned(()).to_json() == '{"features":[],"maps":[],"threshold":null}'
    assert Learned.from_json('{"features":[],"maps":[],"threshold":null}') == Learned(())
    assert str(Decision(threshold=0.5)) == "Decision(threshold=0.5, top=None)"


@pytest.mark.parametrize(
    ("values", "thresholds"),
    [
        (["a", "b", None, "new", "", "o'b"], (("a", 0.3), ("b", 0.7), ("o'b", 0.9), (None, 0.2))),
        (["a", "b", None, "new"], (("a", 0.3), ("b", 0.7))),
        ([True, False, None], ((True, 0.3), (False, 0.7), (None, 0.2))),
        ([1.0, 2.0, None, float("nan"), 3.0], ((1.0, 0.3), (2.0, 0.7), (None, 0.2))),
        ([1, 2, 3], ((1.0, 0.3), (2.0, 0.7))),
    ],
    ids=["texts", "no missing one known", "booleans", "numbers", "whole numbers"],
)
def test_spark_decides_by_group_as_the_evaluation_does(spark: SparkSession, values: list[Any], thresholds: Any) -> None:
    scores = [0.1, 0.2, 0.25, 0.3, 0.45, 0.5, 0.7, 0.9, 0.95]
    kind = {str: "string", bool: "boolean", float: "double", int: "int"}[type(values[0])]
    cells = [(number, value, score) for number, (value, score) in enumerate((value, score) for value in values for score in scores)]
    frame = spark.createDataFrame(cells, f"id int, group {kind}, score double").selectExpr("*", "date'2013-05-01' AS night")
    decision = Decision(threshold=0.5, by_group=ByGroup("group", thresholds))
    found = frame.withColumn("predicted", decision.expression(["id"])).orderBy("id").toPandas()
    expected = decision.predicted(found.assign(night=date(2013, 5, 1)), found["score"].to_numpy(float))
    assert found["predicted"].tolist() == expected.tolist()
    assert 0 < expected.sum() < len(expected)
