"""What becomes known later than a night changes nothing of that night: random facts, and the same without everything later."""

from dataclasses import replace
from datetime import date
from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.config.watching import Condition, ModelSignal, Retrain, Trigger
from jobs.retraining.controller import decide
from jobs.watch.facts import Facts, Known, Training
from jobs.watch.signals import held, value
from jobs.watch.soundness import Soundness
from tests.unit.jobs.watch.records import drifted, facts_of, known, night, nights, tally_of

LAST = 16
TALLIES = [tally_of(rows=rows, loss=loss, label=label) for rows, loss, label in ((10, 0.3, 0.2), (90, 0.6, 0.3), (400, 0.9, 0.0))]
POLICIES = [
    Retrain(when=Trigger(signal="score_drift", above=1, nights=2, of=4), cooldown=3, after_refusal=5),
    Retrain(when=Trigger(signal="loss_ratio", above=0.7, over=3), min_new_labels=50, per_month=1),
    Retrain(when=Trigger(any=[Trigger(every=4), Trigger(signal="concept", above=0.1, over=2)]), cooldown=2),
    Retrain(when=Trigger(all=[Trigger(signal="estimated_auc", below=1.1, over=2), Trigger(signal="refused", below=0.5)]), cooldown=1),
    Retrain(when=Trigger(every="week"), cooldown=1, min_new_labels=0),
]

some_night = st.sampled_from(nights(1, LAST))
version = st.integers(1, 3)
tally = st.sampled_from(TALLIES)
share = st.floats(0, 3, allow_nan=False)


@st.composite
def realised(draw: st.DrawFn) -> dict[date, list[Known]]:
    """A scored night becomes known after some nights, and again with late labels."""
    found = {}
    for number in draw(st.sets(st.integers(1, LAST))):
        lags = sorted(draw(st.sets(st.integers(1, 10), min_size=1, max_size=3)))
        by = draw(version)
        found[night(number)] = [Known(night(number + lag), by, draw(tally)) for lag in lags]
    return found


@st.composite
def all_facts(draw: st.DrawFn) -> Facts:
    drift = draw(st.dictionaries(some_night, st.fixed_dictionaries({"score_drift": share, "feature_drift": share})))
    reigns = draw(st.lists(st.tuples(some_night, version), max_size=4))
    trainings = draw(st.lists(st.builds(Training, some_night, st.sampled_from(["promoted", "waiting", "refused", "given_up"]), version), max_size=4))
    return facts_of(
        drift=drift,
        drift_of=draw(st.dictionaries(some_night, version)),
        realised=draw(realised()),
        estimated={day: Known(day, by, found) for day, (by, found) in draw(st.dictionaries(some_night, st.tuples(version, tally))).items()},
        holdouts={1: {"log_loss": 0.5, "trained_mean_label": 0.3}, 2: {"log_loss": 0.4}},
        reigns=[(night(1), 1), *reigns],
        trainings=trainings,
        triggered=sorted(draw(st.sets(some_night, max_size=3))),
        soundness=Soundness(
            red=draw(st.dictionaries(some_night, st.just(("features",)), max_size=2)),
            quarantined=draw(st.dictionaries(some_night, st.floats(0, 0.2), max_size=4)),
            rows=draw(st.dictionaries(some_night, st.integers(0, 99))),
        ),
    )


def as_of(facts: Facts, last: date) -> Facts:
    """The facts without everything that became known after `last`."""
    known_then = {day: [one for one in found if one.night <= last] for day, found in facts.realised.items()}
    sound = facts.soundness
    return replace(
        facts,
        drift={day: given for day, given in facts.drift.items() if day <= last},
        drift_of={day: given for day, given in facts.drift_of.items() if day <= last},
        realised={day: found for day, found in known_then.items() if found},
        estimated={day: given for day, given in facts.estimated.items() if day <= last},
        reigns=[one for one in facts.reigns if one[0] <= last],
        trainings=[one for one in facts.trainings if one.night <= last],
        triggered=[one for one in facts.triggered if one <= last],
        soundness=Soundness(
            red={day: given for day, given in sound.red.items() if day <= last},
            quarantined={day: given for day, given in sound.quarantined.items() if day <= last},
            rows={day: given for day, given in sound.rows.items() if day <= last},
        ),
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(all_facts(), some_night)
def test_no_signal_of_a_night_knows_more_than_the_night(facts: Facts, last: date) -> None:
    then = as_of(facts, last)
    for signal in get_args(ModelSignal):
        for over in (1, 3, 7):
            assert value(signal, facts, last, over=over) == value(signal, then, last, over=over), signal
        condition = Condition(above=0.5, nights=2, of=4, over=2)
        assert held(condition, signal, facts, last) == held(condition, signal, then, last), signal
    assert facts.soundness.volume(last) == then.soundness.volume(last)
    assert facts.open(last) == then.open(last)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(all_facts(), some_night, st.sampled_from(POLICIES))
def test_no_decision_of_a_night_knows_more_than_the_night(facts: Facts, last: date, policy: Retrain) -> None:
    assert decide(policy, facts, last) == decide(policy, as_of(facts, last), last)


def test_a_late_label_changes_the_nights_from_its_own_on() -> None:
    facts = facts_of(realised={night(1): [known(3, loss=0.5), known(9, loss=0.7)]})
    assert [value("loss", facts, night(n), over=1) for n in (2, 3, 8, 9)] == [None, 0.5, 0.5, 0.7]


def test_what_a_night_itself_has_decided_does_not_change_its_decision() -> None:
    facts = drifted({3: 2.0}, realised={night(1): [known(3)]})
    policy = Retrain(when=Trigger(signal="score_drift", above=1), per_month=1)
    assert decide(policy, facts, night(3)) == decide(policy, replace(facts, triggered=[night(3)]), night(3))
