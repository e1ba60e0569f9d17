"""Distances between counts in the same bins: effect sizes, the same at ten thousand rows and at ten million.

Shares are floored, so that an empty bin weighs much but not infinitely. The marks are given for the population stability index; those
of the other distances follow from it for a shift of a normal distribution by d standard deviations, where all three have a simple form:
PSI = d², Wasserstein's distance by the standard deviation = d, and for small d Jensen-Shannon's divergence = d² / 8 nats.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from jobs.config.drift import Method
from jobs.drift_report.reference import Reference
from jobs.model.evaluation.floats import Floats

FLOOR: Final = 1e-3


def psi(reference: Floats, counts: Floats) -> Floats:
    """Population stability index, Σ (p − q) · ln(p / q), of the last axis (Siddiqi 2006, Credit Risk Scorecards, with the customary marks 0.1 and 0.25)."""
    p, q = floored(reference), floored(counts)
    return np.asarray(np.sum((q - p) * np.log(q / p), axis=-1))


def jensen_shannon(reference: Floats, counts: Floats) -> Floats:
    """The root of Jensen and Shannon's divergence in bits, 0 to 1 (Endres & Schindelin 2003, A New Metric for Probability Distributions)."""
    from scipy.spatial.distance import jensenshannon

    return np.asarray(jensenshannon(*np.broadcast_arrays(floored(reference), floored(counts)), base=2, axis=-1))


def wasserstein(reference: Floats, counts: Floats, centers: Floats, scale: float) -> Floats:
    """The earth mover's distance between the bins' centers, in standard deviations of the reference.

    Missing values have no place on the line: each row that is missing on one side alone counts as moved by one standard deviation.
    """
    order = np.argsort(centers)
    p, q = (np.cumsum(shares(given[..., : len(centers)])[..., order], axis=-1)[..., :-1] for given in (reference, counts))
    absent = np.abs(shares(reference)[..., len(centers) :].sum(axis=-1) - shares(counts)[..., len(centers) :].sum(axis=-1))
    return np.asarray(np.sum(np.abs(p - q) * np.diff(centers[order]), axis=-1) / scale + absent)


def shares(counts: Floats) -> Floats:
    """Counts by their sum; zeros stay zeros."""
    return np.asarray(counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1e-12))


def floored(counts: Floats) -> Floats:
    """Shares, none below `FLOOR`."""
    return np.maximum(shares(counts), FLOOR)


MARKS: Final[Mapping[Method, Callable[[float], float]]] = {
    "psi": lambda mark: mark,
    "jensen_shannon": lambda mark: float(np.sqrt(mark / (8 * np.log(2)))),
    "wasserstein": lambda mark: float(np.sqrt(mark)),
}
"""What a mark for the index is in each distance's own terms."""


def method_for(reference: Reference, wanted: Method) -> Method:
    """Texts lie on no line: where Wasserstein's is asked for they go by Jensen and Shannon's."""
    return "jensen_shannon" if wanted == "wasserstein" and not reference.centers else wanted


def distance(reference: Reference, base: Floats, counts: Floats, method: Method) -> Floats:
    """How far counts are from others, by a method; both without the last count, what was never seen."""
    if method == "wasserstein":
        return wasserstein(base, counts, np.array(reference.centers), reference.scale)
    return psi(base, counts) if method == "psi" else jensen_shannon(base, counts)
