"""Which tasks a command means."""

from datetime import date
from pathlib import Path

import pytest

from jobs.cli import app, guarded
from jobs.config.loading import load_pipeline, read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.nightly import NIGHTLY, chosen, night_lines
from jobs.results import NightResult, StepResult
from jobs.settings import Settings
from tests.tiny import write_pipeline

ALLOWED = "raw, validated, features, predictions, reasons, drift_report, published, shadow, performance, retraining, alerts, report"


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return read_pipeline(write_pipeline(tmp_path, tmp_path / "landing", nights=1).path)


def test_left_out_a_night_has_all_its_steps_but_those_that_its_models_do_not_declare(pipeline: Pipeline) -> None:
    found = list(dict.fromkeys(task.step.name for task in chosen(pipeline, steps=None, model=None)))
    assert found == [name for name in NIGHTLY if name not in {"reasons", "shadow"}]
    assert [*NIGHTLY] == ALLOWED.split(", ")


def test_a_step_that_no_model_declares_is_refused_alone_and_passed_over_among_others(pipeline: Pipeline) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(pipeline, steps="reasons", model="returned")
    assert str(caught.value) == "--steps reasons: the model `returned` of `tiny` has not the section `reasons`; add it to the file."
    assert [task.key for task in chosen(pipeline, steps="predictions,reasons", model=None)] == [("returned", "predictions")]


def test_a_step_that_a_model_declares_comes_after_its_predictions(tmp_path: Path) -> None:
    changes = {"models": {"returned": {"reasons": {"top": 3, "rows": "predicted"}}}}
    declared = read_pipeline(write_pipeline(tmp_path, tmp_path / "landing", nights=1, changes=changes).path)
    assert [task.key for task in chosen(declared, steps="reasons,predictions", model=None)] == [("returned", "predictions"), ("returned", "reasons")]


def test_steps_are_taken_in_the_order_of_the_night(pipeline: Pipeline) -> None:
    assert [task.key for task in chosen(pipeline, steps="published, features", model=None)] == [("features",), ("returned", "published")]


def test_a_model_narrows_what_is_done_for_models(home: Settings) -> None:
    found = chosen(load_pipeline("flights", home), steps="features,predictions", model="delayed")
    assert [task.key for task in found] == [("features",), ("delayed", "predictions")]


@pytest.mark.parametrize("steps", ["model", "features,model"])
def test_a_step_that_no_night_makes_is_refused(pipeline: Pipeline, steps: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(pipeline, steps=steps, model=None)
    assert str(caught.value) == f"--steps model: allowed are {ALLOWED}. `model` is made on demand, not by the night: `matins train`."


def test_an_unknown_step_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(pipeline, steps="raw,cooked", model=None)
    assert str(caught.value) == f"--steps cooked: allowed are {ALLOWED}."


def test_an_unknown_model_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(UsageError, match=r"`tiny` has no model `late`; it has \['returned'\]\."):
        chosen(pipeline, steps=None, model="late")


def test_the_command_refuses_a_night_that_would_do_nothing(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: app(["run", "flights", "--night", "2013-05-31", "--steps", "model"])) == 2
    assert f"--steps model: allowed are {ALLOWED}." in capsys.readouterr().err
    assert not (home.root / "ledger.db").exists()


def test_of_several_models_each_is_named(home: Settings) -> None:
    pipeline = load_pipeline("flights", home)
    night = date(2013, 5, 18)
    scored = (NightResult(night=night, outcome="written", rows=7, detail={"champion": 2}),)
    results = [StepResult(step="predictions", item=item, table=f"{item}/predictions", nights=scored) for item in pipeline.models]
    assert night_lines(pipeline, results) == ["flights 2013-05-18 OK delayed 7 scored, champion v2, arrival_delay 7 scored, champion v2"]
