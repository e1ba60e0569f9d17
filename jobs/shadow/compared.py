"""Two versions on the same rows of a night, before any label is known: how alike they are."""

from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from jobs.drift_report.distance import psi
from jobs.model.evaluation.floats import Floats

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
TENTHS: Final = 10
DIGITS: Final = 6


def compared(rows: pd.DataFrame) -> dict[str, Any]:
    """What there is to tell of one night; None for what has no value.

    Args:
        rows: `score` and `champion_score`; of a binary model `predicted` and `champion_predicted` as well.

    Returns:
        `agreement` (share that both predict alike), `rank_correlation` (Spearman's),
        `psi` (of the challenger's scores in tenths of the champion's), and of `challenger` and `champion` the `mean`, `quantiles`
        and, of a binary model, the share `predicted`.
    """
    ours, theirs = (rows[name].to_numpy(np.float64) for name in ("score", "champion_score"))
    decides = "predicted" in rows.columns
    alike = float((rows["predicted"] == rows["champion_predicted"]).mean()) if decides and len(rows) else None
    return {
        "agreement": _told(alike),
        "rank_correlation": _told(_rank_correlation(ours, theirs)),
        "psi": _told(_stability(theirs, ours)),
        "challenger": {**_distribution(ours), **({"predicted": _share(rows["predicted"])} if decides else {})},
        "champion": {**_distribution(theirs), **({"predicted": _share(rows["champion_predicted"])} if decides else {})},
    }


def _rank_correlation(ours: Floats, theirs: Floats) -> float | None:
    # Of scores that are all the same there are no ranks.
    if len(ours) < 2 or np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return None
    return float(spearmanr(ours, theirs).statistic)


def _stability(reference: Floats, scores: Floats) -> float | None:
    """Population stability index; tenths of few different scores fall together, which leaves fewer bins."""
    if not len(reference):
        return None
    edges = np.unique(np.quantile(reference, np.arange(1, TENTHS) / TENTHS))
    counts = [np.bincount(np.searchsorted(edges, given, side="right"), minlength=len(edges) + 1).astype(np.float64) for given in (reference, scores)]
    return float(psi(*counts))


def _distribution(scores: Floats) -> dict[str, Any]:
    if not len(scores):
        return {"mean": None, "quantiles": {}}
    return {"mean": _told(float(scores.mean())), "quantiles": {f"{at:g}": _told(float(np.quantile(scores, at))) for at in QUANTILES}}


def _share(flags: "pd.Series[Any]") -> float | None:
    return _told(float(flags.mean())) if len(flags) else None


def _told(number: float | None) -> float | None:
    return None if number is None or not np.isfinite(number) else round(number, DIGITS)
