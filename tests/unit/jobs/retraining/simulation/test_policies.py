"""Policies by name."""

import pytest

from jobs.config.models import Model
from jobs.config.watching import Retrain, Trigger
from jobs.errors import UsageError
from jobs.retraining.simulation.policies import NAMED, chosen, told


@pytest.fixture
def model() -> Model:
    return Model(label="outcomes.late", segments={"train": 90, "tune": 14, "holdout": 28}, retrain=Retrain(when=Trigger(every=10), cooldown=3))


def test_the_file_s_own_section_is_one_of_them(model: Model) -> None:
    assert chosen(["file", "never", "file"], model) == {"file": model.retrain, "never": NAMED["never"]}


def test_a_policy_that_does_not_exist_is_refused_with_those_that_do(model: Model) -> None:
    with pytest.raises(UsageError, match=r"--policy daily, yearly: allowed are never, monthly, weekly, drift, performance, estimated, file\."):
        chosen(["daily", "never", "yearly"], model)


def test_a_regression_has_no_estimates() -> None:
    model = Model(label="outcomes.delay", type="regression", segments={"train": 9, "tune": 3, "holdout": 2}, gate={"champion": {"non_inferior": 1}})
    with pytest.raises(UsageError, match="only the scores of a binary model"):
        chosen(["estimated"], model)


def test_brakes_are_the_same_but_for_what_the_name_says() -> None:
    brakes = {name: one.model_dump(exclude={"when"}) for name, one in NAMED.items()}
    weekly = brakes.pop("weekly")
    assert len({str(one) for one in brakes.values()}) == 1
    assert (weekly["cooldown"], weekly["per_month"], weekly["after_refusal"]) == (7, 5, 7)


def test_a_policy_in_words() -> None:
    assert told(NAMED["never"]) == "never"
    assert told(NAMED["weekly"]) == "every week; cooldown 7, after_refusal 7, per_month 5, min_new_labels 1"
    assert told(NAMED["drift"]).startswith("score_drift > 1 in 3 of 5 nights; cooldown 14,")
    assert told(NAMED["performance"]).startswith("loss_ratio > 0.98 in 1 of 1 nights, over 7 nights; cooldown 14,")
