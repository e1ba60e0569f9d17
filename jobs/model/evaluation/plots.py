"""Plots of an evaluation, as PNG bytes."""

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from jobs.config.models import Kind
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import Draws, draw, interval
from jobs.model.evaluation.values import labels_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK: Final = "#1f4e79"
GREY: Final = "#8a8a8a"
# Points of a curve that are drawn; more cannot be seen.
POINTS: Final = 1000
BINS: Final = 10
OF: Final[Mapping[Kind, tuple[str, ...]]] = {
    "binary": ("roc.png", "precision_recall.png", "reliability.png", "gain.png"),
    "regression": ("reliability.png", "errors.png"),
}


def plots(frame: pd.DataFrame, scores: Floats, *, kind: Kind, title: str, seed: int) -> dict[str, bytes]:
    """`roc.png`, `precision_recall.png`, `reliability.png` and `gain.png`; of a regression `reliability.png` and `errors.png`.

    Args:
        frame: `night` and `label` of the holdout.
        scores: of its rows, in the same order.
        kind: the model's type.
        title: model, version and nights, shown above each plot.
        seed: of the draws of nights behind the intervals.

    Raises:
        DataError: there are no rows, or one class or value only.
    """
    labels, draws = labels_of(frame, kind, where="The holdout"), draw(frame["night"], seed=seed)
    drawn: dict[str, Callable[[Axes], None]] = {
        "roc.png": lambda axes: _roc(axes, labels, scores),
        "precision_recall.png": lambda axes: _precision_recall(axes, labels, scores),
        "reliability.png": lambda axes: _reliability(axes, labels, scores, draws),
        "gain.png": lambda axes: _gain(axes, labels, scores),
        "errors.png": lambda axes: _errors(axes, labels, scores),
    }
    return {name: png(title, draw_on) for name, draw_on in drawn.items() if name in OF[kind]}


def _roc(axes: "Axes", labels: Floats, scores: Floats) -> None:
    from sklearn.metrics import roc_auc_score, roc_curve

    false, true, _ = roc_curve(labels, scores)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="by chance, 0.500")
    axes.plot(*_thinned(false, true), color=INK, label=f"area {roc_auc_score(labels, scores):.3f}")
    axes.set(xlabel="false alarms among the negatives", ylabel="found among the positives", xlim=(0, 1), ylim=(0, 1))
    axes.set_aspect("equal")
    axes.legend(loc="lower right", frameon=False)


def _precision_recall(axes: "Axes", labels: Floats, scores: Floats) -> None:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, scores)
    axes.axhline(labels.mean(), color=GREY, linestyle="--", label=f"share of positives {labels.mean():.3f}")
    axes.plot(*_thinned(recall, precision), color=INK, label=f"average precision {average_precision_score(labels, scores):.3f}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper right", frameon=False)


def _reliability(axes: "Axes", labels: Floats, scores: Floats, draws: Draws) -> None:
    # Bins of equally many rows: bins of equal width would leave some with a handful, and their intervals would fill the picture.
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, BINS + 1)))
    bins = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, max(len(edges) - 2, 0))
    inside = [bins == number for number in range(max(len(edges) - 1, 1))]
    said = np.array([scores[rows].mean() for rows in inside])
    seen = np.array([labels[rows].mean() for rows in inside])
    ends = np.array([_rate_interval(labels, rows, draws) for rows in inside]).T
    lowest, highest = (float(found) for found in (min(ends.min(), said.min()), max(ends.max(), said.max())))
    margin = 0.1 * (highest - lowest)
    limits = (0.0 if lowest >= 0 else lowest - margin, highest + margin)
    axes.plot(limits, limits, color=GREY, linestyle="--", label="as said")
    whiskers = np.maximum([seen - ends[0], ends[1] - seen], 0)
    axes.errorbar(said, seen, yerr=whiskers, color=INK, marker="o", markersize=4, capsize=3, linewidth=1, label="tenths of the rows, 95 % over nights")
    axes.set(xlabel="mean score", ylabel="mean label", xlim=limits, ylim=limits)
    axes.set_aspect("equal")
    axes.legend(loc="lower right", frameon=False)


def _rate_interval(labels: Floats, rows: "np.ndarray[tuple[int], np.dtype[np.bool_]]", draws: Draws) -> tuple[float, float]:
    counts = draws.totals(rows.astype(np.float64))
    # A draw of nights without any row of this bin says nothing of the bin's rate.
    return interval(draws.totals(labels * rows)[counts > 0] / counts[counts > 0])


def _gain(axes: "Axes", labels: Floats, scores: Floats) -> None:
    order = np.argsort(-scores, kind="stable")
    found = np.concatenate([[0], np.cumsum(labels[order]) / labels.sum()])
    taken = np.linspace(0, 1, len(found))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="by chance")
    axes.plot(*_thinned(taken, found), color=INK, label=f"top tenth finds {np.interp(0.1, taken, found):.0%} of the positives")
    axes.set(xlabel="share of rows taken, highest scores first", ylabel="share of positives found", xlim=(0, 1), ylim=(0, 1))
    axes.set_aspect("equal")
    axes.legend(loc="lower right", frameon=False)


def _errors(axes: "Axes", labels: Floats, scores: Floats) -> None:
    errors = scores - labels
    low, high = np.quantile(errors, [0.01, 0.99])
    axes.hist(np.clip(errors, low, high), bins=60, color=INK)
    axes.axvline(float(errors.mean()), color=GREY, linestyle="--", label=f"mean {errors.mean():.2f}, median {np.median(errors):.2f}")
    axes.set(xlabel="score less label (the outer hundredths at the edges)", ylabel="rows")
    axes.legend(loc="upper left", frameon=False)


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), POINTS)).astype(int))
    return x[kept], y[kept]


def png(title: str, draw_on: "Callable[[Axes], None]", *, width: float = 5.2) -> bytes:
    """One plot, `width` inches wide, as the bytes of a file; the same for the same drawing."""
    # No pyplot: it keeps figures in global state, and looks for a screen.
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=(width, 4.8), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    draw_on(axes)
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    # Without the software's name, equal figures are equal bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
