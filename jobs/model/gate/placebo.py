"""Placebo: the real gate on pairs of which it is known who is better, so that its own errors can be counted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from scipy.stats import binomtest

from jobs.config.models import AgainstChampion
from jobs.errors import DataError
from jobs.model.evaluation.evaluation import paired
from jobs.model.gate.altered import Mixed, Spoiled
from jobs.model.gate.case import Case, Contender
from jobs.model.gate.gate import judge

STEPS: Final = (0.25, 0.5, 1.0, 2.0)
"""Known differences, in multiples of the one that the holdout is said to show four times of five."""
COINS: Final = 4
"""How often each pair is mixed, where the level itself is at stake: without a difference, and at the margin."""
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


def tallies(case: Case, alike: Mapping[str, Sequence[Pair]], done: Callable[[str], None]) -> Iterator[Tally]:
    """Judge pairs under the gate's own rule and under `superior: 0`.

    Args:
        case: sound in all else: its holdout, baselines and gate are the real ones.
        alike: by kind, pairs (challenger, champion) of which neither is better but by chance; the first kind is also judged mixed by night,
            and mixed with one of a pair spoiled.
        done: told of each judgement.
    """
    pairs = next(iter(alike.values()))
    mixed = [(Mixed(one, other, coin), Mixed(other, one, coin)) for coin in range(COINS) for one, other in pairs]
    seen = _detectable(replace(case, challenger=pairs[0][0], read_champion=partial(_given, pairs[0][1])))
    apart = {step: [_apart(case, pair, step) for pair in some] for step, some in _steps(case.gate.champion.non_inferior, seen, mixed, len(pairs))}
    for rule in (case.gate.champion, AgainstChampion(metric=case.gate.champion.metric, superior=0)):
        ruled = replace(case, gate=case.gate.model_copy(update={"champion": rule}))
        for what, some in {**alike, "mixed by night": mixed}.items():
            yield _tally(ruled, what, 0.0, some, done)
        for step, some in apart.items():
            yield _tally(ruled, "mixed, one spoiled", step, some, done)


def _steps(margin: float | None, seen: float, mixed: Sequence[Pair], few: int) -> Iterator[tuple[float, Sequence[Pair]]]:
    sizes = {sign * share * seen: few for sign in (-1, 1) for share in STEPS} | ({-margin: len(mixed)} if margin else {})
    yield from ((step, mixed[: sizes[step]]) for step in sorted(sizes))


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
