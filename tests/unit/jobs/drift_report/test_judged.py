"""From histograms to states: nights together, what they are compared with, and what is usual."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jobs.config.drift import Drift
from jobs.drift_report.distance import psi
from jobs.drift_report.judged import SCORE, Counts, Distance, Yardstick, base_nights, judged_nights, nightly_counts, state_of, summary
from jobs.drift_report.reference import Reference
from jobs.nights import span

NIGHT = date(2013, 5, 18)
HALVES = Reference("x", (0.5,), (), (0.5, 0.5, 0.0), centers=(0.0, 1.0))
PSI_OF_NINE_TO_ONE = 0.4 * math.log(9)
"""Of 0.9 and 0.1 against a half each: 0.4 · ln 1.8 − 0.4 · ln 0.2."""


def counts(days: Mapping[int, tuple[float, ...]], *, name: str = "x") -> Counts:
    """By days before the night: counts of the two bins, then of missing and never seen."""
    return {NIGHT - timedelta(days=ago): {name: np.array([*given, 0.0, 0.0])} for ago, given in days.items()}


def judged(drift: Drift, found: Counts, *, own: Counts | None = None, reference: Reference = HALVES) -> Distance:
    (one,) = Yardstick([reference], own or {}, drift).judge(found, NIGHT)
    return one


def distance_of(**about: Any) -> Distance:
    plain = {"name": "x", "psi": 0.0, "distance": 0.0, "mark": 0.25, "state": "steady", "method": "psi", "compared": "training", "rows": 10}
    return Distance(**{**plain, "missing": 0.0, "reference_missing": 0.0, "unseen": 0.0, "weight": 0.0, "counts": (), **about})  # type: ignore[arg-type]


def test_marks_are_reached_from_below() -> None:
    assert [state_of(found, 0.25, 0.1) for found in (0.0999, 0.1, 0.2499, 0.25)] == ["steady", "watch", "watch", "drifted"]


def test_nights_are_judged_together_and_the_night_is_told_alone() -> None:
    one = judged(Drift(nights=2), counts({0: (9, 1), 1: (1, 9)}))
    assert (one.distance, one.state) == (0, "steady")
    assert one.psi == pytest.approx(PSI_OF_NINE_TO_ONE)
    assert (one.rows, one.counts) == (10, (9, 1, 0, 0))


def test_nights_that_are_not_there_have_no_part() -> None:
    one = judged(Drift(nights=7), counts({0: (9, 1), 3: (9, 1), 7: (0, 90)}))
    assert one.distance == pytest.approx(PSI_OF_NINE_TO_ONE)


def test_the_first_night_is_judged_by_itself() -> None:
    assert judged(Drift(nights=7), counts({0: (5, 5)})).distance == 0


def test_missing_and_never_seen_are_shares_of_the_night() -> None:
    one = judged(Drift(nights=1), {NIGHT: {"x": np.array([5.0, 3.0, 2.0, 1.0])}})
    assert (one.missing, one.unseen, one.reference_missing, one.rows) == (0.2, 0.1, 0.0, 10)


@pytest.mark.parametrize(
    ("drift", "first", "last"),
    [
        (Drift(compare="trailing"), date(2013, 4, 14), date(2013, 5, 11)),
        (Drift(compare="trailing", nights=1, before=7), date(2013, 5, 11), date(2013, 5, 17)),
        (Drift(compare="season", nights=1, before=7), date(2012, 5, 16), date(2012, 5, 22)),
        (Drift(compare="season"), date(2012, 5, 2), date(2012, 5, 29)),
    ],
    ids=["trailing", "trailing one night", "season one night", "season"],
)
def test_the_nights_to_compare_with(drift: Drift, first: date, last: date) -> None:
    assert base_nights(drift, NIGHT) == span(first, last)
    assert len(base_nights(drift, NIGHT)) == drift.before


def test_training_is_compared_with_no_night() -> None:
    assert base_nights(Drift(), NIGHT) == []


def test_the_trailing_nights_end_where_the_judged_begin() -> None:
    drift = Drift(compare="trailing", nights=3)
    assert max(base_nights(drift, NIGHT)) + timedelta(days=1) == min(judged_nights(drift, NIGHT)) == date(2013, 5, 16)


@pytest.mark.parametrize("night", [date(2013, 3, 1), date(2024, 2, 29), date(2025, 1, 1)], ids=["after a leap year", "leap day", "new year"])
def test_the_season_is_about_the_same_weekday_a_year_ago(night: date) -> None:
    (middle,) = base_nights(Drift(compare="season", nights=1, before=7), night)[3:4]
    assert middle.weekday() == night.weekday()
    assert 363 <= (night - middle).days <= 366


@pytest.mark.parametrize("compare", ["trailing", "season"])
def test_earlier_nights_stand_in_for_the_training(compare: Any) -> None:
    drift = Drift(compare=compare, nights=1, before=7)
    before = {(NIGHT - day).days: (9.0, 1.0) for day in base_nights(drift, NIGHT)}
    one = judged(drift, counts({0: (90, 10), **before}))
    assert (one.distance, one.compared) == (0, compare)
    assert one.psi == pytest.approx(PSI_OF_NINE_TO_ONE)


@pytest.mark.parametrize(("there", "compared"), [(3, "trailing"), (2, "training"), (0, "training")])
def test_training_stands_in_for_earlier_nights_that_are_not_there(there: int, compared: str) -> None:
    found = counts({0: (9, 1), **dict.fromkeys(range(1, there + 1), (9.0, 1.0))})
    one = judged(Drift(compare="trailing", nights=1, before=7), found)
    assert one.compared == compared
    assert one.distance == pytest.approx(0 if compared == "trailing" else PSI_OF_NINE_TO_ONE)


def test_nights_without_a_score_have_no_part_in_the_scores() -> None:
    score = Reference(SCORE, (0.5,), (), (0.5, 0.5, 0.0))
    found = counts({0: (9, 1), 1: (9, 1), 2: (9, 1), 3: (9, 1)}, name=SCORE)
    others = {NIGHT - timedelta(days=ago): {"x": np.array([1.0, 9.0, 0.0, 0.0])} for ago in range(4, 8)}
    one = judged(Drift(compare="trailing", nights=1, before=7), {**found, **others}, reference=score)
    assert (one.distance, one.compared) == (0, "trailing")


class TestConstantWithinANight:
    """The weather: every row of a night has the same, and each tenth of the nights another."""

    TENTHS = Reference("x", tuple(n / 10 for n in range(1, 10)), (), (*[0.1] * 10, 0.0))

    def nights(self, values: Sequence[float]) -> Counts:
        return {NIGHT + timedelta(days=n): {"x": self.TENTHS.counted(pd.Series([value] * 100))} for n, value in enumerate(values)}

    def states(self, values: Sequence[float], drift: Drift) -> list[str]:
        """Of every night that has as many before it as are judged together."""
        found = self.nights(values)
        stick = Yardstick([self.TENTHS], self.nights(np.random.default_rng(0).uniform(size=90)), drift)
        return [one.state for night in sorted(found)[6:] for one in stick.judge(found, night)]

    @pytest.mark.parametrize("nights", [1, 7])
    def test_by_the_marks_alone_it_is_drifted_every_night(self, nights: int) -> None:
        assert set(self.states(np.random.default_rng(1).uniform(size=90), Drift(nights=nights, usual=0))) == {"drifted"}

    @pytest.mark.parametrize("seed", range(1, 6))
    def test_by_what_is_usual_it_is_hardly_ever(self, seed: int) -> None:
        states = self.states(np.random.default_rng(seed).uniform(size=90), Drift())
        # 95 % of the champion's own spans keep to the mark; spans overlap, so that the others come in rows.
        assert states.count("steady") / len(states) > 0.8

    def test_a_lasting_shift_is_found_within_the_judged_nights(self) -> None:
        usual, hot = np.random.default_rng(1).uniform(size=30), [0.97] * 7
        states = self.states([*usual, *hot], Drift())
        assert (states[-8], states[-1]) == ("steady", "drifted")


def test_the_mark_is_what_is_usual_where_that_is_more() -> None:
    own = counts({ago: (9, 1) if ago % 2 else (1, 9) for ago in range(1, 21)})
    noisy, calm = (judged(Drift(nights=1, usual=0.5), counts({0: (9, 1)}), own=given) for given in (own, counts({1: (5, 5), 2: (5, 5)})))
    assert noisy.mark == pytest.approx(PSI_OF_NINE_TO_ONE)
    assert calm.mark == 0.25
    assert (noisy.state, calm.state) == ("drifted", "drifted")


@pytest.mark.parametrize(("share", "state"), [(64, "steady"), (68, "watch"), (72, "watch"), (75, "drifted")])
def test_watch_begins_beyond_what_is_usual_too(share: int, state: str) -> None:
    """Usual is the index of 2 : 1, 0.116, which lies between the marks."""
    own = counts({ago: (200, 100) if ago % 2 else (100, 200) for ago in range(1, 21)})
    assert judged(Drift(nights=1), counts({0: (share, 100 - share)}), own=own).state == state


def test_what_is_no_more_than_usual_is_steady() -> None:
    own = counts({ago: (9, 1) if ago % 2 else (1, 9) for ago in range(1, 21)})
    assert judged(Drift(nights=1), counts({0: (89, 11)}), own=own).state == "steady"


def test_what_is_usual_is_that_of_as_many_nights_as_there_are() -> None:
    """The first night after a promotion is told by itself: against a mark for seven nights, which even each other out, it would be drifted."""
    own = counts({ago: (9, 1) if ago % 2 else (1, 9) for ago in range(1, 29)})
    first = judged(Drift(nights=8), counts({0: (9, 1)}), own=own)
    eighth = judged(Drift(nights=8), counts(dict.fromkeys(range(8), (9, 1))), own=own)
    assert (first.mark, first.state) == (pytest.approx(PSI_OF_NINE_TO_ONE), "drifted")
    assert (eighth.mark, eighth.state) == (0.25, "drifted")
    assert judged(Drift(nights=8), counts({0: (89, 11)}), own=own).state == "steady"


def test_what_is_usual_is_that_of_what_is_compared_with() -> None:
    """The champion's nights lie far from its training, and hardly ever from those before them."""
    own = counts({ago: (9, 1) if ago > 20 else (1, 9) for ago in range(1, 41)})
    drift = Drift(compare="trailing", nights=1, before=7, usual=0.5)
    beside, alone = (judged(drift, counts({0: (9, 1), **dict.fromkeys(range(1, there + 1), (9.0, 1.0))}), own=own) for there in (7, 0))
    assert (beside.compared, beside.mark) == ("trailing", 0.25)
    assert (alone.compared, alone.mark) == ("training", pytest.approx(PSI_OF_NINE_TO_ONE))


def test_a_champion_of_an_earlier_release_knows_nothing_usual() -> None:
    old = Reference("x", (0.5,), (), (0.5, 0.5, 0.0))
    one = judged(Drift(nights=1, method="wasserstein"), counts({0: (9, 1)}), reference=old)
    assert (one.method, one.state) == ("jensen_shannon", "drifted")
    assert one.mark == pytest.approx(math.sqrt(0.25 / (8 * math.log(2))))


def test_one_own_night_is_not_enough_for_what_is_usual() -> None:
    assert judged(Drift(nights=1), counts({0: (5, 5)}), own=counts({1: (10, 0)})).mark == 0.25


def test_trailing_has_its_own_usual() -> None:
    """A level that drifts slowly is far from the training's, and not from the nights before."""
    own = counts({60 - n: (60.0 - n, float(n)) for n in range(60)})
    all_there = counts(dict.fromkeys(range(35), (5.0, 5.0)))
    by_training, by_trailing = (judged(Drift(compare=compare), all_there, own=own) for compare in ("training", "trailing"))
    assert by_training.mark > by_trailing.mark > 0.25


def test_trailing_spans_are_measured_against_the_nights_right_before_each() -> None:
    own = counts({9: (50, 50), **dict.fromkeys(range(3, 9), (5.0, 5.0)), 2: (9, 1), 1: (1, 9)})
    one = judged(Drift(compare="trailing", nights=1, before=7, usual=0.5), counts(dict.fromkeys(range(8), (5.0, 5.0))), own=own)
    apart = psi(np.array([80.0, 80.0]), np.array([9.0, 1.0])), psi(np.array([39.0, 31.0]), np.array([1.0, 9.0]))
    assert one.mark == pytest.approx(sum(apart) / 2)


def test_the_same_shares_are_in_the_same_state_whatever_the_number_of_rows() -> None:
    few, many = (judged(Drift(nights=1), counts({0: (0.6 * rows, 0.4 * rows)})) for rows in (10**4, 10**7))
    assert (many.distance, many.psi) == pytest.approx((few.distance, few.psi), rel=1e-12)
    assert few.state == many.state == "steady"
    assert (few.rows, many.rows) == (10**4, 10**7)


def test_single_features_go_by_their_own_method() -> None:
    one = judged(Drift(nights=1, methods={"x": "wasserstein"}), counts({0: (9, 1)}))
    assert (one.method, one.distance, one.mark) == ("wasserstein", pytest.approx(0.4), 0.5)


@pytest.mark.parametrize("method", ["psi", "jensen_shannon", "wasserstein"])
def test_nothing_is_nan_whatever_the_columns_hold(method: Any) -> None:
    made_from = pd.DataFrame({"missing": [None] * 8, "same": 1.5, "flag": pd.Series([True, None] * 4, dtype=object), "text": list("abababab"), "score": 0.5})
    references = [Reference.of(name, made_from[name]) for name in made_from]
    own = nightly_counts(made_from.assign(night=[NIGHT - timedelta(days=n) for n in range(8)]), references)
    for values in (made_from, made_from.iloc[:1], pd.DataFrame({name: pd.Series([None], dtype=object) for name in made_from})):
        found = nightly_counts(values.assign(night=NIGHT), references)
        judged_all = Yardstick(references, own, Drift(nights=1, method=method)).judge(found, NIGHT)
        told = [*summary(judged_all, Drift()).values(), *(number for one in judged_all for number in (one.psi, one.distance, one.mark))]
        assert np.isfinite(told).all()


def test_the_night_is_summed_up() -> None:
    drifted, watch = distance_of(state="drifted", weight=0.2, psi=0.3), distance_of(name="y", state="watch", weight=0.3, psi=0.3)
    features = [drifted, watch, distance_of(name="z", weight=0.3)]
    score = distance_of(name=SCORE, psi=0.07, distance=0.5, rows=12)
    assert summary([*features, score], Drift()) == {
        "rows": 12,
        "drifted": 1,
        "watch": 1,
        "steady": 1,
        "drifted_alone": 2,
        "score_psi": 0.07,
        "score_drift": 2,
        "feature_drift": pytest.approx(0.25),
    }


def test_features_weigh_the_same_where_no_gain_is_on_record() -> None:
    found = [distance_of(state="drifted"), *[distance_of(name=name) for name in ("y", "z", "w", SCORE)]]
    assert summary(found, Drift())["feature_drift"] == 0.25
