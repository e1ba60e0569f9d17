"""Many nights in a row: what comes of a retraining is no reason for another, and a signal at its bound starts few."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from jobs.config.watching import Retrain, Trigger
from jobs.retraining.controller import decide
from jobs.watch.facts import Ended, Facts, Training
from tests.unit.jobs.watch.records import FIRST, facts_of, known, night, nights

Signal = Callable[[int], float]
"""By number of the night: how far the score has drifted."""
FLAPPING: dict[str, Signal] = {
    "night by night": lambda n: 1.5 if n % 2 else 0.5,
    "week by week": lambda n: 1.5 if n // 7 % 2 else 0.5,
    "two of three": lambda n: 0.5 if n % 3 == 0 else 1.5,
    "always": lambda _: 1.5,
}


def lived(policy: Retrain, signal: Signal, *, nights: int, ended: Ended, trained_after: int = 0) -> list[date]:
    """The nights that decided to retrain; each training ends as it is told, so many nights after it was decided."""
    facts = facts_of(realised={night(n): [known(n + 2)] for n in range(1, nights)})
    for day in [FIRST + timedelta(days=n) for n in range(nights)]:
        number, champion = (day - FIRST).days + 1, facts.champion(day)
        facts = replace(facts, drift={**facts.drift, day: {"score_drift": signal(number)}}, drift_of={**facts.drift_of, day: champion or 0})
        if decide(policy, facts, day).act == "retrain":
            facts = replace(facts, triggered=[*facts.triggered, day])
        waiting = facts.open(date.max)
        if waiting and (day - waiting).days >= trained_after:
            facts = _trained(facts, waiting, ended)
    return list(facts.triggered)


def _trained(facts: Facts, day: date, ended: Ended) -> Facts:
    version = len(facts.trainings) + 2
    reigns = [*facts.reigns, (day, version)] if ended == "promoted" else facts.reigns
    return replace(facts, trainings=[*facts.trainings, Training(day, ended, version)], reigns=reigns)


def apart(found: list[date]) -> list[int]:
    return [(later - earlier).days for earlier, later in pairwise(found)]


@pytest.mark.parametrize("signal", FLAPPING.values(), ids=list(FLAPPING))
@pytest.mark.parametrize(("ended", "least"), [("promoted", 14), ("refused", 28), ("given_up", 14)])
def test_a_flapping_signal_starts_at_most_one_retraining_per_cool_down(signal: Signal, ended: Any, least: int) -> None:
    policy = Retrain(when=Trigger(signal="score_drift", above=1, nights=2, of=5))
    found = lived(policy, signal, nights=140, ended=ended)
    assert found
    assert min(apart(found), default=least) >= least
    assert len(found) <= 140 // least + 1


def test_ten_windows_at_the_bound_start_at_most_one_retraining_per_cool_down() -> None:
    """A window is beyond its bound or not, in turn; the cool-down is three windows long."""
    policy = Retrain(when=Trigger(signal="score_drift", above=1, nights=5), cooldown=15, per_month=9)
    found = lived(policy, lambda n: 1.5 if (n - 1) // 5 % 2 == 0 else 0.5, nights=50, ended="promoted")
    assert found == [night(5), night(25), night(45)]


@pytest.mark.parametrize("trained_after", [1, 5, 20])
def test_a_training_that_takes_its_time_is_started_once(trained_after: int) -> None:
    policy = Retrain(when=Trigger(signal="score_drift", above=1), cooldown=1, per_month=9)
    found = lived(policy, FLAPPING["always"], nights=3 + trained_after, ended="promoted", trained_after=trained_after)
    assert found == [night(3)]


def test_a_promotion_is_no_reason_for_the_next_retraining() -> None:
    """The former champion was far off in every night up to the promotion; the new one has had no night of its own."""
    facts = facts_of(
        drift={day: {"score_drift": 2.0} for day in nights(1, 20)},
        drift_of=dict.fromkeys(nights(1, 20), 1),
        realised={night(n): [known(n + 2, loss=0.9, constant=0.5)] for n in range(1, 20)},
        reigns=[(night(1), 1), (night(20), 2)],
        triggered=[night(20)],
        trainings=[Training(night(20), "promoted", 2)],
    )
    signals = [Trigger(signal=signal, above=1, nights=2, of=9, over=3) for signal in ("score_drift", "loss_ratio")]
    eager = Retrain(when=Trigger(any=signals), cooldown=1, per_month=99)
    assert decide(eager, replace(facts, trainings=[], triggered=[], reigns=[(night(1), 1)]), night(20)).act == "retrain"
    assert [decide(eager, facts, night(n)).act for n in (21, 22, 25)] == ["none"] * 3


def test_a_month_has_no_more_than_it_may() -> None:
    policy = Retrain(when=Trigger(signal="score_drift", above=1), cooldown=3)
    found = lived(policy, FLAPPING["always"], nights=61, ended="promoted")
    assert [sum(day.month == month for day in found) for month in (5, 6)] == [2, 2]
