"""The nights' decisions on record: repeatable, in any portions, and what has been decided to be done stands."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from jobs.plan import Task, tasks
from jobs.reading import work_to_read
from jobs.results import StepResult
from jobs.retraining import step
from jobs.retraining.act import give_up, open_retraining
from jobs.runner import opened
from jobs.settings import Settings
from tests.unit.jobs.watch.records import MODEL, Records, night, nights, tally_of

RETRAIN = {"when": {"signal": "score_drift", "above": 1}, "cooldown": 5, "after_refusal": 5}
HIGH = {3: 0.5, 4: 2.0, 5: 2.5, 6: 0.2, 7: 3.0, 8: 3.0, 9: 3.0, 10: 3.0}


class Scene(Records):
    """A champion since the first night, whose score drifts from the fourth on; the labels of a night come two nights later."""

    def __init__(self, home: Settings, retrain: Mapping[str, Any] | None = None) -> None:
        super().__init__(home, {"models": {MODEL: {"retrain": retrain or RETRAIN}}})

    def filled(self) -> "Scene":
        self.decided("promoted", 1, by="ada")
        self.drift(HIGH)
        for number in range(3, 11):
            self.performance(number, {number - 2: tally_of()})
        return self

    @property
    def task(self) -> Task:
        return next(task for task in tasks(self.pipeline) if task.step.name == "retraining")

    def run(self, *of: date) -> StepResult:
        """The step as the runner runs it; Spark is not started."""
        with opened(self.home, self.pipeline, command="test") as run:
            return run.do(self.task, of)

    def due(self, *of: date) -> dict[date, str]:
        return step.due(work_to_read(self.home, self.pipeline, self.ledger, self.task), of)

    @property
    def acts(self) -> dict[int, str]:
        return {(one["night"] - night(0)).days: one["act"] for one in self.ledger.retrainings(self.name, MODEL)}

    @property
    def record(self) -> list[dict[str, Any]]:
        """Everything but who recorded it when."""
        found = self.ledger.retrainings(self.name, MODEL)
        return [{key: value for key, value in one.items() if key not in {"run_id", "at"}} for one in found]


@pytest.fixture
def scene(home: Settings) -> Scene:
    return Scene(home).filled()


def test_each_night_is_decided_with_its_reason(scene: Scene) -> None:
    found = scene.run(*nights(3, 5))
    assert [(one.night, one.outcome, one.detail["act"]) for one in found.nights] == [
        (night(3), "written", "none"),
        (night(4), "written", "retrain"),
        (night(5), "written", "held_back"),
    ]
    due, held = (f"`score_drift` is {value}; > 1 in 1 of the last 1 nights (needed 1)." for value in ("2", "2.5"))
    brake = "Held back: the retraining that 2024-05-04 decided is still open."
    assert [one.notes for one in found.nights] == [(), (f"retraining due: {due}",), (f"retraining held back: {held} {brake}",)]


def test_what_a_decision_rests_on_is_on_record(scene: Scene) -> None:
    scene.run(night(4))
    (one,) = scene.record
    assert one["inputs"]["champion"] == 1
    assert next(iter(one["inputs"]["signals"].values()))["values"] == {"2024-05-04": 2.0}
    assert one["fingerprint"]


def test_a_second_run_changes_nothing(scene: Scene) -> None:
    scene.run(*nights(3, 6))
    before = scene.ledger.retrainings(scene.name, MODEL)
    found = scene.run(*nights(3, 6))
    assert {one.outcome for one in found.nights} == {"unchanged"}
    assert [one.detail["act"] for one in found.nights] == ["none", "retrain", "held_back", "none"]
    assert scene.ledger.retrainings(scene.name, MODEL) == before


def test_nights_in_one_go_are_decided_as_one_by_one(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> None:
    scene.run(*nights(3, 10))
    other = Scene(Settings(home=tmp_path_factory.mktemp("other"))).filled()
    for one in nights(3, 10):
        other.run(one)
    assert other.record == scene.record
    assert [*scene.acts.values()] == ["none", "retrain", "held_back", "none", *["held_back"] * 4]


def test_a_plan_names_the_nights_that_a_run_would_decide(scene: Scene) -> None:
    assert scene.due(night(3), night(4)) == {night(3): "never decided", night(4): "never decided"}
    scene.run(night(3))
    assert scene.due(night(3), night(4)) == {night(4): "never decided"}
    scene.drift({**HIGH, 3: 0.7})
    assert scene.due(night(3), night(4)) == {night(3): "what it rests on changed", night(4): "never decided"}


def test_looking_records_nothing(scene: Scene) -> None:
    scene.due(*nights(3, 6))
    assert scene.record == []


def test_a_night_that_has_decided_not_to_decides_anew_when_its_facts_change(scene: Scene) -> None:
    scene.run(night(3))
    scene.drift({**HIGH, 3: 1.5})
    assert [one.outcome for one in scene.run(night(3)).nights] == ["written"]
    assert scene.acts == {3: "retrain"}


@pytest.mark.parametrize("ended", ["promoted", "waiting", "refused", "given_up"])
def test_a_decision_to_retrain_stands_although_its_training_is_on_record(scene: Scene, ended: str) -> None:
    scene.run(*nights(3, 4))
    before = scene.record
    scene.decided(ended, 4, version=2)
    assert scene.due(*nights(3, 4)) == {}
    assert {one.outcome for one in scene.run(*nights(3, 4)).nights} == {"unchanged"}
    assert scene.record == before


def test_a_decision_to_retrain_stands_although_its_reason_is_gone(scene: Scene) -> None:
    scene.run(night(4))
    scene.drift({4: 0.0})
    assert scene.due(night(4)) == {}
    scene.run(night(4))
    assert scene.acts == {4: "retrain"}


def test_the_same_night_never_decides_twice(scene: Scene) -> None:
    """As when two runs of a night, or a run and its retry, come to the same end."""
    for _ in range(3):
        scene.run(night(4))
    assert [one["act"] for one in scene.ledger.retrainings(scene.name, MODEL)] == ["retrain"]


def test_runs_at_the_same_time_decide_once(scene: Scene) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [one.outcome for result in pool.map(lambda _: scene.run(night(4)), range(4)) for one in result.nights]
    assert sorted(found) == ["unchanged"] * 3 + ["written"]
    assert scene.acts == {4: "retrain"}


def test_another_brake_alone_decides_anew_what_was_not_begun(home: Settings, scene: Scene) -> None:
    scene.run(*nights(3, 4))
    assert Scene(home, {**RETRAIN, "cooldown": 6}).due(*nights(3, 4)) == {night(3): "what it rests on changed"}


def test_another_policy_decides_anew_what_was_not_begun(home: Settings, scene: Scene) -> None:
    scene.run(*nights(3, 6))
    other = Scene(home, {**RETRAIN, "when": {"signal": "score_drift", "above": 0.1}, "cooldown": 1, "per_month": 9})
    assert set(other.due(*nights(3, 6))) == {night(3), night(5), night(6)}


def test_after_the_training_the_cool_down_holds(scene: Scene) -> None:
    scene.run(*nights(3, 4))
    scene.decided("promoted", 4, version=2)
    scene.drift({**HIGH, 4: 2.0}, version=2)
    for number in range(5, 11):
        scene.performance(number, {number - 2: tally_of()}, version=2)
    scene.run(*nights(5, 10))
    # Drift on 5 and from 7 on; five nights after the training it may be again.
    assert scene.acts == {3: "none", 4: "retrain", 5: "held_back", 6: "none", 7: "held_back", 8: "held_back", 9: "retrain", 10: "held_back"}


def test_the_open_retraining_is_the_one_to_be_done(scene: Scene) -> None:
    assert open_retraining(scene.ledger, scene.pipeline, MODEL) is None
    scene.run(*nights(3, 6))
    assert open_retraining(scene.ledger, scene.pipeline, MODEL) == night(4)
    scene.decided("refused", 4, version=2)
    assert open_retraining(scene.ledger, scene.pipeline, MODEL) is None


def test_a_retraining_that_is_given_up_keeps_no_other_from_being_started(scene: Scene) -> None:
    scene.run(*nights(3, 4))
    give_up(scene.ledger, scene.pipeline, MODEL, night(4), "it failed three times")
    assert open_retraining(scene.ledger, scene.pipeline, MODEL) is None
    scene.run(*nights(5, 9))
    assert scene.acts[9] == "retrain"
    (one,) = [row for row in scene.ledger.decisions(scene.name, MODEL) if row["act"] == "given_up"]
    assert (one["night"], one["by"], one["reason"]) == (night(4), "controller", "it failed three times")


def test_an_empty_ledger_decides_nothing(home: Settings) -> None:
    found = Scene(home).run(night(3))
    assert [(one.outcome, one.detail["act"]) for one in found.nights] == [("written", "none")]
    assert found.nights[0].detail["reason"] == "There is no champion yet: people train the first version."


def test_a_night_that_was_overtaken_by_a_training_decides_nothing_and_what_it_had_decided_stands(scene: Scene) -> None:
    scene.run(night(4))
    before = scene.record
    about = {"version": 2, "former": 1, "night": night(20), "by": "gate", "reason": "", "evidence": {}, "run_id": "r"}
    scene.ledger.decide(scene.name, MODEL, "promoted", **about)
    scene.run(night(4))
    scene.run(night(5))
    assert scene.record[:1] == before
    assert (scene.record[1]["act"], scene.record[1]["reason"]) == ("none", f"Too late to decide: a training with the knowledge of {night(20)} has ended.")


def test_a_night_that_was_decided_stays_so_when_somebody_trains_with_its_knowledge(scene: Scene) -> None:
    scene.run(*nights(3, 6))
    scene.decided("given_up", 4, by="controller")
    before = scene.record
    scene.decided("promoted", 6, version=2)
    assert scene.due(night(6)) == {}
    assert scene.run(night(6)).outcome == "unchanged"
    assert scene.record == before
