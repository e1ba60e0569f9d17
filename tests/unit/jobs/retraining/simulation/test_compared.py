"""What is better beyond chance, and what is not."""

from datetime import date

import numpy as np
import pytest

from jobs.model.evaluation.floats import Floats
from jobs.nights import span
from jobs.performance.tally import measures, tallies
from jobs.retraining.simulation.compared import best_of, differences, sentences
from jobs.retraining.simulation.measured import ALL, Sampled, by_month, sampled

NIGHTS = span(date(2013, 5, 20), date(2013, 8, 20))


def nightly(*, off: float = 0.0, seed: int = 0, noise: float = 0.0) -> Floats:
    """Tallies of scores whose log odds are off by so much in all nights, and by more or less of it in each."""
    random, rows = np.random.default_rng(1), 60
    group = np.repeat(np.arange(len(NIGHTS)), rows)
    odds = random.normal(-1, 1, len(group)) + np.repeat(random.normal(0, 0.5, len(NIGHTS)), rows)
    label = (random.random(len(group)) < 1 / (1 + np.exp(-odds))).astype(float)
    swing = np.repeat(np.random.default_rng(seed).normal(0, noise, len(NIGHTS)), rows)
    return tallies(group, len(NIGHTS), label, 1 / (1 + np.exp(-(odds + off + swing))), constant=0.3, kind="binary", loss="log_loss")


def losses(**given: list[Floats]) -> dict[str, Sampled]:
    return {name: sampled(np.array(found), NIGHTS, "binary")["log_loss"] for name, found in given.items()}


def told(given: dict[str, Sampled]) -> list[str]:
    return [*sentences(given, differences(given), "log_loss")]


def test_months_are_pooled_from_their_nights_and_the_mean_over_seeds_is_told() -> None:
    found = by_month(np.array([nightly(), nightly(off=1)]), NIGHTS, "binary")
    assert [*found] == ["2013-05", "2013-06", "2013-07", "2013-08", ALL]
    may = [float(measures(given[:12].sum(axis=0), "binary")["roc_auc"]) for given in (nightly(), nightly(off=1))]
    assert found["2013-05"]["roc_auc"].values == pytest.approx(may)
    assert found["2013-05"]["roc_auc"].estimate.value == pytest.approx(np.mean(may))
    assert all(one.estimate.low < one.estimate.value < one.estimate.high for one in found[ALL].values())  # type: ignore[operator]


def test_a_single_night_has_no_interval() -> None:
    one = sampled(nightly()[None, :1], NIGHTS[:1], "binary")["log_loss"].estimate
    assert one.value > 0
    assert (one.low, one.high) == (None, None)


def test_what_is_worse_in_every_week_is_worse_beyond_chance() -> None:
    given = losses(good=[nightly()], bad=[nightly(off=1.5)])
    assert best_of(given) == "good"
    difference = differences(given)["bad"]
    assert difference.is_beyond
    assert difference.loss.low is not None
    assert 0 < difference.loss.low < difference.loss.value
    assert told(given)[1].endswith("more than `good`, beyond chance.")
    assert told(given)[2] == "With this seed, `good` was better than every other policy listed."
    assert "--seeds 3 shows it" in told(given)[3]


def test_what_differs_now_this_way_and_now_that_may_be_chance() -> None:
    given = losses(one=[nightly(noise=1)], other=[nightly(noise=1, seed=1)])
    assert told(given)[1].endswith("which may be chance.")
    assert told(given)[2] == "With this seed, no policy was shown to be better than another."


def test_the_same_scores_are_called_the_same() -> None:
    given = losses(one=[nightly()], other=[nightly()])
    assert told(given)[1] == "`other`: the same scores as `one`."
    assert not differences(given)["other"].is_beyond


def test_a_difference_that_another_seed_turns_round_is_within_what_seeds_do() -> None:
    seeds = [nightly(off=off) for off in (0.2, 0.8, 0.5)]
    given = losses(one=seeds, other=[nightly(off=off) for off in (0.9, 0.3, 0.7)])
    assert "within what another seed does" in told(given)[1]
    assert told(given)[-1] == "Over 3 seeds, no policy was shown to be better than another."


def test_only_those_that_were_shown_to_be_worse_are_named() -> None:
    given = losses(good=[nightly()], near=[nightly(noise=0.05, seed=1)], bad=[nightly(off=1.5)])
    assert told(given)[3] == "With this seed, `good` was better than `bad`; of the others that was not shown."


def test_a_policy_alone_is_compared_with_nothing() -> None:
    given = losses(alone=[nightly()])
    assert "there is no other policy" in told(given)[0]
