import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xgboost
from model_rows import FEATURES, Made

from jobs.errors import DataError, RetryableError, UsageError
from jobs.model.artifact import Artifact, load
from jobs.model.training import device, training
from jobs.model.training.device import Choice
from jobs.model.training.training import Trained, train


def test_the_same_rows_seed_and_threads_give_the_same_digest(made: Made) -> None:
    assert made.again().artifact.digest == made.trained.artifact.digest
    assert made.again(seed=8).artifact.digest != made.trained.artifact.digest


def test_the_digest_also_covers_the_learned_state(made: Made) -> None:
    other = Artifact(made.trained.artifact.ubj, made.again(fill={"late_7": 0.2}).artifact.learned)
    assert other.digest != made.trained.artifact.digest


def test_the_saved_model_holds_the_best_trees_and_no_more(made: Made) -> None:
    quick = made.again(params={"max_depth": 6, "eta": 0.5}, early_stopping=3)
    assert quick.best_iteration + 1 < made.model.max_trees
    assert quick.artifact.booster.num_boosted_rounds() == quick.best_iteration + 1


def test_in_place_prediction_agrees_with_a_matrix_built_for_training(made: Made) -> None:
    artifact, holdout = made.trained.artifact, made.rows["holdout"].assign(carrier=lambda f: f["carrier"].replace("AA", "unseen"))
    matrix = artifact.learned.matrix(holdout)
    built = xgboost.DMatrix(matrix, feature_names=artifact.learned.names, feature_types=artifact.learned.types, enable_categorical=True)
    np.testing.assert_array_equal(artifact.score(holdout), artifact.booster.predict(built).astype(float))


def test_scores_of_no_rows_are_no_scores(made: Made) -> None:
    assert made.trained.artifact.score(made.rows["holdout"][:0]).shape == (0,)


def changed(made: Made, **changes: object) -> Trained:
    given = {"train_rows": made.rows["train"], "tune_rows": made.rows["tune"], "features": FEATURES, "model": made.model}
    return train(**{**given, **changes})


def test_unfit_rows_are_refused_with_a_sentence(made: Made) -> None:
    rows, tune = made.rows["train"], made.rows["tune"]
    with pytest.raises(DataError, match="`train` has no rows"):
        changed(made, train_rows=rows[:0])
    with pytest.raises(DataError, match="`tune`: all 1120 labels are 0"):
        changed(made, tune_rows=tune.assign(label=0))
    with pytest.raises(DataError, match=r"must be 0 or 1 everywhere \(got"):
        changed(made, train_rows=rows.assign(label=rows["label"].astype(float).where(rows.index > 0)))
    with pytest.raises(DataError, match="no features"):
        changed(made, features=[])


@pytest.mark.parametrize(("error", "middle"), [("squared", np.mean), ("absolute", np.median)])
def test_a_regression_guesses_the_mean_or_the_median_as_told(made: Made, error: str, middle: Callable[[pd.Series], float]) -> None:
    def skewed(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
        return rows.assign(label=np.random.default_rng(seed).gamma(1, 20, len(rows)) + 3 * rows["hour"])

    model = made.model.model_copy(update={"type": "regression", "error": error, "params": {"max_depth": 3, "eta": 0.2}})
    train_rows, tune_rows = skewed(made.rows["train"], 1), skewed(made.rows["tune"], 2)
    trained = train(train_rows, tune_rows, model=model, features=FEATURES)
    holdout = skewed(made.rows["holdout"], 3)
    at_ten = holdout["hour"] == 10
    assert trained.artifact.score(holdout)[at_ten].mean() == pytest.approx(middle(train_rows.loc[train_rows["hour"] == 10, "label"]), abs=2)


def test_a_constant_feature_is_no_obstacle(made: Made) -> None:
    both = {f"{name}_rows": made.rows[name].assign(same=1.0, none=None) for name in ("train", "tune")}
    assert changed(made, **both, features=[*FEATURES, "same", "none"]).best_iteration > 0


@pytest.mark.parametrize(
    ("params", "told"),
    [({"etta": 1}, "does not know some"), ({"max_depth": -3}, "cannot train with these"), ({"nthread": 4}, r"may not set \['nthread'\]")],
    ids=["misspelt", "out of bounds", "another key's"],
)
def test_wrong_params_are_wrong_use(made: Made, params: dict[str, float], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        made.again(params=params)


def test_without_a_gpu_auto_takes_the_cpu_and_says_why(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "gpu_obstacle", lambda: "there is none")
    assert made.again(device="auto").device == Choice("auto", "cpu", "there is none")
    with pytest.raises(UsageError, match="`device: cuda` cannot be had: there is none"):
        made.again(device="cuda")


def test_a_gpu_build_on_a_machine_without_one_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    if xgboost.build_info()["USE_CUDA"]:
        pytest.skip("this build can use a GPU, so the machine may have one")
    # A CPU build behaves like a GPU build without a GPU: it goes on with the CPU and only warns.
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": True})
    device._used_in_trial.cache_clear()
    assert device.gpu_obstacle() == "XGBoost finds no GPU on this machine"


def test_a_gpu_that_fails_in_training_is_recorded_or_told(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    boost = training._boost

    def out_of_memory(params: dict[str, object], material: object) -> object:
        if params["device"] == "cuda":
            msg = "out of memory\nstack trace"
            raise xgboost.core.XGBoostError(msg)
        return boost(params, material)

    monkeypatch.setattr(device, "gpu_obstacle", lambda: None)
    monkeypatch.setattr(training, "_boost", out_of_memory)
    fallen_back = made.again(device="auto")
    assert fallen_back.device == Choice("auto", "cpu", "the GPU failed during the training: out of memory")
    assert fallen_back.artifact.digest == made.again(device="cpu").artifact.digest
    with pytest.raises(RetryableError, match="out of memory"):
        made.again(device="cuda")


@pytest.mark.parametrize("spoilt", [b"", b"\x80\x04K\x01.", b"{", "truncated"], ids=["empty", "pickle", "brace", "truncated"])
def test_bytes_that_are_no_model_are_refused(made: Made, spoilt: bytes | str) -> None:
    with pytest.raises(DataError, match=r"model\.ubj"):
        load(made.trained.artifact.ubj[:500] if spoilt == "truncated" else spoilt, threads=1)


def test_a_model_of_other_features_is_refused(made: Made) -> None:
    other = changed(made, features=FEATURES[:2]).artifact
    with pytest.raises(DataError, match="different versions"):
        Artifact(other.ubj, made.trained.artifact.learned).score(made.rows["holdout"])


def test_other_warnings_of_xgboost_are_passed_on() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        warnings.warn("something else", UserWarning, stacklevel=1)
    with pytest.warns(UserWarning, match="something else"):
        training._pass_on(told)


def test_unseen_rows_are_scored_as_probabilities(made: Made) -> None:
    scores = pd.Series(made.trained.artifact.score(made.rows["holdout"]))
    assert scores.between(0.01, 0.99).all()
    assert scores.nunique() > 100
