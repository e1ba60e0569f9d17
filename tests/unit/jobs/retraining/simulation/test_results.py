"""What a simulation leaves: the same bytes for the same question, and a page that needs nothing else."""

import json
import re
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from made_up import BEGIN, LAST, LAX, history_of, orders, versions_of, workshop_in

from jobs.config.watching import Retrain
from jobs.errors import DataError
from jobs.nights import span
from jobs.retraining.simulation import told
from jobs.retraining.simulation.command import replayed
from jobs.retraining.simulation.history import History
from jobs.retraining.simulation.page import page, plot
from jobs.retraining.simulation.results import results
from jobs.retraining.simulation.workshop import Workshop
from jobs.watch.soundness import Soundness

Make = Callable[..., Workshop]
NIGHTS = span(BEGIN - timedelta(days=10), LAST)
POLICIES = {
    "never": Retrain.model_validate({"when": {"never": True}}),
    "often": Retrain.model_validate({"when": {"every": 9}, "cooldown": 9, "after_refusal": 1, "per_month": 9}),
}


@pytest.fixture(scope="module")
def found(history: History, tmp_path_factory: pytest.TempPathFactory) -> told.Results:
    folder = tmp_path_factory.mktemp("shop")
    return results(replayed([workshop_in(folder, history, seed=seed) for seed in (7, 8)], NIGHTS, POLICIES, Soundness()))


def test_the_same_question_has_the_same_answer_byte_for_byte(workshop: Make, found: told.Results) -> None:
    again = results(replayed([workshop(seed=7), workshop(seed=8)], NIGHTS, POLICIES, Soundness()))
    assert json.dumps(again, allow_nan=False) == json.dumps(found, allow_nan=False)


def test_everything_is_told(found: told.Results) -> None:
    assert (found["model"], found["from"], found["nights"], found["labelled_nights"], found["seeds"]) == ("tiny.returned", str(NIGHTS[0]), 46, 46, [7, 8])
    assert found["rows"] == 46 * 40
    often = found["policies"]["often"]
    assert [run["seed"] for run in often["runs"]] == [7, 8]
    assert [one["night"] for one in often["runs"][0]["attempts"]] == [str(NIGHTS[0] + timedelta(days=9 * n)) for n in range(6)]
    assert often["runs"][0]["attempts"][1]["reason"] == "9 nights since the last training (every 9)."
    assert {*often["months"]["2024-02"]} == {"roc_auc", "pr_auc", "log_loss", "brier"}
    assert len(often["months"]["all"]["log_loss"]["seeds"]) == 2
    assert found["best"] == "often"
    assert found["policies"]["never"]["difference"]["loss"]["value"] > 0


def test_shorter_segments_are_told(found: told.Results) -> None:
    (said,) = [note for note in found["notes"] if "too young" in note]
    assert said.startswith("The pipeline was too young for the file's 25 nights of segments: the training of 2024-01-25 had all segments shorter")
    first = found["policies"]["never"]["runs"][0]["attempts"][0]["segments"]
    assert first["train"][0] == "2024-01-01"
    assert first["holdout"][1] == "2024-01-23"


def test_tables_have_a_row_for_each_policy_and_month(found: told.Results) -> None:
    columns, rows = told.policies(found, {"never": 1.2, "often": 30.0})
    assert columns[:5] == ["policy", "trained", "promoted", "refused", "held back"]
    assert [row[:2] for row in rows] == [["never", "0"], ["often", "5"]]
    assert "best" in rows[1]
    assert re.fullmatch(r"0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]", rows[0][5])
    assert [row[0] for row in told.months(found)[1]] == ["2024-01", "2024-02", "2024-03", "all"]
    assert len(told.metrics(found)[0]) == 5
    assert "`often`: every 9 nights; cooldown 9, after_refusal 1, per_month 9, min_new_labels 1." in [*told.lines(found)]


def test_the_page_has_everything_in_it_and_nothing_from_outside(found: told.Results) -> None:
    shown = page(found, {"never": 1.2, "often": 30.0}).decode()
    assert "9 nights since the last training" in shown
    assert all(sentence.replace("'", "&#39;") in shown for sentence in found["sentences"])
    assert not re.search(r"(src|href)=\"(?!data:)", shown)
    assert plot(found) == plot(found)


def test_nights_without_rows_are_passed_over_and_told(workshop: Make) -> None:
    frame, gap = orders(), BEGIN + timedelta(days=3)
    there = frame[frame["night"] != gap].reset_index(drop=True)
    found = results(replayed([workshop(history=history_of(there))], span(BEGIN, LAST), POLICIES, Soundness()))
    assert found["nights"] == len(span(BEGIN, LAST)) - 1
    assert f"Nothing happened in {gap}: there are no rows to score." in found["notes"]


def test_without_labels_nothing_is_measured(workshop: Make) -> None:
    frame = orders()
    early = versions_of(frame)
    history = history_of(frame, early[early["known_night"] <= BEGIN])
    with pytest.raises(DataError, match=f"No label of the nights {BEGIN} to {BEGIN} is known yet"):
        results(replayed([workshop(history=history)], [BEGIN], POLICIES, Soundness()))
    assert np.isnan(history.label(BEGIN, as_of=LAST)).all()


def test_a_regression_is_replayed_without_estimates(workshop: Make) -> None:
    frame = orders().assign(label=lambda rows: rows["amount"] + 3 * rows["hour"])
    gate = {**LAX, "champion": {"non_inferior": 100}}
    regression = workshop(history=history_of(frame), label="outcomes.refund", type="regression", error="absolute", gate=gate)
    replays = replayed([regression], span(BEGIN, LAST), POLICIES, Soundness())
    found = results(replays)
    assert found["loss"] == "mae"
    assert {*found["policies"]["often"]["months"]["all"]} == {"mae", "rmse", "r2"}
    assert {one["ended"] for one in found["policies"]["often"]["runs"][0]["attempts"]} == {"promoted"}
    assert replays.first[0].facts.estimated == {}
