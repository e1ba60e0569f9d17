"""A year with three events: a sudden shift of two features, a slow change of what they mean, a week of broken deliveries; and a flapping one."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
from made_up import BEGIN, FIRST, history_of, workshop_in

from jobs.config.watching import Retrain
from jobs.nights import span
from jobs.retraining.simulation.replay import Replay
from jobs.watch.soundness import Soundness

LAST: Final = FIRST + timedelta(days=364)
SHIFT: Final = date(2024, 4, 20)
FLAPS: Final = (date(2024, 6, 10), date(2024, 8, 18))
CONCEPT: Final = date(2024, 8, 20)
TURNED: Final = 20
"""Nights until the relation has fully changed."""
BROKEN: Final = span(date(2024, 12, 5), date(2024, 12, 11))
ROWS: Final = 120
# A training learns from what has reached `train`, 17 nights after it happened: what has not lasted so long cannot be learned.
BY_FEATURES: Final = {"signal": "feature_drift", "above": 0.5, "nights": 25, "of": 30}
BY_RELATION: Final = {"signal": "concept", "above": 0.1, "nights": 30, "of": 35}
POLICY: Final[dict[str, Any]] = {"when": {"any": [BY_FEATURES, BY_RELATION]}, "cooldown": 45, "after_refusal": 45, "per_month": 2}


def orders_of(night: date) -> pd.DataFrame:
    """A night of the year."""
    random, broken = np.random.default_rng(night.toordinal()), night in BROKEN
    amount, hour = random.uniform(5, 100, ROWS), random.integers(0, 24, ROWS)
    if night >= SHIFT:
        amount, hour = 35 + amount * 0.65, hour // 3
    # A week beyond the mark, a week back, ten times.
    if FLAPS[0] <= night <= FLAPS[1] and (night - FLAPS[0]).days // 7 % 2 == 0:
        amount = amount + 30
    turned = min(max((night - CONCEPT).days, 0) / TURNED, 1)
    drive = (1 - 2 * turned) * ((amount - 60) / 12 + (hour - 8) / 8)
    label = (random.random(ROWS) < 1 / (1 + np.exp(-drive))).astype(float)
    frame = pd.DataFrame({"day": night, "order_id": np.arange(ROWS), "night": night, "shop": random.choice(["ada", "ben", "cleo"], ROWS)})
    return frame.assign(amount=0.0 if broken else amount, hour=0 if broken else hour, outcomes_coverage=1.0, label=label)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    history = history_of(pd.concat([orders_of(night) for night in span(FIRST, LAST)], ignore_index=True))
    workshop = workshop_in(tmp_path_factory.mktemp("year"), history, max_trees=40, early_stopping=10)
    broken = Soundness(red=dict.fromkeys(BROKEN, ("validated/orders",)))
    found = Replay(Retrain.model_validate(POLICY), workshop, begin=BEGIN, soundness=broken)
    for night in span(BEGIN, LAST):
        found.night(night)
    return found


def retrained(year: Replay, first: date, last: date) -> list[date]:
    return [one.night for one in year.attempts[1:] if first <= one.night <= last]


def test_a_sudden_shift_is_noticed_within_its_nights_and_is_one_retraining(year: Replay) -> None:
    (night,) = retrained(year, SHIFT, FLAPS[0])
    # The nights that are judged together, and then as many as the condition asks for.
    assert SHIFT + timedelta(days=BY_FEATURES["nights"] - 1) <= night <= SHIFT + timedelta(days=7 + BY_FEATURES["of"])


def test_the_new_champion_takes_the_shifted_world_for_usual(year: Replay) -> None:
    (night,) = retrained(year, SHIFT, FLAPS[0])
    assert [one.ended for one in year.attempts if one.night == night] == ["promoted"]
    after = [year.facts.drift[day]["feature_drift"] for day in span(night + timedelta(days=10), FLAPS[0] - timedelta(days=1))]
    assert max(after) < BY_FEATURES["above"]


def test_a_slow_change_of_the_relation_is_noticed_and_is_one_retraining(year: Replay) -> None:
    (night,) = retrained(year, CONCEPT, BROKEN[0] - timedelta(days=1))
    assert CONCEPT + timedelta(days=BY_RELATION["nights"]) <= night <= CONCEPT + timedelta(days=TURNED + BY_RELATION["of"])
    reasons = [one.reason for one in year.decisions if one.night == night]
    assert "`concept`" in reasons[0]


def test_a_week_of_broken_deliveries_is_no_reason_and_neither_is_what_it_leaves_behind(year: Replay) -> None:
    assert retrained(year, BROKEN[0], LAST) == []
    after = BROKEN[-1] + timedelta(days=3)
    assert year.facts.drift[after]["feature_drift"] > BY_FEATURES["above"], "nonsense is still among the nights that are judged together"
    assert year.facts.drifted(after, "feature_drift") is None
    assert not {scored for scored, _ in year.facts.known(after, version=3, over=14)} & set(BROKEN)


def test_flapping_around_the_mark_is_no_reason(year: Replay) -> None:
    assert retrained(year, FLAPS[0], CONCEPT) == []


def test_nothing_else_happened(year: Replay) -> None:
    assert len(year.attempts) == 3, [(one.night, one.reason) for one in year.attempts]


def test_the_story_is_the_same_when_it_is_told_again(year: Replay, tmp_path: Path) -> None:
    again = Replay(year.policy, year.workshop, begin=BEGIN, soundness=year.facts.soundness)
    for night in span(BEGIN, LAST):
        again.night(night)
    assert again.decisions == year.decisions
