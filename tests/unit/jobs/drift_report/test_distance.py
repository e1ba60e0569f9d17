"""Distances from the champion's reference: PSI by its definition, for every night, feature and the missing values."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from jobs.config.drift import Drift
from jobs.drift_report.distance import Reference, distances, from_plain, state_of, to_plain

FIRST, SECOND = date(2013, 5, 1), date(2013, 5, 2)


def test_the_index_is_that_of_its_definition() -> None:
    reference = Reference("x", (1.5,), (), (0.5, 0.25, 0.25))
    wanted = (0.25 - 0.5) * math.log(0.25 / 0.5) + (0.5 - 0.25) * math.log(0.5 / 0.25)
    assert reference.psi([1, 2, 1]) == pytest.approx(wanted)


def test_an_empty_bin_weighs_much_but_not_infinitely() -> None:
    assert 0.5 < Reference("x", (0.0,), (), (0.5, 0.5, 0.0)).psi([10, 0, 0]) < 10


def test_the_same_values_are_at_no_distance() -> None:
    values = pd.Series(np.random.default_rng(0).normal(size=500))
    one = Reference.of("x", values)
    assert one.psi(one.counted(values).tolist()) == pytest.approx(0)


@pytest.mark.parametrize(
    ("values", "counted"),
    [
        (pd.Series([1.0, 2.0, None, float("nan")]), {0: 1, 1: 1, 2: 2}),
        (pd.Series([True, False, None], dtype=object), {0: 1, 1: 1, 2: 1}),
    ],
)
def test_missing_is_a_bin_of_its_own(values: "pd.Series[float]", counted: dict[int, int]) -> None:
    found = Reference("x", (0.5,) if values.dtype == object else (1.5,), (), (0.4, 0.4, 0.2)).counted(values)
    assert dict(enumerate(found.astype(int))) == counted


def test_a_text_beyond_the_most_frequent_counts_as_other() -> None:
    one = Reference.of("x", pd.Series(["a"] * 5 + ["b"] * 3))
    assert one.counted(pd.Series(["a", "c", None])).tolist() == [1, 0, 1, 1]


def test_a_reference_without_a_value_takes_any() -> None:
    one = Reference.of("x", pd.Series([None, None], dtype=object))
    assert one.counted(pd.Series(["a", None], dtype=object)).tolist() == [1, 1]
    assert one.psi([1, 1]) > 0


def test_marks_are_reached_from_below() -> None:
    assert [state_of(psi, Drift()) for psi in (0.0999, 0.1, 0.2499, 0.25)] == ["steady", "watch", "watch", "drifted"]


def test_each_night_is_compared_by_itself(spark: SparkSession) -> None:
    rows = [(FIRST, float(n), "a", n % 2 == 0) for n in range(100)] + [(SECOND, 99.0, "b", None) for _ in range(50)]
    frame = spark.createDataFrame(rows, "night date, x double, t string, flag boolean")
    made_from = pd.DataFrame({"x": np.arange(100.0), "t": ["a"] * 100, "flag": [True, False] * 50})
    references = [Reference.of(name, made_from[name]) for name in ("x", "t", "flag")]
    found = distances(frame, references, Drift())
    assert {night: [one.state for one in some] for night, some in found.items()} == {FIRST: ["steady"] * 3, SECOND: ["drifted"] * 3}
    assert [one.missing for one in found[SECOND]] == [0, 0, 1]


def test_a_reference_survives_its_file() -> None:
    one = Reference.of("x", pd.Series([1.0, 2.0, 3.0, None]))
    assert from_plain(to_plain([one])) == [one]
