from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from model_rows import Fake, Made

from jobs.model.evaluation.leak_watch import suspicions
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.training.learned import Feature, Learned


def test_a_sound_model_is_not_suspected(case: Case) -> None:
    assert case.suspicions == []
    assert "leak" not in judge(case).sentence


@pytest.mark.parametrize("kind", ["number", "text", "missing"])
def test_a_feature_that_knows_the_label_is_named(case: Case, kind: str) -> None:
    late = case.holdout["label"] == 1
    values = {"number": np.where(late, 7.0, 3.0), "text": np.where(late, "left late", "on time"), "missing": np.where(late, 1.0, np.nan)}[kind]
    feature = Feature("dep_delay", "text", ("left late", "on time")) if kind == "text" else Feature("dep_delay", "number")
    learned = Learned((*case.learned.features, feature))
    (told,) = suspicions(case.holdout.assign(dep_delay=values), learned, case.evaluation, loss="log_loss")
    assert told == "`dep_delay` alone nearly decides the label (1.000)"


def test_a_leak_is_told_and_refused_where_the_file_says_so(made: Made, case: Case, spoil: Callable[..., Case]) -> None:
    knowing = Fake(lambda frame: np.where(frame["label"] == 1, 0.98, 0.02), spans=made.spans)
    reported = judge(spoil(challenger=knowing))
    assert reported.passed
    assert "Looks like a leak: the model takes " in reported.sentence
    refused = judge(spoil(challenger=knowing, gate=case.gate.model_copy(update={"leaks": "refuse"})))
    assert [rule.name for rule in refused.refused_by] == ["leaks"]


def test_a_quantity_that_a_feature_gives_away_is_named(case: Case) -> None:
    frame = case.holdout.assign(label=lambda f: f["hour"] * 3.0)
    regression = replace(
        case, kind="regression", loss="mae", holdout=frame, decision=None, challenger=Fake(lambda f: f["hour"] * 2.9), baselines=case.baselines
    )
    assert any("`hour` alone nearly decides" in told for told in regression.suspicions)
