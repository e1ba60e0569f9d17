import numpy as np
import pandas as pd
import pytest
from model_rows import Made

from jobs.errors import DataError
from jobs.model.evaluation import baselines
from jobs.model.evaluation.baselines import SHRINKAGE, HistoricalRate
from jobs.model.training.learned import fit


def rows_of(*, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"carrier": random.choice(["AA", "B6"], 4000), "noise": random.choice(["x", "y"], 4000), "fine": random.normal(size=4000)})
    return frame.assign(label=(random.random(4000) < np.where(frame["carrier"] == "AA", 0.1, 0.6)).astype(int))


def test_the_rate_is_by_the_feature_that_tells_most_on_tune() -> None:
    train, tune = rows_of(seed=1), rows_of(seed=2)
    rate = baselines.fit(train, tune, learned=fit(train, features=["noise", "carrier", "fine"]), loss="log_loss")["historical_rate"]
    assert "carrier" in rate.about()["keys"]
    assert "fine" not in rate.about()["keys"]


def test_rates_are_shrunken_means_of_the_training_rows() -> None:
    train, tune = rows_of(seed=1), rows_of(seed=2)
    rate = baselines.fit(train, tune, learned=fit(train, features=["carrier"]), loss="log_loss")["historical_rate"]
    of_aa, overall = train.loc[train["carrier"] == "AA", "label"], train["label"].mean()
    expected = (of_aa.sum() + SHRINKAGE * overall) / (len(of_aa) + SHRINKAGE)
    assert rate.score(pd.DataFrame({"carrier": ["AA"]})) == pytest.approx([expected])


def test_a_group_never_seen_gets_the_overall_rate_and_missing_is_a_group() -> None:
    train = rows_of(seed=1).assign(hour=lambda f: np.where(f["carrier"] == "AA", np.nan, 7.0))
    rate = baselines.fit(train, train, learned=fit(train, features=["hour", "noise"]), loss="log_loss")["historical_rate"]
    assert isinstance(rate, HistoricalRate)
    unseen, missing = rate.score(pd.DataFrame({"hour": [99.0, np.nan], "noise": ["x", "x"]}))
    assert unseen == rate.overall
    assert missing != rate.overall


def test_without_a_feature_to_group_by_there_is_only_the_constant() -> None:
    train = rows_of(seed=1)
    assert list(baselines.fit(train, train, learned=fit(train, features=["fine"]), loss="log_loss")) == ["constant", "linear"]


def test_the_constant_is_the_training_mean(made: Made) -> None:
    assert set(made.baselines["constant"].score(made.rows["holdout"])) == {made.rows["train"]["label"].mean()}


def test_where_absolute_errors_are_minimised_baselines_are_medians() -> None:
    train, tune = (rows_of(seed=seed).assign(label=lambda f: np.where(f["carrier"] == "AA", 10.0, 20.0) + np.abs(f["fine"]) ** 3) for seed in (1, 2))
    found = baselines.fit(train, tune, learned=fit(train, features=["carrier"]), loss="mae")
    assert set(found["constant"].score(tune)) == {train["label"].median()}
    of_aa = train.loc[train["carrier"] == "AA", "label"]
    expected = (len(of_aa) * of_aa.median() + SHRINKAGE * train["label"].median()) / (len(of_aa) + SHRINKAGE)
    assert found["historical_rate"].score(pd.DataFrame({"carrier": ["AA"]})) == pytest.approx([expected])


def test_the_linear_baseline_knows_texts_numbers_and_what_is_missing() -> None:
    random = np.random.default_rng(3)
    frame = rows_of(seed=1).assign(fine=lambda f: f["fine"].where(random.random(len(f)) > 0.2))
    frame = frame.assign(label=lambda f: 5 * f["fine"].fillna(4) + 10 * (f["carrier"] == "AA"))
    line = baselines.fit(frame, frame, learned=fit(frame, features=["carrier", "fine"]), loss="rmse")["linear"]
    assert np.corrcoef(line.score(frame), frame["label"])[0, 1] > 0.99
    odds = baselines.fit(rows_of(seed=1), rows_of(seed=2), learned=fit(rows_of(seed=1), features=["carrier", "fine"]), loss="log_loss")["linear"]
    assert odds.score(pd.DataFrame({"carrier": ["AA", "B6", "never"], "fine": [0.0, 0.0, np.nan]})) == pytest.approx([0.1, 0.6, 0.3], abs=0.1)


def test_one_class_is_refused() -> None:
    train = rows_of(seed=1).assign(label=1)
    with pytest.raises(DataError, match="labels that differ"):
        baselines.fit(train, train, learned=fit(train, features=["carrier"]), loss="log_loss")
