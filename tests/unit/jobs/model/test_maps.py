from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from jobs.errors import DataError
from jobs.model.evaluation.floats import Floats
from jobs.model.training.learned import Learned
from jobs.model.training.maps import Map, applied, calibrator


def rows_of(*, nights: int = 28, rows: int = 300, odds: float = 1.0, seed: int = 0) -> tuple[pd.DataFrame, Floats]:
    """Rows with scores whose odds are off by a factor."""
    random = np.random.default_rng(seed)
    true = random.beta(2, 5, nights * rows)
    night = np.repeat([date(2013, 5, 1) + timedelta(days=n) for n in range(nights)], rows)
    frame = pd.DataFrame({"night": night, "label": (random.random(len(true)) < true).astype(int)})
    return frame, odds * true / (odds * true + 1 - true)


@pytest.mark.parametrize("wanted", ["platt", "isotonic", "best"])
def test_scores_that_are_off_become_probabilities(wanted: str) -> None:
    rows, score = rows_of(odds=3)
    other, other_score = rows_of(odds=3, seed=1)
    maps = calibrator(rows, score, wanted)
    assert maps
    mapped = applied(maps, other_score)
    assert log_loss(other["label"], mapped) < log_loss(other["label"], other_score) - 0.05
    assert mapped.mean() == pytest.approx(other["label"].mean(), abs=0.02)


def test_where_nothing_is_off_nothing_is_done() -> None:
    rows, score = rows_of(nights=14, rows=40)
    assert calibrator(rows, score, "best") == ()
    assert calibrator(rows, score, "none") == ()


def test_one_night_is_too_little_to_choose_on() -> None:
    rows, score = rows_of(nights=1)
    with pytest.raises(DataError, match="two nights or more"):
        calibrator(rows, score, "best")


@pytest.mark.parametrize("one", [Map("odds", y=(0.2,)), Map("platt", x=(-0.3, 1.4)), Map("isotonic", x=(0.1, 0.5, 0.9), y=(0.05, 0.2, 0.7))])
def test_maps_keep_the_order_and_stay_probabilities(one: Map) -> None:
    score = np.linspace(0, 1, 101)
    mapped = one.apply(score)
    assert (np.diff(mapped) >= 0).all()
    assert ((mapped >= 0) & (mapped <= 1)).all()


def test_the_odds_are_multiplied() -> None:
    assert Map("odds", y=(0.25,)).apply(np.array([0.5])) == pytest.approx([0.2])


def test_maps_travel_with_the_learned_state() -> None:
    learned = Learned((), (Map("odds", y=(0.25,)), Map("isotonic", x=(0.1, 0.9), y=(0.2, 0.8))))
    assert Learned.from_json(learned.to_json()) == learned
