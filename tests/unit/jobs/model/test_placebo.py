from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from model_rows import Fake, Made

from jobs.config.models import AgainstChampion, Gate
from jobs.errors import DataError
from jobs.model.evaluation.evaluation import point
from jobs.model.gate.altered import Mixed, Spoiled
from jobs.model.gate.case import Case
from jobs.model.gate.placebo import Pair, Tally, tallies


def noisy(made: Made, seed: int) -> Fake:
    """The made model, with noise of its own: neither better nor worse than another of its kind."""

    def score(frame: pd.DataFrame) -> np.ndarray:
        odds = made.trained.artifact.score(frame)
        return 1 / (1 + np.exp(-np.log(odds / (1 - odds)) - np.random.default_rng(seed).normal(0, 0.1, len(frame))))

    return Fake(score, f"{seed:064d}", made.spans)


@pytest.fixture
def pairs(made: Made) -> list[Pair]:
    ring = [noisy(made, seed) for seed in range(6)]
    return list(zip(ring, [*ring[1:], ring[0]], strict=True))


def test_a_spoiled_contender_is_worse_by_what_was_asked(made: Made, case: Case) -> None:
    spoiled = Spoiled.by(0.01, made.contender(), case)
    label = case.holdout["label"].to_numpy(float)
    worse = point("log_loss", label, spoiled.score(case.holdout)) - point("log_loss", label, made.contender().score(case.holdout))
    assert worse == pytest.approx(0.01, abs=1e-4)
    assert spoiled.digest != made.contender().digest
    assert spoiled.spans == made.spans


def test_mixed_contenders_share_the_nights_of_two_between_them(case: Case, pairs: list[Pair]) -> None:
    one, other = pairs[0]
    ours, theirs = (contender.score(case.holdout) for contender in (one, other))
    heads, tails = Mixed(one, other, 0).score(case.holdout), Mixed(other, one, 0).score(case.holdout)
    assert np.array_equal(heads + tails, ours + theirs)
    by_night = case.holdout.assign(own=heads == ours).groupby("night")["own"]
    assert set(by_night.nunique()) == {1}
    assert set(by_night.first()) == {True, False}
    assert len({Mixed(one, other, coin).digest for coin in range(4)} | {one.digest, other.digest}) == 6


def test_a_step_beyond_what_the_model_knows_is_refused(made: Made, case: Case) -> None:
    with pytest.raises(DataError, match="knows too little for such a step"):
        Spoiled.by(5.0, made.contender(), case)


def test_the_gate_promotes_what_is_better_and_not_what_is_worse_or_alike(case: Case, pairs: list[Pair]) -> None:
    gate = Gate(champion=AgainstChampion(metric="log_loss", non_inferior=0.002))
    judged: list[str] = []
    found = list(tallies(replace(case, gate=gate), {"another seed": pairs}, judged.append))
    superior = {one.step: one for one in found if one.rule == "superior: 0" and one.what != "mixed by night"}
    assert {one.rule for one in found} == {"non_inferior: 0.002", "superior: 0"}
    assert superior[0.0].promoted <= 1
    assert superior[min(superior)].promoted == 0
    assert superior[max(superior)].promoted > len(pairs) // 2
    fair = next(one for one in found if one.rule == "superior: 0" and one.what == "mixed by night")
    assert fair.interval[0] <= 0.025
    assert fair.judged == 4 * len(pairs)
    lenient = {one.step: one for one in found if one.rule == "non_inferior: 0.002" and one.what != "mixed by night"}
    assert lenient[min(lenient)].promoted == 0
    assert lenient[0.0].promoted >= superior[0.0].promoted
    assert len(judged) == sum(one.judged for one in found)


def test_a_share_has_its_interval() -> None:
    low, high = Tally("another seed", "superior: 0", 0.0, 50, 0, 0).interval
    assert (low, high) == (0.0, pytest.approx(0.0711, abs=1e-4))
