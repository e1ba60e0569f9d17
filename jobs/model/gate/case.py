"""What is put before the gate, computed only when a rule asks for it, so that what fails there refuses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import pandas as pd

from jobs.config.fairness import Fairness
from jobs.config.models import Gate, Kind, Metric
from jobs.errors import DataError
from jobs.model.decision import Decision
from jobs.model.evaluation.baselines import Baseline
from jobs.model.evaluation.evaluation import Estimate, Evaluation, evaluate, pooled
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.leak_watch import suspicions
from jobs.model.fairness.examined import Examined, examine
from jobs.model.segments import Span
from jobs.model.stress.stressing import Stressing
from jobs.model.training.learned import Learned

FITTED_ON: Final = ("train", "tune", "calibrate")


class Contender(Protocol):
    """A version that can be examined: one just trained, or one from the registry."""

    @property
    def digest(self) -> str:
        """What it is."""

    @property
    def spans(self) -> Mapping[str, Span]:
        """The nights it was made from."""

    @property
    def size(self) -> int:
        """Bytes of its model."""

    def score(self, frame: pd.DataFrame) -> Floats:
        """One score per row, through its own learned state."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A challenger, a champion perhaps, and the rows to compare them on."""

    model: str
    """`<pipeline>.<model>`."""
    kind: Kind
    loss: Metric
    """What the training minimises."""
    gate: Gate
    slices: Sequence[str]
    """Features whose values divide the holdout into parts."""
    holdout: pd.DataFrame
    """The challenger's holdout: `night`, `label` and the stored features, one row per row with a known label."""
    scored_rows: int
    """The rows of the holdout's nights, whether their label is known or not."""
    history_coverage: float
    """Mean share of the features' longest window that was delivered, over the training rows."""
    challenger: Contender
    read_champion: Callable[[], Contender | None]
    """Gives the champion, None if there has never been one; what it raises refuses."""
    learned: Learned
    """The challenger's."""
    baselines: Mapping[str, Baseline]
    decision: Decision | None
    """Of a binary model."""
    seed: int
    fairness: Fairness | None = None
    """Which groups are compared, and their limits."""
    judged_before: int = 0
    """Versions that were already judged on some of the holdout's nights."""
    stress: Stressing | None = None
    """Of the challenger, where its file asks for it."""
    pinned: Mapping[str, str] = field(default_factory=dict)
    """Digests of data, configuration and code, for the record."""

    @cached_property
    def nights(self) -> list[date]:
        """The nights of the holdout that have rows."""
        return sorted(set(self.holdout["night"]))

    @cached_property
    def scores(self) -> Floats:
        """The challenger's."""
        return self.challenger.score(self.holdout)

    @cached_property
    def evaluation(self) -> Evaluation:
        """The challenger's, beside the baselines."""
        others = {name: baseline.score(self.holdout) for name, baseline in self.baselines.items()}
        return evaluate(self.holdout, self.scores, kind=self.kind, decision=self.decision, baselines=others, seed=self.seed)

    @cached_property
    def groups(self) -> dict[str, Examined]:
        """By attribute, what the challenger's decisions mean for its groups."""
        if self.fairness is None or self.decision is None:
            return {}
        predicted, least = self.decision.predicted(self.holdout, self.scores), self.fairness.min_rows
        return {name: examine(self.holdout, predicted, name, min_rows=least, seed=self.seed) for name in self.fairness.attributes}

    @cached_property
    def suspicions(self) -> list[str]:
        """What looks like a leak."""
        return suspicions(self.holdout, self.learned, self.evaluation, loss=self.loss)

    @cached_property
    def label_coverage(self) -> float:
        """Share of the holdout's rows whose label is known."""
        if not 0 < len(self.holdout) <= self.scored_rows:
            msg = f"{len(self.holdout)} labelled of {self.scored_rows} scored rows cannot be"
            raise DataError(msg)
        return len(self.holdout) / self.scored_rows

    @cached_property
    def incumbent(self) -> Contender | None:
        """The champion, read once."""
        return self.read_champion()

    @cached_property
    def seen_by_incumbent(self) -> list[date]:
        """The holdout's nights that the champion was trained, tuned or calibrated on."""
        return [] if self.incumbent is None else [night for night in self.nights if any(span.first <= night <= span.last for span in fitted(self.incumbent))]

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The holdout without the nights that the champion has seen."""
        return self.holdout[~self.holdout["night"].isin(self.seen_by_incumbent)]

    @cached_property
    def compared_scores(self) -> Floats:
        """The challenger's, on the rows that are compared."""
        return self.scores[~self.holdout["night"].isin(self.seen_by_incumbent).to_numpy()]

    @cached_property
    def incumbent_scores(self) -> Floats:
        """The champion's, on the rows that are compared."""
        if self.incumbent is None:
            msg = "There is no champion to compare with"
            raise DataError(msg)
        return self.incumbent.score(self.compared)

    @cached_property
    def incumbent_metrics(self) -> dict[str, Estimate]:
        """The champion's metrics on the rows that are compared."""
        return pooled(self.compared[["night", "label"]].assign(score=np.asarray(self.incumbent_scores)), kind=self.kind, seed=self.seed)


def fitted(contender: Contender) -> Iterator[Span]:
    """The nights that a version has learned from.

    Raises:
        DataError: it is not on record which they are.
    """
    if not contender.spans:
        msg = "It is not on record which nights it was trained on"
        raise DataError(msg)
    yield from (span for name, span in contender.spans.items() if name in FITTED_ON)
