from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from model_rows import FIRST, Fake, Made
from sklearn import metrics

from jobs.config.models import AgainstChampion, Gate, Parts
from jobs.errors import DataError
from jobs.model.artifact import Artifact
from jobs.model.evaluation.baselines import Constant
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.gate.verdict import Rule, Verdict
from jobs.model.segments import Span

Spoil = Callable[..., Case]


def refused(case: Case) -> dict[str, str]:
    """Names and sentences of the rules that refuse; the verdict is whole and survives JSON, whatever was wrong."""
    verdict = judge(case)
    assert verdict.outcome == ("REFUSE" if verdict.refused_by else "PASS")
    assert Verdict.from_json(verdict.to_json()) == verdict
    return {rule.name: rule.sentence for rule in verdict.refused_by}


def shifted(made: Made, by: float) -> Fake:
    """A model whose log odds are off by `by`."""

    def score(frame: pd.DataFrame) -> np.ndarray:
        odds = made.trained.artifact.score(frame)
        return 1 / (1 + np.exp(-(np.log(odds / (1 - odds)) + by)))

    return Fake(score)


def close(made: Made) -> Fake:
    """A model a little worse, by noise that each night may turn either way."""

    def score(frame: pd.DataFrame) -> np.ndarray:
        swing = frame["night"].map(lambda night: 0.5 if night.day % 2 else -0.3).to_numpy(float)
        odds = made.trained.artifact.score(frame)
        return 1 / (1 + np.exp(-(np.log(odds / (1 - odds)) + swing)))

    return Fake(score)


def gate_of(case: Case, **rule: object) -> Gate:
    return case.gate.model_copy(update={"champion": AgainstChampion(**rule)})


def test_a_regression_is_judged_by_what_it_minimises(made: Made, spoil: Spoil) -> None:
    holdout = made.rows["holdout"].assign(label=lambda f: 20.0 * f["label"] + f["hour"])
    sound, off = Fake(lambda f: f["hour"].to_numpy(float)), Fake(lambda f: f["hour"].to_numpy(float) + 0.5, digest="e" * 64)
    constant = Constant(float(holdout["label"].median()))
    given = {"kind": "regression", "loss": "mae", "decision": None, "holdout": holdout, "baselines": {"constant": constant}, "challenger": sound}
    against = AgainstChampion(non_inferior=0.1)
    case = spoil(**given, gate=Gate(floors={"mae": 6.0}, champion=against))
    verdict = judge(case)
    assert verdict.passed, verdict.sentence
    assert {rule.name for rule in verdict.rules} >= {"floor_mae", "beats_constant"}
    assert refused(replace(case, read_champion=lambda: off)) == {}
    assert set(refused(replace(case, challenger=off, read_champion=lambda: sound))) == {"comparison"}
    assert set(refused(replace(case, gate=Gate(floors={"mae": 1.0}, champion=against)))) == {"floor_mae"}


def test_only_the_baselines_asked_for_can_refuse_and_a_better_one_is_named(case: Case, spoil: Spoil) -> None:
    perfect = Fake(lambda frame: frame["label"].to_numpy(float).clip(0.01, 0.99))
    better = {**case.baselines, "linear": perfect}
    verdict = judge(spoil(baselines=better))
    assert verdict.passed
    assert "The baseline linear does better here" in verdict.sentence
    assert set(refused(spoil(baselines=better, gate=case.gate.model_copy(update={"beats": ["linear"]})))) == {"beats_linear"}


def test_a_sound_first_version_passes(case: Case) -> None:
    verdict = judge(case)
    assert verdict.passed, verdict.sentence
    assert {rule.name for rule in verdict.rules} >= {"nights", "unseen", "floor_roc_auc", "beats_constant", "beats_historical_rate", "champion"}
    assert verdict.evaluation == case.evaluation.to_dict()
    assert "There is no champion yet." in verdict.sentence
    assert verdict.digests["challenger"] == case.challenger.digest


def test_a_sound_refresh_passes_beside_an_equal_champion(made: Made, spoil: Spoil) -> None:
    verdict = judge(spoil(read_champion=lambda: made.contender(made.rival)))
    assert verdict.passed, verdict.sentence
    assert verdict.champion is not None
    assert verdict.digests["champion"] == made.rival.artifact.digest


def test_a_comparison_says_what_it_could_have_seen(spoil: Callable[..., Case], made: Made) -> None:
    rule = next(rule for rule in judge(spoil(read_champion=lambda: made.contender(made.rival))).rules if rule.name == "comparison")
    assert rule.interval is not None
    assert rule.detectable == pytest.approx((rule.interval[1] - rule.interval[0]) * 2.8016 / 3.9199, rel=1e-3)
    assert f"a true difference of {rule.detectable:.4f} would have shown" in rule.sentence


def test_a_verdict_says_how_often_its_nights_were_looked_at(spoil: Callable[..., Case]) -> None:
    verdict = judge(spoil(judged_before=3))
    assert verdict.judged_before == 3
    assert "Versions judged before on some of these nights: 3." in verdict.sentence
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_a_worse_model_is_refused(made: Made, spoil: Spoil) -> None:
    told = refused(spoil(challenger=shifted(made, 0.4), read_champion=made.contender))
    assert "comparison" in told
    assert "log_loss less the champion's" in told["comparison"]


def test_a_worse_model_by_a_metric_where_more_is_better_is_refused(made: Made, spoil: Spoil, case: Case) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, len(case.holdout))
    noisy = Fake(lambda frame: (made.trained.artifact.score(frame) + noise).clip(0.01, 0.99))
    gate = gate_of(case, metric="roc_auc", non_inferior=0.005)
    assert "comparison" in refused(spoil(gate=gate, challenger=noisy, read_champion=made.contender))


def test_a_better_model_is_superior(made: Made, spoil: Spoil, case: Case) -> None:
    assert not refused(spoil(gate=gate_of(case, superior=0.001), read_champion=lambda: shifted(made, 1.0)))
    assert not refused(spoil(gate=gate_of(case, metric="roc_auc", superior=0), read_champion=lambda: Fake(lambda frame: np.full(len(frame), 0.25))))


def test_the_worse_end_decides_not_the_value(made: Made, spoil: Spoil, case: Case) -> None:
    rival = made.contender(made.rival)
    rule = next(rule for rule in judge(spoil(read_champion=lambda: rival)).rules if rule.name == "comparison")
    assert rule.interval is not None
    low, high = rule.interval
    assert low < rule.observed < high
    just_within, just_without = (max(high + margin, 0) for margin in (1e-6, -1e-6))
    assert high > 0
    assert not refused(spoil(gate=gate_of(case, non_inferior=just_within), read_champion=lambda: rival))
    assert list(refused(spoil(gate=gate_of(case, non_inferior=just_without), read_champion=lambda: rival))) == ["comparison"]


def test_a_tie_is_not_superior(made: Made, spoil: Spoil, case: Case) -> None:
    twin = Fake(made.trained.artifact.score)
    assert list(refused(spoil(gate=gate_of(case, superior=0), read_champion=lambda: twin))) == ["comparison"]
    assert not refused(spoil(gate=gate_of(case, non_inferior=0), read_champion=lambda: twin))


def test_superior_is_by_more_than_the_margin_at_the_worse_end(made: Made, spoil: Spoil, case: Case) -> None:
    rival = shifted(made, 1.0)
    rule = next(rule for rule in judge(spoil(read_champion=lambda: rival)).rules if rule.name == "comparison")
    assert rule.interval is not None
    gain = -rule.interval[1]
    assert gain > 0
    just = judge(spoil(gate=gate_of(case, superior=gain - 1e-6), read_champion=lambda: rival))
    assert just.passed
    assert next(rule.limit for rule in just.rules if rule.name == "comparison") == pytest.approx(-gain, abs=1e-5)
    assert list(refused(spoil(gate=gate_of(case, superior=gain + 1e-6), read_champion=lambda: rival))) == ["comparison"]


def test_without_a_margin_nothing_worse_is_let_through(made: Made, spoil: Spoil, case: Case) -> None:
    told = refused(spoil(gate=gate_of(case, non_inferior=0), challenger=replace(shifted(made, 0.3), spans=made.spans), read_champion=made.contender))
    assert "comparison" in told


def test_a_feature_that_tells_the_label_is_reported_and_by_setting_refused(case: Case, spoil: Spoil) -> None:
    leaking = case.holdout.assign(late_7=case.holdout["label"].astype(float))
    reported = next(rule for rule in judge(spoil(holdout=leaking)).rules if rule.name == "leaks")
    assert (reported.outcome, reported.observed) == ("PASS", 1)
    assert "`late_7` alone nearly decides the label" in reported.sentence
    strict = case.gate.model_copy(update={"leaks": "refuse"})
    assert "leaks" in refused(spoil(gate=strict, holdout=leaking))
    assert not refused(spoil(gate=strict))


def test_the_champion_itself_is_refused(made: Made, spoil: Spoil) -> None:
    told = refused(spoil(read_champion=made.contender))
    assert list(told) == ["another"]
    assert "is the champion itself" in told["another"]


def test_shuffled_labels_are_refused(made: Made, spoil: Spoil) -> None:
    rows = {name: frame.assign(label=frame["label"].sample(frac=1, random_state=3).to_numpy()) for name, frame in made.rows.items() if name != "holdout"}
    told = refused(spoil(challenger=made.contender(replace(made, rows=rows).again())))
    assert {"floor_roc_auc", "beats_historical_rate"} <= set(told)


@pytest.mark.parametrize(
    ("floors", "holds"),
    [({"roc_auc": 0.9}, False), ({"pr_auc": 0.9}, False), ({"log_loss": 0.2}, False), ({"brier": 0.01}, False), ({"roc_auc": 0.5, "brier": 0.25}, True)],
    ids=["roc_auc", "pr_auc", "log_loss", "brier", "met"],
)
def test_floors_are_least_or_most_by_metric(case: Case, spoil: Spoil, floors: dict[str, float], holds: bool) -> None:
    told = refused(spoil(gate=case.gate.model_copy(update={"floors": floors})))
    assert list(told) == ([] if holds else [f"floor_{name}" for name in floors])


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_a_floor_that_is_just_reached_holds(case: Case, spoil: Spoil, metric: str) -> None:
    assert not refused(spoil(gate=case.gate.model_copy(update={"floors": {metric: case.evaluation.metrics[metric].value}})))


def test_a_model_no_better_than_a_baseline_is_refused(made: Made, spoil: Spoil, case: Case) -> None:
    gate = case.gate.model_copy(update={"floors": {}})
    told = refused(spoil(gate=gate, challenger=Fake(made.baselines["constant"].score)))
    assert list(told) == ["beats_constant", "beats_historical_rate"]
    assert list(refused(spoil(gate=gate, challenger=Fake(made.baselines["historical_rate"].score)))) == ["beats_historical_rate"]


def test_the_constant_must_be_beaten_beyond_chance_a_table_of_rates_by_the_value(made: Made, spoil: Spoil, case: Case) -> None:
    few = case.holdout[case.holdout["night"] <= case.nights[7]]
    rules = {
        rule.name: rule for rule in judge(spoil(holdout=few, scored_rows=len(few), baselines=dict.fromkeys(("constant", "historical_rate"), close(made)))).rules
    }
    low, high = rules["beats_constant"].interval or (0, 0)
    assert low < rules["beats_constant"].observed < 0 < high
    assert (rules["beats_constant"].outcome, rules["beats_historical_rate"].outcome) == ("REFUSE", "PASS")


def test_a_case_without_the_constant_is_refused(spoil: Spoil) -> None:
    assert list(refused(spoil(baselines={}))) == ["leaks", "beats_constant"]


def test_an_empty_holdout_is_refused(case: Case, spoil: Spoil) -> None:
    told = refused(spoil(holdout=case.holdout[:0]))
    assert {"nights", "label_coverage", "measurable", "floor_roc_auc", "beats_constant"} <= set(told)
    assert judge(spoil(holdout=case.holdout[:0])).evaluation is None


def test_too_few_nights_are_refused(case: Case, spoil: Spoil) -> None:
    short = case.holdout[case.holdout["night"] <= case.nights[5]]
    assert "nights" in refused(spoil(holdout=short, scored_rows=len(short)))
    one = case.holdout[case.holdout["night"] == case.nights[0]]
    told = refused(spoil(gate=case.gate.model_copy(update={"min_nights": 1}), holdout=one, scored_rows=len(one)))
    assert "One night gives no interval" in told["beats_constant"]


def test_labels_or_history_that_are_missing_are_refused(case: Case, spoil: Spoil) -> None:
    assert list(refused(spoil(scored_rows=2 * len(case.holdout)))) == ["label_coverage"]
    assert list(refused(spoil(scored_rows=len(case.holdout) - 1))) == ["label_coverage"]
    assert list(refused(spoil(history_coverage=0.4))) == ["history_coverage"]
    assert list(refused(spoil(history_coverage=float("nan")))) == ["history_coverage"]
    assert list(refused(spoil(history_coverage=1.2))) == ["history_coverage"]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.5])
def test_a_score_that_is_no_probability_is_refused(made: Made, spoil: Spoil, value: float) -> None:
    told = refused(spoil(challenger=Fake(lambda frame: np.where(np.arange(len(frame)) == 3, value, 0.3))))
    assert {"measurable", "floor_roc_auc", "beats_constant"} <= set(told)
    assert "comparison" in refused(spoil(read_champion=lambda: Fake(lambda frame: np.full(len(frame), value))))


def test_a_nan_label_is_refused(case: Case, spoil: Spoil) -> None:
    spoilt = case.holdout.assign(label=case.holdout["label"].astype(float).where(case.holdout.index > 0))
    assert "measurable" in refused(spoil(holdout=spoilt))


def broken(*_: object, **__: object) -> float:
    msg = "no such thing"
    raise ZeroDivisionError(msg)


@pytest.mark.parametrize("metric", ["roc_auc_score", "average_precision_score", "log_loss", "brier_score_loss", "confusion_matrix"])
def test_an_exception_inside_a_metric_is_refused(case: Case, monkeypatch: pytest.MonkeyPatch, metric: str) -> None:
    monkeypatch.setattr(metrics, metric, broken)
    assert "ZeroDivisionError: no such thing" in refused(case)["measurable"]


def test_a_nan_metric_is_refused(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "brier_score_loss", lambda *_: float("nan"))
    assert "`brier` has no finite value" in refused(case)["measurable"]


def test_a_champion_that_cannot_be_read_is_refused(spoil: Spoil) -> None:
    def changed_on_disk() -> None:
        msg = "model.ubj was changed after it was registered."
        raise DataError(msg)

    told = refused(spoil(read_champion=changed_on_disk))
    assert told == {"champion": "`champion` cannot be judged: model.ubj was changed after it was registered."}
    assert list(refused(spoil(read_champion=broken))) == ["champion"]


def test_a_champion_that_cannot_score_is_refused(made: Made, spoil: Spoil) -> None:
    assert list(refused(spoil(read_champion=lambda: Fake(broken)))) == ["comparison"]
    truncated = Artifact(made.trained.artifact.ubj[:400], made.trained.artifact.learned)
    assert list(refused(spoil(read_champion=lambda: Fake(truncated.score)))) == ["comparison"]


def test_a_champion_of_features_that_are_gone_is_refused(made: Made, spoil: Spoil, case: Case) -> None:
    fewer = case.holdout.drop(columns="late_7")
    told = refused(spoil(holdout=fewer, challenger=Fake(lambda frame: np.full(len(frame), 0.2)), read_champion=lambda: made.contender(made.rival)))
    assert "['late_7'] are absent" in told["comparison"]


@pytest.mark.parametrize("segment", ["train", "tune", "calibrate"])
def test_nights_that_the_champion_learned_from_are_not_compared(made: Made, spoil: Spoil, case: Case, segment: str) -> None:
    touching = replace(made.contender(made.rival), spans={segment: Span(FIRST, case.nights[2])})
    verdict = judge(spoil(read_champion=lambda: touching))
    assert verdict.passed
    told = {rule.name: rule for rule in verdict.rules}
    days = f"{case.nights[0]} to {case.nights[2]}"
    assert (
        told["champion_unseen"].sentence == f"Of the holdout's nights, the champion was trained or tuned on 3: {days}; compared on the other 25 (at least 7)."
    )
    clean = case.holdout[case.holdout["night"] > case.nights[2]]
    expected = [metrics.log_loss(clean["label"], one.score(clean)) for one in (case.challenger, touching)]
    assert told["comparison"].observed == pytest.approx(expected[0] - expected[1])
    assert verdict.champion["log_loss"]["value"] == pytest.approx(expected[1])
    before = replace(touching, spans={segment: Span(FIRST, case.nights[0] - timedelta(days=1)), "holdout": Span(FIRST, case.nights[-1])})
    assert not refused(spoil(read_champion=lambda: before))


def test_too_few_nights_that_the_champion_has_not_seen_are_refused(made: Made, spoil: Spoil, case: Case) -> None:
    touching = replace(made.contender(made.rival), spans={"train": Span(FIRST, case.nights[-4])})
    told = refused(spoil(read_champion=lambda: touching))
    assert "compared on the other 3 (at least 7)" in told["champion_unseen"]


def test_a_challenger_that_learned_from_the_holdout_is_refused(made: Made, spoil: Spoil, case: Case) -> None:
    assert list(refused(spoil(challenger=replace(made.contender(), spans={"tune": Span(case.nights[-1], case.nights[-1])})))) == ["unseen"]


def test_a_version_without_a_record_of_its_nights_is_refused(made: Made, spoil: Spoil) -> None:
    assert list(refused(spoil(read_champion=lambda: replace(made.contender(made.rival), spans={})))) == ["champion_unseen", "comparison"]


def worse_in(made: Made, carrier: str) -> Fake:
    """The made model, which knows nothing of one carrier."""

    def score(frame: pd.DataFrame) -> np.ndarray:
        own = made.trained.artifact.score(frame)
        return np.where(frame["carrier"] == carrier, np.random.default_rng(0).permutation(own), own)

    return Fake(score, spans=made.spans)


def test_a_slice_where_the_challenger_is_worse_refuses_and_is_named(made: Made, spoil: Spoil, case: Case) -> None:
    gate = gate_of(case, non_inferior=1.0).model_copy(update={"slices": Parts(margin=0.005, min_rows=300), "floors": {}, "beats": ()})
    told = refused(spoil(gate=gate, slices=["carrier"], challenger=worse_in(made, "B6"), read_champion=made.contender))
    assert set(told) == {"slices"}
    assert "worse beyond chance: carrier=B6 by 0." in told["slices"]
    assert "carrier=AA" not in told["slices"]
    alike = judge(spoil(gate=gate, slices=["carrier"], challenger=made.contender(made.rival), read_champion=made.contender))
    assert alike.passed
    assert any("none is worse beyond chance; the worst is carrier=" in rule.sentence for rule in alike.rules)


def test_the_worst_slice_is_named_also_if_it_passes_and_one_without_both_classes_is_left_out(made: Made, spoil: Spoil, case: Case) -> None:
    gate = gate_of(case, non_inferior=1.0).model_copy(update={"slices": Parts(margin=1.0, min_rows=300), "floors": {}, "beats": ()})
    about = {"slices": ["carrier"], "challenger": worse_in(made, "B6"), "read_champion": made.contender}
    (told,) = [rule.sentence for rule in judge(spoil(gate=gate, **about)).rules if rule.name == "slices"]
    assert told.startswith("Of 3 slices")
    assert "the worst is carrier=B6" in told
    one_class = case.holdout.assign(label=case.holdout["label"].where(case.holdout["carrier"] != "AA", 0))
    (told,) = [rule.sentence for rule in judge(spoil(gate=gate, holdout=one_class, **about)).rules if rule.name == "slices"]
    assert told.startswith("Of 2 slices")
    assert "the worst is carrier=B6" in told


def test_a_slice_that_vanished_refuses(made: Made, spoil: Spoil, case: Case) -> None:
    gate = gate_of(case, non_inferior=1.0).model_copy(update={"slices": Parts(margin=0.005, min_rows=300), "floors": {}, "beats": ()})
    gone = case.holdout.assign(carrier=[f"C{place % 1000}" for place in range(len(case.holdout))], hour=12.5)
    few = replace(case, gate=gate, slices=["carrier"], holdout=gone[:280].assign(night=case.nights[:7] * 40), scored_rows=280)
    told = refused(replace(few, read_champion=made.contender, challenger=made.contender(made.rival)))
    assert "no value of ['carrier'] has 300 rows" in told["slices"]


def test_calibration_size_and_speed_are_judged_where_asked(made: Made, spoil: Spoil, case: Case) -> None:
    limits = {"max_calibration_error": 0.1, "max_megabytes": 1.0, "max_seconds_per_million": 1e4}
    assert not refused(spoil(gate=case.gate.model_copy(update=limits)))
    tight = {"max_calibration_error": 1e-4, "max_megabytes": 1e-4, "max_seconds_per_million": 1e-9}
    assert set(refused(spoil(gate=case.gate.model_copy(update=tight)))) == {"calibration", "size", "speed"}
    assert "calibration" in refused(spoil(gate=case.gate.model_copy(update=limits), challenger=replace(shifted(made, 1.0), spans=made.spans)))


def test_no_rules_are_no_pass() -> None:
    assert Verdict(model="a.b", rules=(), evaluation=None).outcome == "REFUSE"


def test_a_number_that_is_not_finite_is_no_evidence() -> None:
    with pytest.raises(DataError, match="not finite"):
        Rule(name="floor", outcome="PASS", sentence="", observed=float("nan"))


def test_a_verdict_that_was_changed_is_not_read(case: Case) -> None:
    text = judge(case).to_json().replace('"outcome": "PASS"', '"outcome": "REFUSE"', 1)
    with pytest.raises(DataError, match="it was changed"):
        Verdict.from_json(text)
    with pytest.raises(DataError, match="cannot be read"):
        Verdict.from_json("[]")
