from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics

from jobs.errors import DataError
from jobs.model.fairness.examined import examine
from jobs.model.fairness.groups import groups_of
from jobs.model.fairness.shares import shares


def rows(*, nights: int = 20, per_night: int = 60, seed: int = 0, **shares_of: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of some groups, decided by a coin that is the same for all of them."""
    random, count = np.random.default_rng(seed), nights * per_night
    given = shares_of or {"a": 0.5, "b": 0.5}
    group = random.choice([*given], count, p=[*given.values()])
    night = [date(2013, 1, 1) + timedelta(days=number // per_night) for number in range(count)]
    frame = pd.DataFrame({"night": night, "group": group, "label": (random.random(count) < 0.4).astype(int)})
    return frame, random.random(count) < 0.5


def test_the_measures_are_fairlearns() -> None:
    frame, predicted = rows(a=0.4, b=0.35, c=0.25)
    found = examine(frame, predicted, "group", min_rows=100, seed=7)
    given = {"y_true": frame["label"], "y_pred": predicted.astype(int), "sensitive_features": frame["group"]}
    assert found.gap("demographic_parity").estimate.value == pytest.approx(metrics.demographic_parity_difference(**given))
    assert found.gap("equal_opportunity").estimate.value == pytest.approx(metrics.equal_opportunity_difference(**given))
    assert found.gap("equalized_odds").estimate.value == pytest.approx(metrics.equalized_odds_difference(**given))


def test_groups_treated_alike_show_no_difference_but_by_chance() -> None:
    begins_at_zero, chance, seen = 0, [], []
    for seed in range(40):
        found = examine(*rows(seed=seed, a=0.3, b=0.3, c=0.2, d=0.2), "group", min_rows=100, seed=seed).gap("demographic_parity")
        begins_at_zero += found.estimate.low == 0
        chance.append(found.by_chance)
        seen.append(found.estimate.value)
    assert begins_at_zero >= 35
    # What is said to come by chance is what has come by chance.
    assert np.mean(chance) == pytest.approx(np.mean(seen), rel=0.15)


def test_of_a_group_of_five_people_its_size_is_told_and_nothing_else() -> None:
    frame, predicted = rows()
    frame.loc[frame.index[:5], "group"] = "tiny"
    found = examine(frame, predicted, "group", min_rows=100, seed=7)
    tiny = next(one for one in found.groups if one.name == "tiny")
    assert (tiny.rows, tiny.rates, tiny.is_small) == (5, {}, True)
    without = examine(frame[5:].reset_index(drop=True), predicted[5:], "group", min_rows=100, seed=7)
    assert found.gap("demographic_parity").estimate.value == without.gap("demographic_parity").estimate.value


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (lambda _: "a", r"`group` is `a` in all 1200 rows, so there are no groups to compare"),
        (lambda _: None, r"`group` is missing in all 1200 rows, so there are no groups to compare"),
        (
            lambda frame: np.where(frame.index < 5, "a", "b"),
            r"1 has the 100 rows from which on anything is claimed, and it takes two to compare: `a` has 5, `b`",
        ),
        (lambda frame: frame.index.map(str), r"`group` has 1200 values, more than the 50 that can be told apart; make fewer groups with SQL"),
        (lambda frame: frame.index / 7, r"`group` is no text, boolean or whole number \(number with fractions\)"),
        (lambda frame: frame["night"], r"`group` is no text, boolean or whole number \(date\); make groups of it with SQL in `features.columns`"),
    ],
)
def test_an_attribute_without_groups_is_a_sentence(values: object, sentence: str) -> None:
    frame, predicted = rows()
    with pytest.raises(DataError, match=sentence):
        examine(frame.assign(group=values(frame)), predicted, "group", min_rows=100, seed=7).gap("demographic_parity")  # type: ignore[operator]


def test_an_attribute_that_is_no_column_is_a_sentence() -> None:
    frame, predicted = rows()
    with pytest.raises(DataError, match=r"the attribute `gender` is no column of these rows, which have \['group', 'label', 'night'\]"):
        examine(frame, predicted, "gender", min_rows=100, seed=7).gap("equalized_odds")


def test_rows_without_a_value_are_a_group_of_their_own() -> None:
    frame, predicted = rows()
    frame.loc[frame.index % 4 == 0, "group"] = None
    found = examine(frame, predicted, "group", min_rows=100, seed=7)
    assert [(one.name, one.rows) for one in found.groups][-1] == ("missing", 300)
    assert found.groups[-1].rates["selection_rate"].value == pytest.approx(predicted[::4].mean())


def test_a_rate_of_too_few_cases_is_not_claimed_and_its_gap_cannot_be_measured() -> None:
    frame, predicted = rows()
    frame.loc[frame["group"] == "b", "label"] = 0
    frame.loc[frame[frame["group"] == "b"].index[:3], "label"] = 1
    found = examine(frame, predicted, "group", min_rows=100, seed=7)
    assert found.groups[1].rates["true_positive_rate"] is None
    with pytest.raises(DataError, match="too few positive rows, at least 20 are needed: `b` has 3"):
        found.gap("equal_opportunity")
    assert found.gap("demographic_parity").estimate.low is not None


def test_one_night_gives_a_value_and_no_interval() -> None:
    frame, predicted = rows(nights=1, per_night=600)
    found = examine(frame, predicted, "group", min_rows=100, seed=7).gap("demographic_parity")
    assert (found.estimate.low, found.by_chance) == (None, None)


@pytest.mark.parametrize("everybody", [True, False])
def test_groups_that_are_all_decided_alike_are_0_apart_for_certain(everybody: bool) -> None:
    frame, _ = rows()
    found = examine(frame, np.full(len(frame), everybody), "group", min_rows=100, seed=7).gap("equal_opportunity").estimate
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_whole_numbers_and_booleans_are_groups_however_they_are_stored() -> None:
    whole = pd.DataFrame({"level": [1, 2, 1], "is_new": [True, False, True]})
    gaps = pd.DataFrame({"level": [1.0, np.nan, 2.0], "is_new": [True, None, False]})
    assert [groups_of(frame, name).names for frame in (whole, gaps) for name in ("level", "is_new")] == [
        ["1", "2"],
        ["false", "true"],
        ["1", "2", "missing"],
        ["false", "true", "missing"],
    ]


def test_a_group_that_was_trained_on_less_than_it_is_scored_is_beyond_chance() -> None:
    trained, _ = rows(a=0.8, b=0.2)
    scored, _ = rows(seed=1, a=0.6, b=0.4)
    found = {one.name: one for one in shares(trained, scored, "group", min_rows=100, seed=7)}
    assert found["b"].is_off
    assert found["b"].difference.low < -0.2 < found["b"].difference.high
    tiny = pd.concat([trained, trained[:3].assign(group="new")])
    assert {one.name: one.difference for one in shares(tiny, scored, "group", min_rows=100, seed=7)}["new"] is None
