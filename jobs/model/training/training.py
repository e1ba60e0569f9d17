"""Training: boosted trees by XGBoost on stored features, stopped early on `tune`."""

import math
import re
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config.models import Metric, Model, Target
from jobs.errors import RetryableError, UsageError
from jobs.model.artifact import Artifact
from jobs.model.decision import learned_threshold
from jobs.model.evaluation.evaluation import point
from jobs.model.evaluation.importance import most_telling
from jobs.model.evaluation.values import labels_of
from jobs.model.fairness.reweigh import weights_of
from jobs.model.training.balance import age_weights, balance_of
from jobs.model.training.device import Choice, choose
from jobs.model.training.learned import Learned, fit
from jobs.model.training.maps import calibrator

if TYPE_CHECKING:
    from xgboost import Booster, QuantileDMatrix

# Rows of one night share its luck, so that trees learn nights by heart: what helps is that every tree sees half of the rows and every split
# few features. Tried on flights, 90 nights of 81 features, at six dates: holdout log loss .529 and AUC .673 (.535 and .660 at depth 6, half
# of the features for each tree).
DEFAULTS: Final[Mapping[str, Any]] = {"eta": 0.03, "max_depth": 8, "min_child_weight": 20, "subsample": 0.5, "lambda": 5.0}
FEATURES_PER_SPLIT: Final = 4
# By what is minimised: XGBoost's objective and the metric that stops it. The median's trees are fitted to signs and their leaves set to medians.
OBJECTIVES: Final[Mapping[Metric, tuple[str, str]]] = {
    "log_loss": ("binary:logistic", "logloss"),
    "rmse": ("reg:squarederror", "rmse"),
    "mae": ("reg:absoluteerror", "mae"),
}
# Said by other keys of the file, or what makes the scores such that early stopping can judge them.
RESERVED: Final = frozenset(
    {"objective", "eval_metric", "seed", "random_state", "nthread", "n_jobs", "device", "tree_method", "num_class", "booster", "verbosity"}
)


@dataclass(frozen=True)
class Trained:
    """A new version, not yet examined."""

    artifact: Artifact
    device: Choice
    params: Mapping[str, Any]
    best_iteration: int
    tune_loss: float
    """On `tune`, what is minimised: log loss, root mean squared error or mean absolute error."""
    rows: Mapping[str, int]
    seconds: float


def train(train_rows: pd.DataFrame, tune_rows: pd.DataFrame, *, model: Model, features: Sequence[str], calibrate_rows: pd.DataFrame | None = None) -> Trained:
    """Train a version. The same rows in the same order, seed and threads give the same digest.

    Args:
        train_rows: rows in a stable order, with `night`, the features and `label`.
        tune_rows: likewise, for early stopping.
        model: the model's section of the pipeline file.
        features: the columns to learn from; `leave_out` is already taken out.
        calibrate_rows: likewise; scores become probabilities and thresholds on them, or else on `tune_rows`.

    Raises:
        DataError: a segment is empty, has one class or value only, or unfit labels; there are no features.
        UsageError: `params` or `device` ask for what cannot be.
        RetryableError: the GPU that was asked for fails, or its memory is taken.
    """
    started = time.perf_counter()
    material = _material(train_rows, tune_rows, model, features)
    params, device = parameters(model, features=len(features)), choose(model.device)
    artifact, device, best = _boosted(device, params, material)
    if model.keep_features and model.keep_features < len(features):
        chosen = most_telling(artifact, tune_rows, loss=model.loss, count=model.keep_features, seed=model.seed)
        material, params = _material(train_rows, tune_rows, model, chosen), parameters(model, features=len(chosen))
        artifact, device, best = _boosted(device, params, material)
    artifact = _finished(artifact, tune_rows if calibrate_rows is None else calibrate_rows, model)
    return Trained(
        artifact=artifact,
        device=device,
        params={**params, "device": device.used, "max_trees": model.max_trees, "early_stopping": model.early_stopping},
        best_iteration=best,
        tune_loss=point(model.loss, tune_rows["label"].to_numpy(np.float64), artifact.score(tune_rows)),
        rows={name: len(values) for name, values in material.labels.items()},
        seconds=time.perf_counter() - started,
    )


def _finished(artifact: Artifact, rows: pd.DataFrame, model: Model) -> Artifact:
    """With what is learned from the scores of rows that no tree was grown on."""
    if model.calibrate != "none":
        labels_of(rows, model.type, where="The segment `calibrate`")
        maps = (*artifact.learned.maps, *calibrator(rows, artifact.score(rows), model.calibrate))
        artifact = replace(artifact, learned=replace(artifact.learned, maps=maps))
    if isinstance(model.threshold, Target) and not model.threshold.top:
        threshold = learned_threshold(model.threshold, rows["label"].to_numpy(np.float64), artifact.score(rows))
        artifact = replace(artifact, learned=replace(artifact.learned, threshold=threshold))
    return artifact


def _material(train_rows: pd.DataFrame, tune_rows: pd.DataFrame, model: Model, features: Sequence[str]) -> "_Material":
    segments = {"train": train_rows, "tune": tune_rows}
    labels = {name: labels_of(rows, model.type, where=f"The segment `{name}`") for name, rows in segments.items()}
    balance = balance_of(model, labels["train"])
    kept = balance.kept(labels["train"], seed=model.seed)
    # `tune` weighs its classes as `train` does: it stops a training whose probabilities are not yet the true ones.
    weights = {
        "train": (balance.counts(labels["train"], drawn=True) * age_weights(train_rows["night"], model.half_life))[kept],
        "tune": balance.counts(labels["tune"], drawn=False),
    }
    mitigate = model.fairness.mitigate if model.fairness else None
    if model.fairness and mitigate and mitigate.by == "reweigh":
        by_group = weights_of(train_rows, labels["train"], mitigate.attribute, min_rows=model.fairness.min_rows)
        weights["train"] = weights["train"] * by_group.per_row(train_rows, labels["train"])[kept]
        weights["tune"] = weights["tune"] * by_group.per_row(tune_rows, labels["tune"])
    learned = fit(train_rows, features=features, fill=model.fill, min_category_count=model.min_category_count)
    matrices = {"train": learned.matrix(train_rows[kept]), "tune": learned.matrix(tune_rows)}
    is_plain = model.imbalance is None and model.half_life is None and (mitigate is None or mitigate.by != "reweigh")
    return _Material(
        matrices,
        {"train": labels["train"][kept].astype(np.float32), "tune": labels["tune"].astype(np.float32)},
        # To a mean of 1, so that `min_child_weight` and `lambda` mean what they mean without weights.
        {} if is_plain else {name: (found / found.mean()).astype(np.float32) for name, found in weights.items()},
        replace(learned, maps=balance.correction),
        model,
    )


def _boosted(device: Choice, params: Mapping[str, Any], material: "_Material") -> tuple[Artifact, Choice, int]:
    booster, device = _boost_on(device, params, material)
    best = int(booster.best_iteration)
    # The trees after the best are cut off before saving: whoever loads the file cannot forget an iteration_range.
    return Artifact(bytes(booster[: best + 1].save_raw("ubj")), material.learned, threads=material.model.threads), device, best


def parameters(model: Model, *, features: int) -> dict[str, Any]:
    """XGBoost's parameters for so many features: the product's, changed by those of the file.

    Raises:
        UsageError: `params` sets what another key says.
    """
    if taken := sorted(RESERVED & set(model.params)):
        msg = f"`params` may not set {taken}: use the model's own keys (`type`, `seed`, `threads`, `device`)."
        raise UsageError(msg)
    objective, stopped_by = OBJECTIVES[model.loss]
    fixed = {"objective": objective, "eval_metric": stopped_by, "tree_method": "hist", "seed": model.seed, "nthread": model.threads}
    # Between a random forest's square root and a few: half the root, and never fewer than four.
    drawn = min(1.0, max(FEATURES_PER_SPLIT, math.sqrt(features) / 2) / features)
    return {**DEFAULTS, "colsample_bynode": round(drawn, 4), **model.params, **fixed}


@dataclass(frozen=True)
class _Material:
    """What one training needs, so that it can be begun again on another device."""

    matrices: Mapping[str, NDArray[np.float32]]
    labels: Mapping[str, NDArray[np.float32]]
    weights: Mapping[str, NDArray[np.float32]]
    """None where all rows weigh the same."""
    learned: Learned
    model: Model

    def quantiles(self, segment: str, ref: "QuantileDMatrix | None" = None) -> "QuantileDMatrix":
        import xgboost

        return xgboost.QuantileDMatrix(
            self.matrices[segment],
            self.labels[segment],
            weight=self.weights.get(segment),
            feature_names=self.learned.names,
            feature_types=self.learned.types,
            enable_categorical=True,
            nthread=self.model.threads,
            max_bin=int(self.model.params.get("max_bin", 256)),
            ref=ref,
        )


def _boost_on(device: Choice, params: Mapping[str, Any], material: _Material) -> "tuple[Booster, Choice]":
    import xgboost

    try:
        return _boost({**params, "device": device.used}, material), device
    except xgboost.core.XGBoostError as error:
        told = str(error).splitlines()[0][:200]
        # Of a GPU's failures all speak of CUDA or of memory: what does not is wrong on any device.
        if device.used == "cpu" or (device.asked == "cuda" and not re.search("cuda|memory", told, re.IGNORECASE)):
            msg = f"XGBoost cannot train with these `params`: {told}"
            raise UsageError(msg) from None
        if device.asked == "cuda":
            msg = f"The GPU failed during the training, perhaps for want of memory: {told}. Try again when it is free, or say `device: auto`."
            raise RetryableError(msg) from None
    return _boost_on(replace(device, used="cpu", reason=f"the GPU failed during the training: {told}"), params, material)


def _boost(params: Mapping[str, Any], material: _Material) -> "Booster":
    import xgboost

    train_matrix = material.quantiles("train")
    tune_matrix = material.quantiles("tune", ref=train_matrix)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        booster = xgboost.train(
            dict(params),
            train_matrix,
            num_boost_round=material.model.max_trees,
            evals=[(tune_matrix, "tune")],
            early_stopping_rounds=material.model.early_stopping,
            verbose_eval=False,
        )
    _pass_on(told)
    return booster


def _pass_on(told: Sequence[warnings.WarningMessage]) -> None:
    # XGBoost only warns of a parameter that it does not know: a misspelt one must not pass for set.
    for warning in told:
        text = str(warning.message)
        if "are not used" in text:
            msg = f"XGBoost does not know some of `params`: {' '.join(text.split())}"
            raise UsageError(msg)
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
