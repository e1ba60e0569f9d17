"""Explanations: which features move the scores, and how, as plots of the holdout."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from jobs.config.models import Metric
from jobs.model.artifact import Artifact
from jobs.model.contributions import contributions
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.importance import importances
from jobs.model.evaluation.plots import GREY, INK, png
from jobs.model.training.learned import Feature

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLE: Final = 2000
# Exact SHAP values cost some thousand times a prediction.
EXPLAINED: Final = 500
SHOWN: Final = 15
CURVES: Final = 3
GRID: Final = 20


def explanations(artifact: Artifact, holdout: pd.DataFrame, *, loss: Metric, title: str, seed: int) -> dict[str, bytes]:
    """`shap.png`, `importance.png` and, of the features that move scores most, `dependence_1.png` and so on.

    SHAP values are in the unit before the last step to a score: log odds, or the label's.

    Args:
        artifact: the model.
        holdout: with the features and `label`.
        loss: what training minimises, for the permutation importance.
        title: shown above each plot.
        seed: of the sample and the shuffling.
    """
    sample = holdout.sample(min(SAMPLE, len(holdout)), random_state=seed)
    matrix = artifact.learned.matrix(sample)
    effects = contributions(artifact.booster, matrix[:EXPLAINED]).effects
    mean = dict(zip(artifact.learned.names, np.abs(effects).mean(axis=0), strict=True))
    top = sorted(mean, key=lambda name: -mean[name])[:CURVES]
    shuffled = dict(importances(artifact, sample, metric=loss, seed=seed))
    drawn = {
        "shap.png": png(title, lambda axes: _bars(axes, mean, "mean absolute SHAP value")),
        "importance.png": png(title, lambda axes: _bars(axes, shuffled, f"{loss} lost when shuffled")),
    }
    for place, name in enumerate(top, 1):
        at = artifact.learned.names.index(name)
        feature, curve = artifact.learned.features[at], _partial_dependence(artifact, matrix, at)
        draw_on = partial(_dependence, feature=feature, values=matrix[:EXPLAINED, at].astype(np.float64), told=effects[:, at], curve=curve)
        drawn[f"dependence_{place}.png"] = png(title, draw_on)
    return drawn


def _partial_dependence(artifact: Artifact, matrix: "np.ndarray[Any, np.dtype[np.float32]]", at: int) -> tuple[Floats, Floats]:
    """The mean score with the feature set to each of some values (Friedman 2001, Greedy Function Approximation, 8.2)."""
    grid = _grid(artifact.learned.features[at], matrix[:, at])
    means = []
    for value in grid:
        changed = matrix.copy()
        changed[:, at] = value
        means.append(float(artifact.score_matrix(changed).mean()))
    return grid, np.asarray(means)


def _grid(feature: Feature, column: "np.ndarray[Any, np.dtype[np.float32]]") -> Floats:
    """Values that occur: the commonest of a text, quantiles of a number."""
    present = column[~np.isnan(column)].astype(np.float64)
    if feature.kind == "text":
        found, counts = np.unique(present, return_counts=True)
        return found[np.argsort(-counts, kind="stable")[:SHOWN]]
    return np.unique(np.quantile(present, np.linspace(0.02, 0.98, GRID), method="nearest")) if len(present) else present


def _bars(axes: "Axes", found: Mapping[str, float], label: str) -> None:
    best = sorted(found, key=lambda name: -found[name])[:SHOWN][::-1]
    axes.barh(best, [found[name] for name in best], color=INK)
    axes.set(xlabel=label)
    axes.tick_params(axis="y", labelsize=7)
    axes.locator_params(axis="x", nbins=4)


def _dependence(axes: "Axes", *, feature: Feature, values: Floats, told: Floats, curve: tuple[Floats, Floats]) -> None:
    (grid, means), line = curve, "-"
    if feature.kind == "text":  # the order of codes means nothing: side by side, the commonest first
        values, line = pd.Categorical(values, categories=grid).codes.astype(np.float64), "none"
        axes.set_xticks(range(len(grid)), [feature.categories[int(code)] for code in grid], rotation=90, fontsize=7)
        values, told, grid = values[values >= 0], told[values >= 0], np.arange(len(grid), dtype=np.float64)
    axes.scatter(values, told, s=4, alpha=0.3, color=GREY, label="SHAP value, a row each")
    axes.set(xlabel=feature.name, ylabel="SHAP value")
    other = axes.twinx()
    other.plot(grid, means, color=INK, linestyle=line, marker="o" if line == "none" else None, label="mean score if all rows had this value")
    other.set_ylabel("mean score")
    handles, labels = (left + right for left, right in zip(axes.get_legend_handles_labels(), other.get_legend_handles_labels(), strict=True))
    axes.legend(handles, labels, loc="best", frameon=False, fontsize=7)
