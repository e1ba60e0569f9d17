"""Parts that add up to a margin, or are refused."""

import numpy as np
import pandas as pd
import pytest
import xgboost
from model_rows import Made

from jobs.errors import DataError
from jobs.model.artifact import Artifact
from jobs.model.contributions import TOLERANCE, Contributions, contributions, require_additive
from jobs.model.training.learned import fit


def test_effects_add_up_to_the_margin_of_every_row(made: Made) -> None:
    rows, artifact = made.rows["holdout"], made.trained.artifact
    assert rows["late_7"].isna().any()
    assert "XX" in set(rows["carrier"])
    found = contributions(artifact.booster, artifact.learned.matrix(rows))
    assert len(found.margin) == len(rows) > 1000
    assert found.effects.shape == (len(rows), len(artifact.learned.names))
    assert np.abs(found.base + found.effects.sum(axis=1) - found.margin).max() < 1e-5
    assert found.gap.max() < TOLERANCE / 10
    assert len(set(found.base)) == 1
    np.testing.assert_allclose(1 / (1 + np.exp(-found.margin)), artifact.booster.inplace_predict(artifact.learned.matrix(rows)), rtol=1e-5)


def test_missing_values_and_unknown_categories_have_effects_too(made: Made) -> None:
    artifact = made.trained.artifact
    rows = pd.DataFrame({"carrier": ["B6", "never seen", None], "hour": [18, 18, None], "late_7": [0.5, None, None], "holiday": [False, False, None]})
    found = contributions(artifact.booster, artifact.learned.matrix(rows))
    assert found.gap.max() < TOLERANCE
    assert found.effects[0, artifact.learned.names.index("carrier")] > 0
    assert not (found.effects[2] == 0).all()


def test_quantities_far_from_zero_add_up_within_the_same_share() -> None:
    draw = np.random.default_rng(3)
    rows = pd.DataFrame(draw.random((400, 3)).astype("float32"), columns=["a", "b", "c"])
    learned = fit(rows, features=["a", "b", "c"])
    data = xgboost.QuantileDMatrix(learned.matrix(rows), 1e6 + 1000 * rows["a"] + 10 * rows["b"], feature_names=learned.names, feature_types=learned.types)
    booster = xgboost.train({"objective": "reg:squarederror", "max_depth": 4, "nthread": 1}, data, 200)
    artifact = Artifact(bytes(booster.save_raw("ubj")), learned, threads=1)
    found = contributions(artifact.booster, learned.matrix(rows))
    assert found.margin.min() > 9e5
    assert found.gap.max() < TOLERANCE


def test_no_rows_have_no_parts(made: Made) -> None:
    artifact = made.trained.artifact
    found = contributions(artifact.booster, artifact.learned.matrix(made.rows["holdout"][:0]))
    assert found.effects.shape == (0, len(artifact.learned.names))


@pytest.mark.parametrize("spoilt", [0.01, np.nan])
def test_parts_that_do_not_add_up_are_refused(spoilt: float) -> None:
    base, effects = np.array([1.0, 1.0]), np.array([[0.5, 0.25], [0.5, 0.25]])
    require_additive(Contributions(np.array([1.75, 1.75]), base, effects))
    with pytest.raises(DataError, match=r"Contributions do not add up to the margin: they are \S+ of their sum away, 5e-05 is allowed; nothing was written"):
        require_additive(Contributions(np.array([1.75, 1.75 + spoilt]), base, effects))
