"""From histograms to states: some nights together, against the champion's rows or earlier nights, by marks that know what is usual."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final, Literal

import numpy as np
import pandas as pd

from jobs.config.drift import SEASON, Compare, Drift, Method
from jobs.drift_report.distance import MARKS, distance, method_for, psi
from jobs.drift_report.reference import Reference
from jobs.model.evaluation.floats import Floats
from jobs.nights import span

State = Literal["steady", "watch", "drifted"]
SCORE: Final = "score"
ON_RECORD: Final = ("name", "distance", "mark", "state", "weight", "missing", "reference_missing", "unseen", "counts")
"""What the ledger keeps of each feature, so that neither pages nor later nights need the table."""
Counts = Mapping[date, Mapping[str, Floats]]
"""Per night and name, the counts of its bins."""


@dataclass(frozen=True)
class Distance:
    """One feature, or the score, in one night."""

    name: str
    psi: float
    """Of this night alone, against training."""
    distance: float
    """Of the judged nights."""
    mark: float
    """From which on it is drifted."""
    state: State
    method: Method
    compared: Compare
    rows: int
    missing: float
    reference_missing: float
    unseen: float
    weight: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Yardstick:
    """What a champion is compared with: its references, and the histograms of the nights that they were made from."""

    references: Sequence[Reference]
    own: Counts
    """Empty for a version of an earlier release: then nothing is known to be usual."""
    drift: Drift

    def judge(self, counts: Counts, night: date) -> list[Distance]:
        """The distances of a night.

        Args:
            counts: of the night, and of those before it that its settings look at, as far as they are there.
            night: whose.
        """
        return [self._judged(one, counts, night) for one in self.references if one.name in counts[night]]

    def _judged(self, reference: Reference, counts: Counts, night: date) -> Distance:
        method = method_for(reference, self.drift.method_of(reference.name))
        alone, judged = counts[night][reference.name], _together(counts, reference.name, judged_nights(self.drift, night))
        base, compared = self._base(reference, counts, night)
        found = float(distance(reference, base, judged[:-1], method))
        together = sum(reference.name in counts.get(day, {}) for day in judged_nights(self.drift, night))
        usual = self._usual(reference, method, nights=together, before=self.drift.before if compared == "trailing" else 0)
        mark, watch = (max(MARKS[method](given), usual) for given in (self.drift.drifted, self.drift.watch))
        rows = max(float(alone[:-1].sum()), 1.0)
        return Distance(
            name=reference.name,
            psi=float(psi(np.array(reference.shares), alone[:-1])),
            distance=found,
            mark=mark,
            state=state_of(found, mark, watch),
            method=method,
            compared=compared,
            rows=int(alone[:-1].sum()),
            missing=float(alone[-2]) / rows,
            reference_missing=reference.shares[-1],
            unseen=float(alone[-1]) / rows,
            weight=reference.weight,
            counts=tuple(map(int, alone)),
        )

    def _base(self, reference: Reference, counts: Counts, night: date) -> tuple[Floats, Compare]:
        """What to compare with; training where the nights that were asked for are not all there yet."""
        nights = base_nights(self.drift, night)
        there = [day for day in nights if reference.name in counts.get(day, {})]
        if not nights or len(there) < len(nights) // 2:
            return np.array(reference.shares), "training"
        return _together(counts, reference.name, there)[:-1], self.drift.compare

    def _usual(self, reference: Reference, method: Method, *, nights: int, before: int) -> float:
        """The distance that most spans of so many of the champion's own nights kept to from what they are compared with; 0 where that is not known."""
        key = (reference.name, nights, before)
        if key not in self._known:
            self._known[key] = self._usual_of(reference, method, nights, before)
        return self._known[key]

    def _usual_of(self, reference: Reference, method: Method, nights: int, before: int) -> float:
        series = self._series(reference.name)
        starts = np.arange(before, len(series) - nights + 1)
        if not self.drift.usual or len(starts) < 2:
            return 0.0
        sums = np.concatenate([np.zeros((1, series.shape[1])), np.cumsum(series, axis=0)])
        blocks = sums[starts + nights] - sums[starts]
        base = sums[starts] - sums[starts - before] if before else np.array(reference.shares)
        return float(np.quantile(distance(reference, base, blocks, method), self.drift.usual))

    def _series(self, name: str) -> Floats:
        """The counts of the champion's own nights, oldest first."""
        return np.array([self.own[night][name][:-1] for night in sorted(self.own) if name in self.own[night]])

    @cached_property
    def _known(self) -> dict[tuple[str, int, int], float]:
        return {}


def judged_nights(drift: Drift, night: date) -> list[date]:
    """The nights that are judged together."""
    return span(night - timedelta(days=drift.nights - 1), night)


def base_nights(drift: Drift, night: date) -> list[date]:
    """The nights that they are compared with; none if it is the training."""
    if drift.compare == "training":
        return []
    if drift.compare == "trailing":
        last = night - timedelta(days=drift.nights)
        return span(last - timedelta(days=drift.before - 1), last)
    middle = night - timedelta(days=SEASON + (drift.nights - 1) // 2)
    return span(middle - timedelta(days=drift.before // 2), middle + timedelta(days=(drift.before - 1) // 2))


def state_of(found: float, mark: float, watch: float) -> State:
    """What a distance means by its marks."""
    if found >= mark:
        return "drifted"
    return "watch" if found >= watch else "steady"


def summary(found: Sequence[Distance], drift: Drift) -> dict[str, float]:
    """The night in numbers.

    Returns:
        `rows`; features by state; `drifted_alone`, how many would be drifted by the index of this night alone; `score_psi`, that of the
        score; `score_drift`, the score's distance by its mark; `feature_drift`, the share of the trees' gain that rests on drifted features.
    """
    features, score = [one for one in found if one.name != SCORE], next(one for one in found if one.name == SCORE)
    states = [one.state for one in features]
    # A version of an earlier release has no gains on record: there all features weigh the same.
    weight = {one.name: one.weight for one in features} if any(one.weight for one in features) else {one.name: 1.0 for one in features}
    return {
        "rows": float(score.rows),
        **{state: float(states.count(state)) for state in ("drifted", "watch", "steady")},
        "drifted_alone": float(sum(one.psi >= drift.drifted for one in features)),
        "score_psi": score.psi,
        "score_drift": score.distance / score.mark,
        "feature_drift": sum(weight[one.name] for one in features if one.state == "drifted") / (sum(weight.values()) or 1.0),
    }


def on_record(found: Sequence[Distance]) -> dict[str, list[object]]:
    """By the names of `ON_RECORD`, a value of each feature."""
    return {name: [_shortened(getattr(one, name)) for one in found] for name in ON_RECORD}


def nightly_counts(rows: pd.DataFrame, references: Iterable[Reference]) -> dict[date, dict[str, Floats]]:
    """The histograms of rows in memory, night by night."""
    import pyarrow as pa

    group, nights = pd.factorize(rows["night"], sort=True)
    found: dict[date, dict[str, Floats]] = {night: {} for night in nights}
    for one in references:
        counted = one.counted_arrow(pa.array(rows[one.name], from_pandas=True), group.astype(np.int64), len(nights))
        for night, counts in zip(nights, counted, strict=True):
            found[night][one.name] = counts
    return found


def _shortened(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _together(counts: Counts, name: str, nights: Iterable[date]) -> Floats:
    there = [counts[night][name] for night in nights if name in counts.get(night, {})]
    return np.asarray(np.sum(there, axis=0))
