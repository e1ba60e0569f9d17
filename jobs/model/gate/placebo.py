"""Placebo: the real gate on pairs of which it is known who is better, so that its own errors can be counted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Final

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binomtest

from jobs.config.models import AgainstChampion
from jobs.errors import DataError
from jobs.model.evaluation.evaluation import paired, point
from jobs.model.evaluation.resampling import Floats
from jobs.model.gate.case import Case, Contender
from jobs.model.gate.gate import judge
from jobs.model.segments import Span

STEPS: Final = (0.25, 0.5, 1.0, 2.0)
"""Known differences, in multiples of the one that the holdout is said to show four times of five."""
Pair = tuple[Contender, Contender]


@dataclass(frozen=True)
class Tally:
    """What the gate did with pairs of one kind."""

    what: str
    rule: str
    step: float
    """By how much the challenger's loss is better (above 0) or worse by construction."""
    judged: int
    promoted: int
    compared: int
    """Those whose comparison held, whatever the other rules said."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the share that was promoted (Clopper & Pearson 1934, The Use of Confidence or Fiducial Limits, Biometrika 26)."""
        found = binomtest(self.promoted, self.judged).proportion_ci(method="exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Spoiled:
    """A contender with a share of each score taken from another row, so that it is worse by a known amount."""

    of: Contender
    share: float

    @property
    def digest(self) -> str:
        """Its own: the gate must not take it for what it is made of."""
        return sha256(f"{self.of.digest} {self.share}".encode()).hexdigest()

    @property
    def spans(self) -> Mapping[str, Span]:
        """The nights it was made from."""
        return self.of.spans

    @property
    def size(self) -> int:
        """Bytes of the trees."""
        return self.of.size

    def score(self, frame: pd.DataFrame) -> Floats:
        """One score per row."""
        own = self.of.score(frame)
        return np.asarray((1 - self.share) * own + self.share * np.random.default_rng(0).permutation(own))

    @classmethod
    def by(cls, step: float, of: Contender, case: Case) -> "Spoiled":
        """Worse by `step` on the case's holdout, in the loss that training minimises.

        Raises:
            DataError: not even scores that are all taken from other rows are so much worse.
        """
        label = case.holdout["label"].to_numpy(np.float64)
        own = point(case.loss, label, of.score(case.holdout))
        excess = {share: point(case.loss, label, cls(of, share).score(case.holdout)) - own - step for share in (0.0, 1.0)}
        if excess[1.0] <= 0:
            msg = f"Nothing is worse than the model by {step:.4f} of {case.loss}: it knows too little for such a step."
            raise DataError(msg)
        share = brentq(lambda share: point(case.loss, label, cls(of, share).score(case.holdout)) - own - step, 0, 1, xtol=1e-4)
        return cls(of, float(share))


def tallies(case: Case, alike: Mapping[str, Sequence[Pair]], done: Callable[[str], None]) -> Iterator[Tally]:
    """Judge pairs under the gate's own rule and under `superior: 0`.

    Args:
        case: sound in all else: its holdout, baselines and gate are the real ones.
        alike: by kind, pairs (challenger, champion) of which neither is better but by chance; the first kind is also judged with one of a pair spoiled.
        done: told of each judgement.
    """
    pairs = next(iter(alike.values()))
    seen = _detectable(replace(case, challenger=pairs[0][0], read_champion=partial(_given, pairs[0][1])))
    margin = case.gate.champion.non_inferior
    steps = sorted({*(sign * share * seen for sign in (-1, 1) for share in STEPS), *([-margin] if margin else [])})
    for rule in (case.gate.champion, AgainstChampion(metric=case.gate.champion.metric, superior=0)):
        ruled = replace(case, gate=case.gate.model_copy(update={"champion": rule}))
        for what, some in alike.items():
            yield _tally(ruled, what, 0.0, some, done)
        for step in steps:
            yield _tally(ruled, "spoiled", step, [_apart(case, pair, step) for pair in pairs], done)


def named(rule: AgainstChampion) -> str:
    """`non_inferior: 0.002`."""
    return f"superior: {rule.superior:g}" if rule.superior is not None else f"non_inferior: {rule.non_inferior:g}"


def _apart(case: Case, pair: Pair, step: float) -> Pair:
    challenger, champion = pair
    return (challenger, Spoiled.by(step, champion, case)) if step > 0 else (Spoiled.by(-step, challenger, case), champion)


def _tally(case: Case, what: str, step: float, pairs: Sequence[Pair], done: Callable[[str], None]) -> Tally:
    promoted = alone = 0
    for challenger, champion in pairs:
        verdict = judge(replace(case, challenger=challenger, read_champion=partial(_given, champion)))
        promoted += verdict.passed
        alone += any(rule.name == "comparison" and rule.outcome == "PASS" for rule in verdict.rules)
        done(what)
    return Tally(what, named(case.gate.champion), step, len(pairs), promoted, alone)


def _given(champion: Contender) -> Contender:
    return champion


def _detectable(case: Case) -> float:
    found = paired(case.holdout, challenger=case.scores, champion=case.incumbent_scores, metric=case.loss, seed=case.seed).detectable
    if found is None:
        msg = "The holdout has one night: it can show no difference."
        raise DataError(msg)
    return found
