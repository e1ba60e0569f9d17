"""On rows with a bias that is known, it is found, taken away at the price that is told, and refused where a limit says so."""

import itertools
import json

import biased
import numpy as np
import pandas as pd
import pytest
from conftest import Judged

from jobs.model.artifact import Artifact
from jobs.model.decision import Decision
from jobs.model.gate.page import page


def true_cost(judged: Judged, artifact: Artifact) -> float:
    """What the version's decisions cost by the numbers that the rows were made from."""
    cells = [(group, step) for group, step in itertools.product("ab", range(21))]
    rows = pd.DataFrame(cells, columns=["group", "evidence"]).assign(night=biased.FIRST)
    decision = Decision.of(judged.material.pipeline, judged.material.model, artifact.learned)
    assert decision
    return biased.true_cost(dict(zip(cells, decision.predicted(rows, artifact.score(rows.astype({"evidence": float}))), strict=True)))


def test_the_known_gap_lies_within_the_interval(plain: Judged) -> None:
    apart = plain.case.groups["group"].gap("equal_opportunity")
    assert (apart.lowest, apart.highest) == ("b", "a")
    assert apart.estimate.low < biased.GAP < apart.estimate.high
    assert apart.estimate.low > 0.2
    assert apart.by_chance < 0.03


def test_a_limit_refuses_the_version_and_passes_the_one_with_thresholds_by_group(plain: Judged, mitigated: Judged) -> None:
    (refused,) = plain.verdict.refused_by
    assert refused.name == "fairness_equal_opportunity_group"
    assert (refused.observed > refused.limit, refused.interval[0] > refused.limit) == (True, True)
    assert "`b` lowest and `a` highest (at most 0.1; chance alone gives 0.0" in refused.sentence
    assert mitigated.verdict.passed, mitigated.verdict.sentence
    assert mitigated.case.groups["group"].gap("equal_opportunity").estimate.low == 0


def test_the_two_are_versions_of_their_own_and_the_same_training_gives_the_same_one_again(plain: Judged, mitigated: Judged) -> None:
    assert plain.trained.artifact.ubj == mitigated.trained.artifact.ubj
    assert plain.trained.artifact.digest != mitigated.trained.artifact.digest
    assert mitigated.material.train().artifact.digest == mitigated.trained.artifact.digest


def test_the_price_of_thresholds_is_the_true_one_within_its_interval_and_stands_beside_the_gain(plain: Judged, mitigated: Judged) -> None:
    true_price = true_cost(plain, mitigated.trained.artifact) - true_cost(plain, plain.trained.artifact)
    assert true_price > 0.05
    for found in (plain.variant("thresholds by `group`"), mitigated.variant("this version: thresholds by `group`")):
        price, gain = found["prices"]["cost"], found["gains"]["equal_opportunity"]
        assert price["low"] < true_price < price["high"]
        assert gain["low"] < -biased.GAP + 0.05
        assert gain["high"] < -0.15
        assert found["prices"]["log_loss"]["value"] == 0


def test_leaving_the_attribute_out_widens_the_gap_and_both_are_shown(plain: Judged) -> None:
    without, learned = plain.variant("this version"), plain.variant("`group` learned from")
    gaps = [one["measures"]["equal_opportunity"]["estimate"]["value"] for one in (without, learned)]
    assert gaps[0] - gaps[1] > 0.08
    assert learned["prices"]["log_loss"]["high"] < 0
    assert "group" not in plain.trained.artifact.learned.names


def test_a_version_that_learns_from_the_attribute_is_shown_beside_one_that_does_not(plain: Judged) -> None:
    judged = Judged(learn_from=["group"])
    assert judged.trained.artifact.learned.names == ["evidence", "group"]
    other, same = judged.variant("`group` not learned from"), plain.variant("this version")
    assert other["measures"] == same["measures"]
    assert other["prices"]["log_loss"]["low"] > 0


def test_every_rate_of_the_file_is_that_of_the_rows(plain: Judged) -> None:
    holdout, told = plain.case.holdout, {one["name"]: one for one in plain.told["groups"]}
    predicted = plain.case.decision.predicted(holdout, plain.case.scores)
    for name, group in told.items():
        inside = (holdout["group"] == name).to_numpy()
        label, taken = holdout["label"].to_numpy()[inside], predicted[inside]
        values = {rate: found["value"] for rate, found in group["rates"].items()}
        expected = [label.mean(), taken.mean(), taken[label == 1].mean(), taken[label == 0].mean(), label[taken].mean()]
        assert [*values.values()] == pytest.approx(expected)
        assert group["rows"] == inside.sum()


def test_the_page_tells_each_group_measure_variant_and_threshold(plain: Judged, mitigated: Judged) -> None:
    told = page(mitigated.verdict, spans=mitigated.material.spans, files=mitigated.files).decode()
    for text in (
        "Groups of group",
        "share of the really so that was found",
        "equal opportunity",
        "without mitigation",
        "reweighed by <code>group</code>",
        "Thresholds by group",
        "10.0 points",
    ):
        assert text in told, text
    assert told.count("data:image/png;base64,") == 1
    assert "http" not in told.replace("<!doctype html>", "")
    assert "How groups fare" not in page(plain.verdict, spans=plain.material.spans, files={}).decode()


def test_what_is_kept_of_a_version_is_finite_json_and_the_same_again(plain: Judged) -> None:
    assert set(plain.files) == {"fairness.json", "fairness_group.png"}
    again = Judged(limits={"equal_opportunity": 0.1})
    assert json.loads(again.files["fairness.json"]) == json.loads(plain.files["fairness.json"])


def test_shares_in_training_are_held_against_those_of_the_rows_that_are_scored(plain: Judged) -> None:
    shares = {one["name"]: one for one in plain.told["shares"]}
    assert shares["b"]["trained"] == pytest.approx(biased.B, abs=0.01)
    assert np.isclose(sum(one["scored"] for one in shares.values()), 1)
    assert shares["b"]["difference"]["low"] < 0 < shares["b"]["difference"]["high"]
    assert not shares["b"]["is_off"]
