"""What a pipeline file may say of drift, retraining and alerts."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jobs.config.drift import Drift
from jobs.config.loading import read_pipeline
from jobs.config.models import Model
from jobs.config.watching import AlertRule, Alerts, Condition, Retrain, Trigger
from jobs.errors import UsageError
from tests.tiny import write_pipeline

ONE = "exactly one of `signal`, `every`, `any`, `all` and `never` must be given"
LOSS = {"signal": "loss_ratio", "above": 1}


def test_left_out_only_people_retrain() -> None:
    found = Retrain()
    assert found.when == Trigger(never=True)
    assert (found.cooldown, found.per_month, found.min_new_labels, found.after_refusal, found.attempts) == (14, 2, 1, 28, 3)


def test_left_out_drift_is_judged_over_a_week_against_training() -> None:
    found = Drift()
    assert (found.method, found.compare, found.nights, found.before) == ("psi", "training", 7, 28)
    assert (found.watch, found.drifted, found.usual, found.stop_publishing_above) == (0.1, 0.25, 0.95, None)


@pytest.mark.parametrize(
    "given",
    [
        LOSS,
        {"signal": "auc", "below": 0.7, "nights": 3, "of": 5, "over": 14},
        {"signal": "loss_increase", "above": 0},
        {"every": "week"},
        {"every": "month"},
        {"every": 30},
        {"any": [LOSS, {"every": 60}]},
        {"all": [LOSS, {"any": [LOSS, {"every": "month"}]}]},
        {"never": True},
    ],
)
def test_a_trigger_is_one_thing(given: dict[str, Any]) -> None:
    assert Trigger.model_validate(given).model_dump(exclude_defaults=True, exclude_none=True) == {**given}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, f"{ONE} (got [])"),
        ({**LOSS, "every": "week"}, f"{ONE} (got ['signal', 'every'])"),
        ({"any": [LOSS], "all": [LOSS]}, f"{ONE} (got ['any', 'all'])"),
        ({"any": []}, f"{ONE} (got [])"),
        ({"never": True, "every": 3}, f"{ONE} (got ['every', 'never'])"),
        ({"signal": "loss"}, "exactly one of `above` and `below` must be given"),
        ({"signal": "loss", "above": 1, "below": 2}, "exactly one of `above` and `below` must be given"),
        ({**LOSS, "nights": 3, "of": 2}, "of: must not be fewer than `nights` (got 2 and 3)"),
        ({"every": "week", "above": 1, "nights": 2}, "`above`, `nights` belong to a `signal`"),
        ({"any": [LOSS], "over": 3}, "`over` belong to a `signal`"),
        ({"every": 0}, "greater than or equal to 1"),
        ({"every": "year"}, "'week' or 'month'"),
        ({"every": True}, "Input should be a valid integer"),
        ({"every": 1_000_000}, "less than or equal to 366"),
        ({**LOSS, "over": 367}, "less than or equal to 366"),
        ({"signal": "loss", "above": float("nan")}, "Input should be a finite number"),
        ({**LOSS, "nights": 0}, "greater than or equal to 1"),
        ({"never": False}, "True"),
        ({"signal": "red", "above": 1}, "'score_drift'"),
        ({**LOSS, "if": 1}, "Extra inputs are not permitted"),
        ({"any": [{"every": "week", "above": 1}]}, "`above` belong to a `signal`"),
    ],
)
def test_a_trigger_that_is_not_one_thing_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        Trigger.model_validate(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (LOSS, "loss_ratio > 1 in 1 of 1 nights"),
        ({"signal": "auc", "below": 0.7, "nights": 3, "of": 5}, "auc < 0.7 in 3 of 5 nights"),
        ({"every": "month"}, "every month"),
        ({"every": 30}, "every 30 nights"),
        ({"any": [LOSS, {"every": "week"}]}, "(loss_ratio > 1 in 1 of 1 nights or every week)"),
        ({"all": [{"every": 9}, {"any": [LOSS, {"never": True}]}]}, "(every 9 nights and (loss_ratio > 1 in 1 of 1 nights or never))"),
        ({"never": True}, "never"),
    ],
)
def test_a_trigger_is_told_in_words(given: dict[str, Any], told: str) -> None:
    assert Trigger.model_validate(given).told == told


@pytest.mark.parametrize(("condition", "beyond"), [({"above": 1}, [False, False, True]), ({"below": 1}, [True, False, False]), ({"above": 0}, [True] * 3)])
def test_a_bound_itself_is_not_beyond(condition: dict[str, float], beyond: list[bool]) -> None:
    assert [Condition(**condition).beyond(value) for value in (0.9, 1.0, 1.1)] == beyond  # type: ignore[arg-type]


@pytest.mark.parametrize(("given", "window"), [({}, 1), ({"nights": 3}, 3), ({"nights": 2, "of": 5}, 5)])
def test_as_many_nights_are_looked_at_as_are_needed_unless_it_says_more(given: dict[str, int], window: int) -> None:
    assert Condition(above=1, **given).window == window  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["cooldown", "per_month", "after_refusal", "attempts"])
def test_brakes_are_one_or_more(name: str) -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Retrain.model_validate({name: 0})


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"watch": 0.3}, "watch: must not be above `drifted` (got 0.3 and 0.25)"),
        ({"watch": 0}, "greater than 0"),
        ({"usual": 1}, "less than 1"),
        ({"nights": 0}, "greater than or equal to 1"),
        ({"before": 6}, "greater than or equal to 7"),
        ({"method": "kolmogorov_smirnov"}, "'psi', 'jensen_shannon' or 'wasserstein'"),
        ({"compare": "yesterday"}, "'training', 'trailing' or 'season'"),
        ({"methods": {"Not A Name": "psi"}}, "String should match pattern"),
        ({"stop_publishing_above": 0}, "greater than 0"),
    ],
)
def test_drift_that_makes_no_sense_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        Drift.model_validate(given)


def test_equal_marks_are_allowed() -> None:
    assert Drift(watch=0.25, drifted=0.25).watch == 0.25


def test_single_features_may_go_by_another_method() -> None:
    found = Drift(method="jensen_shannon", methods={"score": "wasserstein"})
    assert [found.method_of(name) for name in ("score", "carrier")] == ["wasserstein", "jensen_shannon"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"signal": "red"}, "exactly one of `above` and `below` must be given"),
        ({"signal": "red", "above": 0, "nights": 2, "of": 1}, "of: must not be fewer than `nights` (got 1 and 2)"),
        ({"above": 0}, "Field required"),
        ({"signal": "red", "above": 0, "severity": "loud"}, "'info', 'warning' or 'critical'"),
        ({"signal": "red", "above": 0, "repeat": 0}, "greater than or equal to 1"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        AlertRule.model_validate(given)


@pytest.mark.parametrize("address", ["https://hooks.example.org/secret", "alerts_url", "1URL", ""])
def test_the_webhook_is_the_name_of_a_variable_and_never_an_address(address: str) -> None:
    with pytest.raises(ValidationError, match="String should match pattern"):
        Alerts(webhook=address)


def test_a_model_has_its_own_drift_and_retraining() -> None:
    model = Model.model_validate(
        {"label": "a.b", "segments": {"train": 7, "tune": 3, "holdout": 1}, "drift": {"nights": 3}, "retrain": {"when": LOSS, "cooldown": 3}}
    )
    assert (model.drift.nights, model.retrain.cooldown, model.retrain.when) == (3, 3, Trigger.model_validate(LOSS))


def test_all_problems_of_a_file_are_told_with_their_place(tmp_path: Path) -> None:
    wrong = {"drift": {"watch": 9}, "retrain": {"when": {"every": "week", "above": 1}, "cooldown": 0}}
    path = write_pipeline(tmp_path, tmp_path / "landing", nights=1, changes={"models": {"returned": wrong}}).path
    with pytest.raises(UsageError) as caught:
        read_pipeline(path)
    told = str(caught.value)
    assert "3 problem(s)" in told
    for place in ("models.returned.drift", "models.returned.retrain.when", "models.returned.retrain.cooldown"):
        assert place in told
