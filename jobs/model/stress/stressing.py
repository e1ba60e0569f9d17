"""Every stress of one version: its rows altered, its sources gone or late, its oldest and newest month."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from typing import Final, Literal

import pandas as pd

from jobs.config.models import Kind, Metric
from jobs.config.stress import Stress
from jobs.errors import DataError, RetryableError
from jobs.model.artifact import Artifact
from jobs.model.decision import Decision
from jobs.model.stress.alterations import Alteration, altered, noisy, one_by_one, taken_away
from jobs.model.stress.stressed import About, Stressed
from jobs.model.stress.yardstick import Yardstick

MONTH: Final = timedelta(days=28)
"""Whole weeks, so that every month has the same weekdays."""
SAMPLE: Final = 4000
"""Rows on which features are altered one by one: there are hundreds of such stresses."""
Source = Literal["source_absent", "source_late"]
Recompute = Callable[[pd.DataFrame], pd.DataFrame]
"""Stored rows → the same, in their order, with the features that they have under a fault."""


@dataclass(frozen=True, kw_only=True)
class Stressing:
    """One version and what it is stressed with; computed when first asked for."""

    config: Stress
    kind: Kind
    loss: Metric
    artifact: Artifact
    decision: Decision | None
    """Of a binary model."""
    holdout: pd.DataFrame
    """`night`, `label`, the key and the stored features."""
    train: pd.DataFrame
    """Likewise; only the oldest month is looked at."""
    seed: int
    without: Mapping[str, Mapping[str, int | None]]
    """Feed → its features as they are where it has no row; empty where only computing them again can tell."""
    again: Mapping[tuple[Source, str], Recompute]
    """Fault and feed → how features are computed again under it."""

    @cached_property
    def results(self) -> tuple[Stressed, ...]:
        """The worst first; those that could not be computed last."""
        return tuple(sorted((self._guarded(about, stress) for about, stress in self._stresses()), key=lambda one: -one.worst))

    def _stresses(self) -> Iterator[tuple[About, Callable[[], Stressed]]]:
        learned = self.artifact.learned
        for one in one_by_one(learned, self.holdout):
            yield one.about, partial(self._altered, one, self._sample)
        away = (taken_away(learned, feed, values) for feed, values in self.without.items())
        for one in (*noisy(learned, self.holdout, noise=self.config.noise, seed=self.seed), *away):
            yield one.about, partial(self._altered, one, self._whole)
        for (kind, feed), recompute in self.again.items():
            about = About(kind, feed, f"With {feed} a day older" if kind == "source_late" else f"Without {feed}")
            yield about, partial(self._again, about, recompute)
        yield About("oldest_month", "", "In the oldest month"), self._oldest
        yield About("newest_month", "", "In the newest month"), self._newest

    def _guarded(self, about: About, stress: Callable[[], Stressed]) -> Stressed:
        try:
            return stress()
        except RetryableError:
            raise
        # Whatever it is, it is said in its place, as in the gate: the other stresses can still be told, and a limit that rests on this one refuses.
        except Exception as error:
            told = str(error) if isinstance(error, DataError) else f"{type(error).__name__}: {error}"
            return Stressed(**about._asdict(), loss=self.loss, problem=told)

    def _altered(self, one: Alteration, among: Yardstick) -> Stressed:
        if not one.variants:
            msg = "no row of the holdout has a value of it"
            raise DataError(msg)
        return among.against(one.about, [self.artifact.score_matrix(altered(among.matrix, columns, self.artifact.learned)) for columns in one.variants])

    def _again(self, about: About, recompute: Recompute) -> Stressed:
        return self._whole.against(about, [self.artifact.score(recompute(self.holdout))])

    def _oldest(self) -> Stressed:
        nights = self.train["night"]
        rows = self.train[nights < nights.min() + MONTH]
        about = About("oldest_month", _told(rows), f"In the oldest month that it has learned from ({_told(rows)}), beside the holdout")
        # Another seed: the two have no night in common, and must not be drawn alike.
        return self._yardstick(rows, "The oldest month", seed=self.seed + 1).beside(about, self._whole)

    def _newest(self) -> Stressed:
        nights = self.holdout["night"]
        days = sorted(set(nights))
        # At most half of the holdout: a month that is all of it could not be held against anything.
        first = max(days[len(days) // 2], days[-1] - MONTH + timedelta(days=1))
        rows, others = self.holdout[nights >= first], self.holdout[nights < first]
        about = About("newest_month", _told(rows), f"In the newest nights of the holdout ({_told(rows)}), beside its others")
        return self._yardstick(rows, "The newest month", seed=self.seed + 1).beside(about, self._yardstick(others, "The rest of the holdout"))

    @cached_property
    def _whole(self) -> Yardstick:
        return self._yardstick(self.holdout, "The holdout")

    @cached_property
    def _sample(self) -> Yardstick:
        rows = self.holdout.sample(min(SAMPLE, len(self.holdout)), random_state=self.seed).sort_index()
        return self._yardstick(rows, "The sample of the holdout")

    def _yardstick(self, rows: pd.DataFrame, where: str, *, seed: int | None = None) -> Yardstick:
        # The best few of a night are others among few of its rows.
        decision = None if self.decision and self.decision.top and len(rows) < len(self.holdout) else self.decision
        about = (self.kind, self.loss, decision, self.seed if seed is None else seed, where)
        return Yardstick(rows, matrix := self.artifact.learned.matrix(rows), self.artifact.score_matrix(matrix), *about)


def _told(rows: pd.DataFrame) -> str:
    return f"{rows['night'].min()} to {rows['night'].max()}"
