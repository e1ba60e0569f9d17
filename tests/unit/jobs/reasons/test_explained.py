"""Reasons in Spark: the rows given, the largest effects first, adding up."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import xgboost
from pyspark.sql import DataFrame, SparkSession

from jobs.errors import DataError
from jobs.lake.wording import spark_errors
from jobs.model.artifact import Artifact
from jobs.model.training.learned import fit
from jobs.model.training.maps import Map
from jobs.reasons.explained import explained, ranked

NIGHT = date(2013, 5, 18)
FEATURES = ["carrier", "hour", "late", "holiday"]
SCHEMA = "id int, night date, carrier string, hour int, late double, holiday boolean, gone double"


def rows_of(count: int = 300) -> pd.DataFrame:
    draw = np.random.default_rng(5)
    rows = pd.DataFrame({"id": range(count), "night": NIGHT, "carrier": draw.choice(["AA", "B6", "UA"], count), "hour": draw.integers(5, 23, count)})
    return rows.assign(late=np.where(draw.random(count) < 0.2, np.nan, draw.random(count)), holiday=draw.random(count) < 0.3, gone=draw.random(count))


def artifact_of(rows: pd.DataFrame, *maps: Map) -> Artifact:
    """Trained on everything but `gone`, which alone would tell the label."""
    learned = fit(rows, features=FEATURES, min_category_count=1)
    label = (rows["hour"] / 20 + (rows["carrier"] == "B6") + rows["late"].fillna(0) + 2 * rows["gone"] > 2.2).astype(int)
    data = xgboost.QuantileDMatrix(learned.matrix(rows), label, feature_names=learned.names, feature_types=learned.types, enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 4, "nthread": 1}, data, 20)
    return Artifact(bytes(booster.save_raw("ubj")), type(learned)(learned.features, maps), threads=1)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return rows_of()


def framed(spark: SparkSession, rows: pd.DataFrame, artifact: Artifact) -> DataFrame:
    shown = [tuple(None if pd.isna(value) else value for value in row) for row in rows.astype(object).itertuples(index=False)]
    scored = [(*row, float(score)) for row, score in zip(shown, artifact.score(rows), strict=True)]
    return spark.createDataFrame(scored, f"{SCHEMA}, score double").repartition(3)


@pytest.mark.parametrize("maps", [(), (Map("platt", x=(0.1, 0.8)),)], ids=["plain", "calibrated"])
@pytest.mark.parametrize("top", [1, 3, 4])
def test_base_reasons_and_the_rest_are_the_margin_of_every_row(spark: SparkSession, rows: pd.DataFrame, maps: tuple[Map, ...], top: int) -> None:
    artifact = artifact_of(rows, *maps)
    found = explained(framed(spark, rows, artifact), artifact, keys=["id", "night"], top=top).toPandas().sort_values("id", ignore_index=True)
    assert list(found["id"]) == list(rows["id"])
    effects = [f"reason_{place}_effect" for place in range(1, top + 1)]
    margin = artifact.booster.inplace_predict(artifact.learned.matrix(rows), predict_type="margin")
    np.testing.assert_array_equal(found["margin"], margin)
    np.testing.assert_allclose(found["base"] + found[effects].sum(axis=1) + found["other_effect"], margin, atol=1e-5)
    np.testing.assert_array_equal(found["score"], artifact.score(rows))
    sizes = found[effects].abs().to_numpy()
    assert (sizes[:, :-1] >= sizes[:, 1:]).all()
    assert top < 4 or np.abs(found["other_effect"]).max() < 1e-12


def test_a_feature_that_the_model_does_not_have_is_never_a_reason(spark: SparkSession, rows: pd.DataFrame) -> None:
    artifact = artifact_of(rows)
    found = explained(framed(spark, rows, artifact), artifact, keys=["id", "night"], top=4).toPandas()
    named = {name for place in range(1, 5) for name in found[f"reason_{place}"].dropna()}
    assert named == set(FEATURES)


def test_a_reason_has_the_value_that_is_stored(spark: SparkSession, rows: pd.DataFrame) -> None:
    artifact = artifact_of(rows)
    found = explained(framed(spark, rows, artifact), artifact, keys=["id", "night"], top=4).toPandas().set_index("id")
    seen = 0
    for place in range(1, 5):
        for number, (name, value) in found[[f"reason_{place}", f"reason_{place}_value"]].iterrows():
            stored = rows.set_index("id").loc[number, name] if name else None
            expected = None if pd.isna(stored) else str(stored).lower() if name == "holiday" else str(stored)
            assert value == expected or float(value) == float(stored)
            seen += value is not None
    assert seen > 900


def test_a_value_that_training_never_saw_is_shown_as_it_is(spark: SparkSession, rows: pd.DataFrame) -> None:
    artifact = artifact_of(rows)
    strange = rows[:1].assign(carrier="ZZ")
    found = explained(framed(spark, strange, artifact), artifact, keys=["id", "night"], top=4).toPandas().iloc[0]
    values = {found[f"reason_{place}"]: found[f"reason_{place}_value"] for place in range(1, 5)}
    assert values["carrier"] == "ZZ"


def test_more_reasons_than_features_are_refused_with_both_numbers(spark: SparkSession, rows: pd.DataFrame) -> None:
    artifact = artifact_of(rows)
    with pytest.raises(DataError, match=r"`reasons: \{top: 5\}` asks for more reasons than the version has features, which is 4; ask for 4 or fewer"):
        explained(framed(spark, rows, artifact), artifact, keys=["id"], top=5)


def test_scores_that_the_features_do_not_give_are_not_explained(spark: SparkSession, rows: pd.DataFrame) -> None:
    artifact = artifact_of(rows)
    others = framed(spark, rows, artifact).selectExpr("* EXCEPT (hour)", "hour + 3 AS hour")
    with pytest.raises(DataError, match="stored features do not give the stored scores"), spark_errors():
        explained(others, artifact, keys=["id"], top=3).collect()


def test_of_equal_effects_the_earlier_feature_comes_first() -> None:
    assert ranked(np.array([[0.5, -2.0, 2.0, 0.0], [0.0, 0.0, 0.0, -0.1]]), 3).tolist() == [[1, 2, 0], [3, 0, 1]]
