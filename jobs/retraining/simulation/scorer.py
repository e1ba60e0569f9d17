"""A version at work: its scores of each night, how far these and their rows have drifted, and what they turned out to be worth."""

from collections.abc import Mapping
from datetime import date
from functools import cache

import numpy as np

from jobs.config.models import Kind, Model
from jobs.drift_report.judged import SCORE, Yardstick, base_nights, judged_nights, nightly_counts, summary
from jobs.model.evaluation.floats import Floats
from jobs.model.reference import examined, read_references, read_watched
from jobs.model.registry.version import Version
from jobs.performance.estimate import Estimator
from jobs.performance.tally import tallies
from jobs.retraining.simulation.history import History


class Scorer:
    """One version from the night on that it scores; policies that share it share what it has computed."""

    def __init__(self, version: Version, history: History, model: Model, *, since: date) -> None:
        self.version, self.history, self.model, self.since = version, history, model, since
        references, own = read_references(version)
        self.yardstick, self.watched = Yardstick(references, own, model.drift), read_watched(version)
        self.score, self.counts, self.drift, self.realised = cache(self._score), cache(self._counts), cache(self._drift), cache(self._realised)

    @property
    def holdout(self) -> Mapping[str, float]:
        """What it was worth when it was examined."""
        return examined(self.watched)

    def estimated(self, night: date) -> Floats | None:
        """The tally to expect of a night before its labels are known; None where scores are no probabilities."""
        if "estimator" not in self.watched:
            return None
        return self._tally(Estimator(**self.watched["estimator"]).expected(self.score(night)), self.score(night), "binary")

    def _score(self, night: date) -> Floats:
        return self.version.score(self.history.night(night))

    def _counts(self, night: date) -> Mapping[str, Floats]:
        rows, references = self.history.night(night), self.yardstick.references
        if night < self.since:
            return nightly_counts(rows, [one for one in references if one.name != SCORE])[night]
        return nightly_counts(rows.assign(**{SCORE: self.score(night)}), references)[night]

    def _drift(self, night: date) -> Mapping[str, float]:
        drift = self.model.drift
        looked_at = [*judged_nights(drift, night), *base_nights(drift, night)]
        counts = {day: self.counts(day) for day in looked_at if day in self.history.places}
        return summary(self.yardstick.judge(counts, night), drift)

    def _realised(self, night: date, as_of: date) -> Floats | None:
        label = self.history.label(night, as_of=as_of)
        known = ~np.isnan(label)
        return self._tally(label[known], self.score(night)[known], self.model.type) if known.any() else None

    def _tally(self, label: Floats, score: Floats, kind: Kind) -> Floats:
        group = np.zeros(len(label), dtype=np.int64)
        return np.asarray(tallies(group, 1, label, score, constant=self.watched["constant"], kind=kind, loss=self.model.loss)[0])
