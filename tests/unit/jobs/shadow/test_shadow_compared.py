"""Two versions on the same rows, without labels and with them."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from jobs.config.models import Kind, Metric
from jobs.model.evaluation.evaluation import paired
from jobs.performance.tally import tallies
from jobs.shadow.compared import compared
from jobs.shadow.realised import Labelled, difference

FIRST = date(2024, 2, 1)
Floats = NDArray[np.float64]


def rows(ours: Floats, theirs: Floats) -> pd.DataFrame:
    return pd.DataFrame({"score": ours, "champion_score": theirs, "predicted": ours >= 0.5, "champion_predicted": theirs >= 0.5})


def test_a_version_agrees_with_itself() -> None:
    scores = np.random.default_rng(1).random(500)
    found = compared(rows(scores, scores))
    assert (found["agreement"], found["rank_correlation"], found["psi"]) == (1, 1, 0)
    assert found["challenger"] == found["champion"]
    assert found["champion"]["quantiles"]["0.5"] == pytest.approx(np.median(scores), abs=1e-6)


def test_scores_the_other_way_round_are_told_by_rank_and_those_shifted_by_stability() -> None:
    scores = np.linspace(0.01, 0.99, 99)
    turned, shifted = compared(rows(1 - scores, scores)), compared(rows(scores**3, scores))
    assert turned["rank_correlation"] == -1
    assert turned["agreement"] < 0.05
    assert turned["psi"] < 0.05
    assert shifted["rank_correlation"] == 1
    assert shifted["psi"] > 0.5
    assert shifted["challenger"]["mean"] < shifted["champion"]["mean"]


@pytest.mark.parametrize("ours", [[], [0.3], [0.3, 0.3, 0.3]], ids=["no rows", "one row", "one score"])
def test_what_has_no_value_is_none_and_no_number(ours: list[float]) -> None:
    given = np.array(ours, dtype=np.float64)
    assert compared(rows(given, given))["rank_correlation"] is None


def test_a_quantity_has_no_agreement() -> None:
    found = compared(rows(np.array([1.0, 2.0]), np.array([1.5, 2.5])).drop(columns=["predicted", "champion_predicted"]))
    assert found["agreement"] is None
    assert "predicted" not in found["challenger"]


def made(nights: int, kind: Kind, seed: int = 3) -> pd.DataFrame:
    """A challenger that is better than the champion."""
    draw = np.random.default_rng(seed)
    truth = draw.random(nights * 80)
    label = (draw.random(len(truth)) < truth).astype(float) if kind == "binary" else truth * 10
    night = [FIRST + timedelta(days=int(n)) for n in np.arange(len(truth)) // 80]
    ours, theirs = (np.clip(truth + draw.normal(0, spread, len(truth)), 0.02, 0.98) for spread in (0.05, 0.3))
    scale = 1 if kind == "binary" else 10
    return pd.DataFrame({"night": night, "label": label, "ours": ours * scale, "theirs": theirs * scale})


def labelled(frame: pd.DataFrame, kind: Kind) -> list[Labelled]:
    found = []
    for night in sorted(set(frame["night"])):
        some = frame[frame["night"] == night]
        group, label = np.zeros(len(some), dtype=np.int64), some["label"].to_numpy()
        sums = [
            tallies(group, 1, label, some[name].to_numpy(), constant=0.5, kind=kind, loss="log_loss" if kind == "binary" else "mae")[0]
            for name in ("ours", "theirs")
        ]
        found.append(Labelled(night, *sums))
    return found


@pytest.mark.parametrize("nights", [9, 70], ids=["nights are drawn", "weeks are drawn"])
@pytest.mark.parametrize(
    ("kind", "metric", "apart"), [("binary", "log_loss", 1e-7), ("binary", "roc_auc", 2e-3), ("regression", "rmse", 1e-7), ("regression", "r2", 1e-7)]
)
def test_the_realised_difference_is_that_of_the_gate_on_the_same_rows(kind: Kind, metric: Metric, apart: float, nights: int) -> None:
    frame = made(nights, kind)
    found = difference(labelled(frame, kind), metric=metric, kind=kind)
    wanted = paired(frame, challenger=frame["ours"].to_numpy(), champion=frame["theirs"].to_numpy(), metric=metric, seed=0)
    assert found is not None
    assert list(found) == pytest.approx(list(wanted), abs=apart)


def test_one_night_gives_no_interval_and_none_no_difference() -> None:
    found = difference(labelled(made(1, "binary"), "binary"), metric="log_loss", kind="binary")
    assert found is not None
    assert (found.low, found.high) == (None, None)
    assert difference([], metric="log_loss", kind="binary") is None
