import numpy as np
import pytest
from model_rows import Made
from sklearn.metrics import log_loss

from jobs.model.evaluation.slices import by_slice, members


def test_values_are_slices_and_rare_ones_go_together(made: Made) -> None:
    holdout = made.rows["holdout"]
    found = dict(members(holdout, ["carrier", "holiday"], min_rows=100))
    assert list(found) == ["carrier=AA", "carrier=B6", "carrier=UA", "holiday=False", "holiday=True"]
    rare = holdout.assign(carrier=holdout["carrier"].where(holdout["carrier"] == "AA", [f"C{place % 40}" for place in range(len(holdout))]))
    assert list(dict(members(rare, ["carrier"], min_rows=100))) == ["carrier=AA", "carrier=others"]


def test_the_slice_where_the_model_is_of_least_use_comes_first(made: Made) -> None:
    holdout = made.rows["holdout"]
    own, constant = made.trained.artifact.score(holdout), made.baselines["constant"].score(holdout)
    useless = np.where(holdout["carrier"] == "UA", 1 - own, own)
    worst, *rest = by_slice(holdout, useless, constant, ["carrier"], loss="log_loss", min_rows=100, seed=7)
    assert worst.name == "carrier=UA"
    assert worst.over_constant.value > 0 > rest[-1].over_constant.value
    part = holdout["carrier"] == "UA"
    assert worst.metrics["log_loss"].value == pytest.approx(log_loss(holdout.loc[part, "label"], useless[part]))
    assert (worst.rows, worst.share) == (part.sum(), pytest.approx(part.mean()))


def test_a_slice_of_one_class_has_no_metrics(made: Made) -> None:
    holdout = made.rows["holdout"].assign(label=lambda f: f["label"].where(f["carrier"] != "AA", 0))
    own, constant = made.trained.artifact.score(holdout), made.baselines["constant"].score(holdout)
    of_aa = next(one for one in by_slice(holdout, own, constant, ["carrier"], loss="log_loss", min_rows=100, seed=7) if one.name == "carrier=AA")
    assert (of_aa.metrics, of_aa.over_constant, of_aa.mean_label) == ({}, None, 0)
