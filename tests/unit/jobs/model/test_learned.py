from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from jobs.errors import DataError
from jobs.model.training.learned import Learned, fit

NAN = float("nan")
FRAME = pd.DataFrame(
    {
        "carrier": ["AA", "AA", "B6", "B6", "XX", None],
        "late": [0.1, NAN, 0.3, 0.4, 0.5, 1 / 3],
        "distance": [1, 2, 3, 4, 5, 2**40 + 1],
        "holiday": pd.Series([True, False, None, True, False, False], dtype=object),
    }
)
FEATURES = list(FRAME.columns)


def fitted(**changes: object) -> Learned:
    return fit(FRAME, **{"features": FEATURES, "min_category_count": 2, **changes})


def test_the_matrix_has_the_features_in_order_as_contiguous_floats() -> None:
    matrix = fitted().matrix(FRAME[FEATURES[::-1]])
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    np.testing.assert_array_equal(matrix[:, 0], np.array([0, 0, 1, 1, NAN, NAN], np.float32))
    np.testing.assert_array_equal(matrix[:, 3], np.array([1, 0, NAN, 1, 0, 0], np.float32))


def test_a_rare_or_unseen_category_is_missing() -> None:
    learned = fitted()
    assert learned.features[0].categories == ("AA", "B6")
    assert np.isnan(learned.matrix(FRAME.assign(carrier="never seen"))[:, 0]).all()


def test_fills_are_learned_from_the_training_rows_and_only_applied_later() -> None:
    learned = fitted(fill={"late": "median", "holiday": 0.0})
    other = FRAME.assign(late=NAN, holiday=None)
    np.testing.assert_array_equal(learned.matrix(other)[:, 1], np.full(6, np.float32(1 / 3)))
    np.testing.assert_array_equal(learned.matrix(other)[:, 3], np.zeros(6, np.float32))
    assert fitted(fill={"late": "mean"}).features[1].fill == pytest.approx((0.1 + 0.3 + 0.4 + 0.5 + 1 / 3) / 5)


def test_an_integer_column_with_a_missing_value_gives_the_same_floats() -> None:
    learned = fitted()
    with_missing = FRAME.assign(distance=[1, 2, 3, NAN, 5, 2**40 + 1])
    kept = [0, 1, 2, 4, 5]
    np.testing.assert_array_equal(learned.matrix(FRAME)[kept, 2], learned.matrix(with_missing)[kept, 2])


def test_it_survives_json_and_equal_states_are_equal_texts() -> None:
    learned = fitted(fill={"late": "mean"})
    assert Learned.from_json(learned.to_json()) == learned
    assert fitted(fill={"late": "mean"}).to_json() == learned.to_json()
    with pytest.raises(DataError, match="learned state cannot be read"):
        Learned.from_json('{"features": [{"name": "a"}]}')


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (FRAME.drop(columns="late"), r"\['late'\] are absent"),
        (FRAME.assign(late="0.1"), "`late` is text, not number"),
        (FRAME.assign(carrier=1), "`carrier` is number, not text"),
        (FRAME.assign(holiday=1), "`holiday` is number, not flag"),
        (FRAME.assign(late=[0, 0, 0, 0, 0, np.inf]), r"Infinite as a 32-bit float: \['late'\]"),
        (FRAME.assign(late=1e308), "Infinite as a 32-bit float"),
    ],
    ids=["absent", "number as text", "text as number", "flag as number", "infinite", "too large"],
)
def test_a_frame_that_does_not_fit_is_refused(frame: pd.DataFrame, told: str) -> None:
    with pytest.raises(DataError, match=told):
        fitted().matrix(frame)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"features": []}, "no features"),
        ({"features": ["late", "nope"]}, r"\['nope'\] are not in the training rows"),
        ({"fill": {"nope": 1.0}}, r"`fill` names \['nope'\]"),
        ({"fill": {"carrier": "mean"}}, "a text cannot be filled"),
    ],
    ids=["none", "unknown", "fill of no feature", "fill of a text"],
)
def test_what_cannot_be_learned_is_told(changes: dict[str, object], told: str) -> None:
    with pytest.raises(DataError, match=told):
        fitted(**changes)


@pytest.mark.parametrize("value", [date(2013, 1, 1), Decimal("1.5"), pd.Timestamp("2013-01-01")], ids=["date", "decimal", "timestamp"])
def test_a_type_that_is_no_feature_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="is no feature; cast it"):
        fit(pd.DataFrame({"a": [value, value]}), features=["a"])


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="cannot be learned"):
        fit(pd.DataFrame({"a": [NAN, NAN]}), features=["a"], fill={"a": "mean"})


def test_an_all_missing_feature_stays_missing() -> None:
    learned = fit(pd.DataFrame({"a": [NAN, NAN], "b": [None, None]}), features=["a", "b"])
    assert np.isnan(learned.matrix(pd.DataFrame({"a": [1.0], "b": ["x"]}))).tolist() == [[False, True]]


AWKWARD = ["it's", 'say "x"', "a\\b", "${env:HOME}", "é", "\N{AIRPLANE}\N{EARTH GLOBE EUROPE-AFRICA}", "", "a\nb", "%s"]


def test_spark_computes_the_very_same_bits(spark: SparkSession) -> None:
    random = np.random.default_rng(3)
    rows = 400
    frame = pd.DataFrame(
        {
            "text": random.choice(np.array([*AWKWARD, None], dtype=object), rows),
            "number": np.where(random.random(rows) < 0.2, NAN, random.normal(size=rows) * 10.0 ** random.integers(-40, 30, rows)),
            "filled": np.where(random.random(rows) < 0.2, NAN, random.normal(size=rows)),
            "long": random.integers(-(2**62), 2**62, rows),
            "flag": pd.Series(random.choice(np.array([True, False, None], dtype=object), rows), dtype=object),
            "odd `name`": random.normal(size=rows),
        }
    )
    learned = fit(frame, features=list(frame.columns), fill={"filled": "mean", "flag": 0.1}, min_category_count=1)
    stored = spark.createDataFrame(frame, "text string, number double, filled double, long bigint, flag boolean, `odd ``name``` double")
    columns = stored.selectExpr(*learned.expressions()).toArrow().to_pandas()
    by_spark = np.ascontiguousarray(np.column_stack([column.to_numpy(np.float32) for _, column in columns.items()]))
    by_pandas = learned.matrix(frame)
    assert (np.isnan(by_spark) == np.isnan(by_pandas)).all()
    there = ~np.isnan(by_pandas)
    np.testing.assert_array_equal(by_spark[there].view(np.uint32), by_pandas[there].view(np.uint32))
