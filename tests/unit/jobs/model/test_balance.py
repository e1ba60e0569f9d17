"""Rare positives: what is learned from is balanced, the scores stay true probabilities."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from model_rows import FEATURES, Made
from sklearn.metrics import recall_score

from jobs.config.models import Imbalance, Model
from jobs.model.training.balance import Balance, age_weights
from jobs.model.training.training import Trained, train


def rare(rows: int, *, seed: int) -> pd.DataFrame:
    """One row of two hundred is positive, more often so where `x` and `y` are large together."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": random.normal(size=rows), "y": random.normal(size=rows), "noise": random.normal(size=rows)})
    odds = np.exp(-7.2 + 1.3 * frame["x"] + 1.3 * frame["y"])
    night = [date(2013, 1, 1) + timedelta(days=int(n)) for n in np.sort(random.integers(0, 60, rows))]
    return frame.assign(night=night, label=(random.random(rows) < odds / (1 + odds)).astype(int))


def trained_on(imbalance: Imbalance, calibrate: str) -> Trained:
    segments = {"train": 60, "tune": 14, "calibrate": 14, "holdout": 14}
    params = {"max_depth": 3, "eta": 0.1}
    model = Model(label="feed.label", segments=segments, imbalance=imbalance, calibrate=calibrate, params=params, max_trees=200)
    rows = [rare(size, seed=seed) for size, seed in ((60_000, 1), (20_000, 2), (40_000, 4))]
    return train(rows[0], rows[1], model=model, features=["x", "y", "noise"], calibrate_rows=rows[2])


@pytest.mark.parametrize(
    ("imbalance", "calibrate"),
    [
        # A weight of hundreds learns the few positives by heart: the known factor alone would leave the scores too low.
        (Imbalance(positive_weight="balanced"), "platt"),
        (Imbalance(negative_share=0.1), "none"),
        (Imbalance(positive_weight=5, negative_share=0.3), "none"),
    ],
    ids=["balanced", "fewer negatives", "both"],
)
def test_at_half_a_percent_positives_costs_are_met_and_probabilities_true(imbalance: Imbalance, calibrate: str) -> None:
    holdout = rare(60_000, seed=3)
    assert holdout["label"].mean() < 0.005
    score = trained_on(imbalance, calibrate).artifact.score(holdout)
    assert score.mean() == pytest.approx(holdout["label"].mean(), rel=0.2)
    top = score >= np.quantile(score, 0.99)
    assert score[top].mean() == pytest.approx(holdout.loc[top, "label"].mean(), rel=0.3)
    # A missed case costs what fifty false alarms cost; the naive model says no to everyone, as a threshold of one half does.
    threshold = 1 / 51
    assert recall_score(holdout["label"], score >= threshold) > 0.4
    assert recall_score(holdout["label"], score >= 0.5) < 0.1
    cost = 50 * ((holdout["label"] == 1) & (score < threshold)).sum() + ((holdout["label"] == 0) & (score >= threshold)).sum()
    assert cost < 0.85 * 50 * holdout["label"].sum()


def test_what_is_left_out_is_negative_and_drawn_by_the_seed() -> None:
    label = np.array([1.0, 0.0] * 5000)
    kept = Balance(negative_share=0.2).kept(label, seed=1)
    assert kept[label == 1].all()
    assert kept[label == 0].mean() == pytest.approx(0.2, abs=0.02)
    assert (kept == Balance(negative_share=0.2).kept(label, seed=1)).all()
    assert (kept != Balance(negative_share=0.2).kept(label, seed=2)).any()


def test_nothing_asked_for_changes_nothing() -> None:
    assert Balance().correction == ()
    assert Balance(positive_weight=4, negative_share=0.5).correction[0].y == (0.125,)


def test_age_halves_the_weight() -> None:
    nights = pd.Series([date(2013, 5, 1), date(2013, 5, 11), date(2013, 5, 21)])
    assert age_weights(nights, 10).tolist() == [0.25, 0.5, 1.0]
    assert age_weights(nights, None).tolist() == [1.0, 1.0, 1.0]


def test_a_half_life_lets_the_newest_nights_decide(made: Made) -> None:
    newest = max(made.rows["train"]["night"])
    turned = made.rows["train"].assign(label=lambda f: np.where(f["night"] > newest - timedelta(days=20), 1 - f["label"], f["label"]))
    tune = made.rows["tune"].assign(label=lambda f: 1 - f["label"])
    old, new = (train(turned, tune, model=made.model.model_copy(update={"half_life": half_life}), features=FEATURES) for half_life in (None, 3))
    assert new.tune_loss < old.tune_loss


def test_pruning_keeps_what_tells_and_the_version_knows_no_more(made: Made) -> None:
    noisy = {name: rows.assign(dull=np.random.default_rng(len(rows)).normal(size=len(rows))) for name, rows in made.rows.items()}
    model = made.model.model_copy(update={"keep_features": 3})
    trained = train(noisy["train"], noisy["tune"], model=model, features=[*FEATURES, "dull"])
    assert "dull" not in trained.artifact.learned.names
    assert len(trained.artifact.learned.names) == 3
    assert "hour" in trained.artifact.learned.names


def test_a_calibration_is_learned_on_rows_of_its_own(made: Made) -> None:
    model = made.model.model_copy(update={"calibrate": "platt"})
    off = made.rows["holdout"].assign(label=lambda f: (f["label"] | (f.index % 3 == 0)).astype(int))
    trained = train(made.rows["train"], made.rows["tune"], model=model, features=FEATURES, calibrate_rows=off)
    assert [one.kind for one in trained.artifact.learned.maps] == ["platt"]
    assert trained.artifact.score(off).mean() == pytest.approx(off["label"].mean(), abs=0.01)
    plain = replace(trained.artifact, learned=replace(trained.artifact.learned, maps=()))
    assert plain.digest != trained.artifact.digest
