"""What the rules find in a night: of the pipeline's data, also where it is broken, and of models."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from jobs.alerts import data
from jobs.alerts.data import read_data, value
from jobs.alerts.watched import watched_by
from jobs.config.loading import read_pipeline
from jobs.config.watching import Alerts, Condition, DataSignal
from jobs.errors import UsageError
from jobs.settings import Settings
from jobs.watch import signals
from jobs.watch.on_record import read_facts
from tests.tiny import write_pipeline
from tests.unit.jobs.alerts.scene import Scene, night, nights


def found(scene: Scene, signal: DataSignal, first: int, last: int) -> list[float | None]:
    records = read_data(scene.ledger, scene.pipeline)
    return [value(signal, records, one) for one in nights(first, last)]


def test_red_counts_the_tables_of_the_night(home: Settings) -> None:
    scene = Scene(home, {})
    scene.state("raw/orders", night(2), night(3))
    scene.state("features", night(3))
    scene.state("features", night(4), outcome="written")
    scene.state("returned/published", night(4), outcome="absent")
    assert found(scene, "red", 1, 4) == [0, 1, 2, 0]
    scene.state("raw/orders", night(2), outcome="written")
    assert found(scene, "red", 2, 2) == [0]


def test_red_does_not_count_alerts_nor_what_comes_after_them_nor_what_the_file_no_longer_has(home: Settings) -> None:
    scene = Scene(home, {})
    for table in ("alerts", "report", "raw/gone", "gone/published"):
        scene.state(table, night(2))
    assert found(scene, "red", 2, 2) == [0]


def test_quarantined_is_a_share_over_all_feeds(home: Settings) -> None:
    scene = Scene(home, {})
    scene.slices("validated/orders", {night(1): {"rows": 60, "bad": 3, "duplicates": 2}, night(2): {"rows": 60}})
    scene.slices("validated/weather", {night(1): {"rows": 40, "bad": 5}})
    assert found(scene, "quarantined", 1, 3) == [0.1, 0, None]


def test_volume_is_by_the_median_of_the_weeks_before(home: Settings) -> None:
    scene = Scene(home, {})
    for number, rows in enumerate([100, 200, 300, 50], 1):
        scene.slices("features", {night(number): {}}, rows=rows)
    assert found(scene, "volume", 1, 5) == [None, 2, 2, 0.25, None]


def test_missing_history_is_that_of_the_feed_that_lacks_most(home: Settings) -> None:
    scene = Scene(home, {})
    scene.slices("features", {night(1): {}}, detail={"coverage": {"outcomes": 0.75, "weather": 1.0}})
    assert found(scene, "missing_history", 1, 2) == [0.25, None]


def test_behind_counts_from_the_newest_night_that_every_model_has_published(home: Settings) -> None:
    scene = Scene(home, {})
    scene.state("returned/published", *nights(2, 6), outcome="written")
    scene.state("kept/published", *nights(3, 4), outcome="unchanged")
    scene.state("kept/published", night(5))
    assert found(scene, "behind", 1, 7) == [None, None, 0, 0, 1, 2, 3]


def test_a_night_in_the_middle_that_one_model_lacks_is_not_published(home: Settings) -> None:
    scene = Scene(home, {})
    scene.state("returned/published", *nights(1, 3), outcome="written")
    scene.state("kept/published", night(1), night(3), outcome="written")
    assert found(scene, "behind", 1, 3) == [0, 1, 0]


def test_a_condition_on_data_holds_in_broken_nights(home: Settings) -> None:
    scene = Scene(home, {})
    scene.state("raw/orders", night(2), night(4))
    records = read_data(scene.ledger, scene.pipeline)
    two_of_three = Condition(above=0, nights=2, of=3)
    assert [data.held(two_of_three, "red", records, one).holds for one in nights(1, 6)] == [False, False, False, True, False, False]
    seen = data.held(two_of_three, "red", records, night(4))
    assert (seen.beyond, seen.values) == (2, {"2024-05-04": 1, "2024-05-03": 0, "2024-05-02": 1})


def test_without_a_value_nothing_is_beyond_a_bound(home: Settings) -> None:
    scene = Scene(home, {})
    records = read_data(scene.ledger, scene.pipeline)
    for condition in (Condition(above=-1), Condition(below=1)):
        assert not data.held(condition, "volume", records, night(1)).holds


def test_a_rule_about_models_finds_something_of_each_or_of_those_it_names(home: Settings) -> None:
    rules = {"a": {"signal": "score_drift", "above": 1}, "b": {"signal": "score_drift", "above": 1, "models": ["kept"]}}
    scene = Scene(home, {**rules, "c": {"signal": "red", "above": 0, "severity": "critical"}})
    for model, drift in (("returned", 1.5), ("kept", 0.5)):
        scene.champion(night(1), model)
        scene.drift({night(1): drift}, model)
    assert watched_by(scene.pipeline, scene.ledger).findings(night(1)) == [
        ("a", "kept", "warning", False, 0.5, "score_drift is 0.5, not > 1"),
        ("a", "returned", "warning", True, 1.5, "score_drift is 1.5, > 1"),
        ("b", "kept", "warning", False, 0.5, "score_drift is 0.5, not > 1"),
        ("c", "tiny", "critical", False, 0, "red is 0, not > 0"),
    ]


@pytest.mark.parametrize("signal", ["auc", "estimated_auc", "estimated_loss_ratio", "estimated_loss_increase", "calibration_error", "concept"])
def test_what_a_regression_does_not_have_has_no_value(home: Settings, signal: Any) -> None:
    scene = Scene(home, {"rule": {"signal": signal, "above": -1, "over": 1}})
    scene.champion(night(1), "kept")
    tally = [10.0, 50.0, 50.0, 20.0, 100.0, 300.0, 30.0]
    realised = {"realised": {str(night(1)): {"version": 1, "tally": tally}}, "holdouts": {"1": {"rmse": 1.0}}}
    scene.slices("kept/performance", {night(3): {}}, detail=realised)
    (one,) = watched_by(scene.pipeline, scene.ledger).findings(night(3))
    assert (one.subject, one.value) == ("returned", None), "the regression is not watched"
    facts = read_facts(scene.ledger, scene.pipeline, "kept")
    assert not signals.held(scene.pipeline.alerts.rules["rule"], signal, facts, night(3)).holds
    scene.with_rules({"rule": {"signal": "loss", "above": 0, "models": ["kept"], "over": 1}})
    (one,) = watched_by(scene.pipeline, scene.ledger).findings(night(3))
    assert one.holds


def test_a_model_s_signal_is_not_doubted_because_a_message_could_not_be_sent(home: Settings) -> None:
    scene = Scene(home, {"drift": {"signal": "score_drift", "above": 1, "models": ["returned"]}})
    scene.champion(night(1))
    scene.drift({night(1): 2})
    scene.state("alerts", night(1))
    assert [one.value for one in watched_by(scene.pipeline, scene.ledger).findings(night(1))] == [2]
    scene.state("features", night(1))
    assert [one.value for one in watched_by(scene.pipeline, scene.ledger).findings(night(1))] == [None]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"signal": "auc", "below": 0.6, "models": ["late"]}, "alerts.rules.rule.models: names the model `late`; declared are ['returned']"),
        ({"signal": "auc", "below": 0.6, "models": []}, "alerts.rules.rule.models: names no model; leave it out for all, or name some of ['returned']"),
        ({"signal": "red", "above": 0, "models": ["returned"]}, "alerts.rules.rule.models: `red` is of the whole pipeline; leave `models` out"),
        ({"signal": "red", "above": 0, "nights": 3, "of": 2}, "alerts.rules.rule.of: must not be fewer than `nights` (got 2 and 3)"),
        ({"signal": "red"}, "alerts.rules.rule: exactly one of `above` and `below` must be given"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_a_problem_of_the_file(tmp_path: Path, rule: dict[str, object], said: str) -> None:
    path = write_pipeline(tmp_path, tmp_path / "landing", nights=1, changes={"alerts": {"rules": {"rule": rule}}}).path
    with pytest.raises(UsageError) as caught:
        read_pipeline(path)
    assert [line.strip() for line in str(caught.value).splitlines()[1:]] == [said]


def test_the_examples_of_the_page_are_sound() -> None:
    page = (Path(__file__).parents[4] / "docs" / "alerts.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    found = [Alerts.model_validate(YAML(typ="safe", pure=True).load(block)["alerts"]) for block in blocks]
    assert [sorted(one.rules) for one in found] == [["broken", "few_rows", "late_rise", "unpublished"], ["hello"]]
