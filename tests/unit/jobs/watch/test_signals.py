"""Signals: one number per night from what is on record, and whether it is beyond a bound in enough nights."""

from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from jobs.config.watching import SIGNALS, Condition, DataSignal, ModelSignal
from jobs.performance.estimate import Estimator
from jobs.performance.tally import CENTERS, tallies
from jobs.watch.facts import Facts, Known, Training
from jobs.watch.signals import READINGS, held, value
from jobs.watch.soundness import Soundness
from tests.unit.jobs.watch.records import drifted, facts_of, known, night, nights, tally_of


def test_every_signal_of_a_model_is_read_and_explained() -> None:
    assert set(READINGS) == set(get_args(ModelSignal))
    assert set(SIGNALS) == {*get_args(ModelSignal), *get_args(DataSignal)}


@pytest.mark.parametrize(
    ("signal", "wanted"),
    [
        ("score_drift", 0.8),
        ("feature_drift", 0.3),
        ("loss", 0.6),
        ("loss_ratio", 1.2),
        ("loss_increase", 0.05),
        ("estimated_loss_ratio", 0.8),
        ("estimated_loss_increase", -0.15),
        ("auc", 1.0),
        ("estimated_auc", 1.0),
        ("calibration_error", 0.75 * CENTERS[40] + 0.25 * (1 - CENTERS[60])),
        ("balance", 0.05),
        ("concept", 0.2),
        ("refused", 1.0),
    ],
)
def test_each_signal_is_its_number(signal: ModelSignal, wanted: float) -> None:
    facts = facts_of(
        drift={night(3): {"score_drift": 0.8, "feature_drift": 0.3}},
        realised={night(1): [known(3, loss=0.6, constant=0.5, label=0.25)]},
        estimated={night(1): known(1, loss=0.4), night(3): known(3, loss=0.4, constant=0.5)},
        holdouts={1: {"log_loss": 0.55, "trained_mean_label": 0.3}},
        trainings=[Training(night(1), "promoted", 1), Training(night(2), "refused", 2)],
    )
    assert value(signal, facts, night(3), over=1) == pytest.approx(wanted)


@pytest.mark.parametrize("signal", get_args(ModelSignal))
@pytest.mark.parametrize("reigns", [[], [(night(1), 1)], [(night(9), 1)]], ids=["no champion", "a champion", "a later champion"])
def test_without_facts_no_signal_has_a_value(signal: ModelSignal, reigns: list[Any]) -> None:
    assert value(signal, facts_of(reigns=reigns), night(3), over=7) is None


def test_rows_and_not_nights_weigh() -> None:
    facts = facts_of(realised={night(1): [known(3, rows=300, loss=0.5)], night(2): [known(4, rows=100, loss=0.9)]})
    assert value("loss", facts, night(4), over=2) == pytest.approx(0.6)


@pytest.mark.parametrize(("there", "over", "has_value"), [(3, 7, False), (4, 7, True), (1, 2, True), (1, 3, False)])
@pytest.mark.parametrize("signal", ["loss", "estimated_auc", "concept"])
def test_fewer_than_half_of_the_nights_are_no_value(signal: ModelSignal, there: int, over: int, has_value: bool) -> None:
    facts = facts_of(realised={night(n): [known(n)] for n in range(1, there + 1)}, estimated={night(n): known(n) for n in range(1, there + 1)})
    assert (value(signal, facts, night(9), over=over) is not None) == has_value


def test_what_has_no_finite_value_has_none() -> None:
    nan, one_class, no_error = tally_of(), tally_of(label=0.0), tally_of(constant=0.0)
    nan[5] = np.nan
    for signal, tally in (("loss_ratio", nan), ("auc", one_class), ("loss_ratio", no_error)):
        assert value(signal, facts_of(realised={night(1): [Known(night(2), 1, tally)]}), night(2), over=1) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(("loss", "wanted"), [("mae", 1.2), ("rmse", 0.6 / np.sqrt(0.3))])
def test_a_regression_is_measured_in_its_own_loss(loss: str, wanted: float) -> None:
    tally = tally_of(kind="regression", loss=0.6 if loss == "mae" else 0.36, constant=0.5 if loss == "mae" else 0.3)
    facts = facts_of(kind="regression", loss=loss, realised={night(1): [Known(night(2), 1, tally)]}, holdouts={1: {loss: 0.5}})
    found = {signal: value(signal, facts, night(2), over=1) for signal in get_args(ModelSignal)}
    assert found["loss_ratio"] == pytest.approx(wanted)
    assert (found["loss"], found["loss_increase"]) == (pytest.approx(0.6), pytest.approx(0.1))
    assert {name for name, one in found.items() if one is not None} == {"loss", "loss_ratio", "loss_increase"}


@pytest.mark.parametrize(("ended", "wanted"), [("promoted", 0.0), ("waiting", 0.0), ("refused", 1.0), ("given_up", 1.0)])
def test_refused_is_whether_the_last_training_brought_no_champion(ended: Any, wanted: float) -> None:
    facts = facts_of(trainings=[Training(night(2), "refused", 2), Training(night(5), ended, 3)])
    assert [value("refused", facts, night(n), over=1) for n in (1, 2, 4, 5)] == [None, 1.0, 1.0, wanted]


def test_drift_of_the_version_before_is_not_that_of_the_champion() -> None:
    facts = drifted({4: 1.5, 5: 1.4, 6: 0.2}, reigns=[(night(1), 1), (night(5), 2)], drift_of={night(4): 1, night(5): 1, night(6): 2})
    assert [value("score_drift", facts, night(n), over=1) for n in (4, 5, 6)] == [1.5, None, 0.2]


def test_after_a_promotion_the_signals_start_anew() -> None:
    facts = facts_of(
        drift={night(n): {"score_drift": 2.0} for n in range(1, 6)},
        drift_of=dict.fromkeys(nights(1, 5), 1),
        realised={night(n): [known(n + 2, loss=0.9)] for n in range(1, 6)},
        estimated={night(n): known(n, loss=0.9) for n in range(1, 6)},
        reigns=[(night(1), 1), (night(5), 2)],
    )
    for signal in ("score_drift", "loss", "estimated_loss_ratio", "concept"):
        assert value(signal, facts, night(4), over=1) is not None  # type: ignore[arg-type]
        assert [value(signal, facts, night(n), over=1) for n in (5, 6, 7)] == [None] * 3  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "condition", "holds", "beyond"),
    [
        ([2, 2, 2], {"nights": 3}, True, 3),
        ([2, 0, 2], {"nights": 3}, False, 2),
        ([2, 0, 2], {"nights": 2, "of": 3}, True, 2),
        ([2, 2, 0], {"nights": 1}, False, 0),
        ([2, 2, 0], {"nights": 2, "of": 3}, True, 2),
        ([0, 1, 1], {"nights": 1, "of": 3}, False, 0),
    ],
)
def test_a_condition_holds_in_so_many_of_so_many_nights(values: list[float], condition: dict[str, int], holds: bool, beyond: int) -> None:
    found = held(Condition(above=1, **condition), "score_drift", drifted(dict(enumerate(values, 1))), night(3))  # type: ignore[arg-type]
    assert (found.holds, found.beyond) == (holds, beyond)


def test_a_condition_may_ask_for_less() -> None:
    assert held(Condition(below=0.5, nights=2), "score_drift", drifted({1: 0.4, 2: 0.49}), night(2)).holds
    assert not held(Condition(below=0.5, nights=2), "score_drift", drifted({1: 0.4, 2: 0.5}), night(2)).holds


def test_the_nights_that_were_looked_at_are_told_newest_first() -> None:
    assert [*held(Condition(above=1, nights=1, of=3), "score_drift", drifted({1: 3, 2: 2}), night(3)).values.items()] == [
        ("2024-05-03", None),
        ("2024-05-02", 2),
        ("2024-05-01", 3),
    ]


def test_nights_before_the_champions_first_do_not_count() -> None:
    facts = drifted({2: 2, 3: 2, 4: 2}, reigns=[(night(3), 1)])
    assert held(Condition(above=1, nights=2), "score_drift", facts, night(4)).holds
    assert [*held(Condition(above=1, nights=3), "score_drift", facts, night(4)).values.values()] == [2, 2, None]


def test_nights_of_the_champion_before_do_not_count() -> None:
    facts = drifted({2: 2, 3: 2, 4: 2}, reigns=[(night(1), 1), (night(4), 2)])
    assert not held(Condition(above=1, nights=2, of=3), "score_drift", facts, night(4)).holds


def test_nights_whose_data_was_broken_do_not_count() -> None:
    facts = drifted({1: 2, 2: 2, 3: 2}, soundness=Soundness(quarantined={night(2): 0.5}))
    found = held(Condition(above=1, nights=3), "score_drift", facts, night(3))
    assert (found.holds, [*found.values.values()]) == (False, [2, None, 2])


class TestConcept:
    """Simulated nights of a model that knows the relation as it was when its estimator was fitted."""

    def facts(self, *, shift: float, turned: float) -> Facts:
        draw = np.random.default_rng(0)

        def scored(shift: float, turned: float) -> tuple[Any, Any]:
            feature = draw.normal(shift, 1, 8000)
            return (draw.random(8000) < 1 / (1 + np.exp(-turned * feature))).astype(float), 1 / (1 + np.exp(-feature))

        label, score = scored(0.0, 1.0)
        one = Estimator.fit(pd.DataFrame({"night": night(1), "label": label}), score, constant=0.5, loss="log_loss")
        label, score = scored(shift, turned)
        group = np.zeros(8000, dtype=np.int64)
        truth, expected = (tallies(group, 1, given, score, constant=0.5, kind="binary", loss="log_loss")[0] for given in (label, one.expected(score)))
        return facts_of(realised={night(1): [Known(night(3), 1, truth)]}, estimated={night(1): Known(night(1), 1, expected)})

    @pytest.mark.parametrize("shift", [-1.0, 0.0, 1.5])
    def test_a_shift_of_the_features_is_none(self, shift: float) -> None:
        assert value("concept", self.facts(shift=shift, turned=1.0), night(3), over=1) == pytest.approx(0, abs=0.015)

    @pytest.mark.parametrize("turned", [-1.0, 0.0])
    def test_a_changed_relation_is_shown(self, turned: float) -> None:
        found = value("concept", self.facts(shift=0.0, turned=turned), night(3), over=1)
        assert found is not None
        assert found > 0.1

    def test_nights_without_an_estimate_have_no_part(self) -> None:
        facts = facts_of(realised={night(n): [known(n + 2, loss=0.1 * n)] for n in (1, 2)}, estimated={night(2): known(2, loss=0.05)})
        assert value("concept", facts, night(4), over=2) == pytest.approx(0.15)


def test_labels_that_have_stopped_to_come_are_no_news() -> None:
    facts = facts_of(realised={night(1): [known(3)]})
    assert value("loss", facts, night(4), over=1) == pytest.approx(0.6)
    assert value("loss", facts, night(40), over=1) is None


def test_nights_whose_data_was_broken_are_no_news_of_the_model() -> None:
    facts = facts_of(realised={night(1): [known(3)], night(2): [known(4, loss=9.0)]}, soundness=Soundness(red={night(2): ("features",)}))
    assert value("loss", facts, night(5), over=2) == pytest.approx(0.6)


def test_concept_holds_a_loss_against_the_estimate_of_the_same_version() -> None:
    """A night that was scored anew by another version has that one's estimate."""
    facts = facts_of(realised={night(1): [known(3, loss=0.6)]}, estimated={night(1): known(1, loss=0.4, version=2)})
    assert value("concept", facts, night(3), over=1) is None
