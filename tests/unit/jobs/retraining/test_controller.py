"""The controller: when a trigger holds, what holds a due retraining back, and that neither flaps."""

from datetime import date
from typing import Any

import pytest

from jobs.config.watching import Retrain, Trigger
from jobs.retraining.controller import decide, judge, new_labels
from jobs.watch.facts import Facts, Training
from jobs.watch.soundness import Soundness
from tests.unit.jobs.watch.records import drifted, facts_of, known, night

DRIFT = Trigger(signal="score_drift", above=1)
LABELS = {night(n): [known(n + 2)] for n in range(1, 20)}


def due(**about: Any) -> Facts:
    """Drift on night 20, labels, and no training yet."""
    return drifted({20: 2.0}, **{"realised": LABELS, **about})


def policy(when: Trigger = DRIFT, **about: Any) -> Retrain:
    return Retrain(when=when, **about)


def test_drift_beyond_its_mark_retrains() -> None:
    found = decide(policy(), due(), night(20))
    assert found.act == "retrain"
    assert found.reason == "`score_drift` is 2; > 1 in 1 of the last 1 nights (needed 1)."
    assert found.inputs == {
        "champion": 1,
        "last_training": None,
        "signals": {"score_drift > 1 in 1 of 1 nights": {"values": {"2024-05-20": 2.0}, "signal": "score_drift", "above": 1, "nights": 1, "over": 7}},
    }


def test_a_signal_within_its_bound_is_no_reason() -> None:
    found = decide(policy(), drifted({20: 1.0}), night(20))
    assert (found.act, found.reason) == ("none", "`score_drift` is 1; > 1 in 0 of the last 1 nights (needed 1).")


def test_a_signal_without_a_value_is_no_reason() -> None:
    found = decide(policy(), facts_of(), night(20))
    assert (found.act, found.reason) == ("none", "`score_drift` has no value; > 1 in 0 of the last 1 nights (needed 1).")


def test_without_a_champion_nothing_is_decided() -> None:
    found = decide(policy(), due(reigns=[(night(21), 1)]), night(20))
    assert (found.act, found.reason, found.inputs) == ("none", "There is no champion yet: people train the first version.", {})


def test_never_is_never() -> None:
    assert decide(Retrain(), due(), night(20)).reason == "Only people retrain this model."


class TestBrakes:
    """Each by itself; what it says, and the night from which it no longer holds."""

    def held_back(self, facts: Facts, **about: Any) -> str:
        found = decide(policy(**about), facts, night(20))
        assert found.act == "held_back"
        assert found.reason.startswith("`score_drift` is 2; > 1 in 1 of the last 1 nights (needed 1). Held back: ")
        return found.reason.split("Held back: ")[1]

    def test_broken_data(self) -> None:
        """Of this very night: the ones that the signal looks at are another matter."""
        facts = drifted({19: 2.0}, realised=LABELS, soundness=Soundness(quarantined={night(20): 0.5}))
        found = decide(policy(Trigger(signal="score_drift", above=1, nights=1, of=2)), facts, night(20))
        assert found.act == "held_back"
        assert found.reason.endswith("Held back: the data is not sound: 50% of the rows delivered for 2024-05-20 are in quarantine.")

    def test_an_open_retraining(self) -> None:
        assert self.held_back(due(triggered=[night(3)])) == "the retraining that 2024-05-03 decided is still open."

    @pytest.mark.parametrize("ended", ["promoted", "waiting", "refused", "given_up"])
    def test_a_retraining_that_has_ended_is_open_no_more(self, ended: Any) -> None:
        facts = due(triggered=[night(3)], trainings=[Training(night(3), ended, 2)])
        assert decide(policy(after_refusal=1), facts, night(20)).act == "retrain"

    @pytest.mark.parametrize("ended", ["promoted", "waiting", "refused", "given_up"])
    def test_cool_down(self, ended: Any) -> None:
        facts = due(trainings=[Training(night(7), ended, 1)])
        assert self.held_back(facts) == "13 nights since the last training (`cooldown` is 14)."
        assert decide(policy(cooldown=13, after_refusal=1), facts, night(20)).act == "retrain"

    def test_back_off_after_a_refusal(self) -> None:
        facts = due(trainings=[Training(night(5), "refused", 2)])
        assert self.held_back(facts) == "the challenger of 2024-05-05 was refused 15 nights ago (`after_refusal` is 28)."
        assert decide(policy(after_refusal=15), facts, night(20)).act == "retrain"

    def test_a_training_after_the_refusal_ends_the_back_off(self) -> None:
        facts = due(trainings=[Training(night(3), "refused", 2), Training(night(6), "promoted", 3)], reigns=[(night(1), 1), (night(6), 3)])
        assert decide(policy(), facts, night(20)).act == "retrain"

    def test_so_many_in_a_calendar_month(self) -> None:
        facts = due(triggered=[night(1), night(3)], trainings=[Training(night(n), "promoted", 1) for n in (1, 3)])
        assert self.held_back(facts) == "2 retrainings this month (`per_month` is 2)."
        assert decide(policy(per_month=3), facts, night(20)).act == "retrain"

    def test_what_was_started_in_another_month_does_not_count(self) -> None:
        before = [date(2023, 5, 19), date(2024, 4, 2), date(2024, 4, 30)]
        facts = due(triggered=before, trainings=[Training(one, "promoted", 1) for one in before])
        assert decide(policy(per_month=1), facts, night(20)).act == "retrain"

    def test_too_few_new_labels(self) -> None:
        facts = due(trainings=[Training(night(5), "promoted", 1)])
        assert self.held_back(facts, min_new_labels=1501) == "1500 labels have become known since the last training (`min_new_labels` is 1501)."
        assert decide(policy(min_new_labels=1500), facts, night(20)).act == "retrain"

    def test_no_label_at_all(self) -> None:
        assert self.held_back(due(realised={})) == "0 labels have become known since the last training (`min_new_labels` is 1)."
        assert decide(policy(min_new_labels=0), due(realised={}), night(20)).act == "retrain"

    def test_the_first_of_several_is_told(self) -> None:
        facts = due(realised={}, triggered=[night(19)], trainings=[Training(night(18), "refused", 2)])
        assert self.held_back(facts) == "the retraining that 2024-05-19 decided is still open."


class TestNewLabels:
    def test_a_row_counts_once_however_often_its_night_is_told_anew(self) -> None:
        facts = facts_of(realised={night(1): [known(3, rows=100), known(4, rows=120), known(9, rows=150)]})
        assert [new_labels(facts, since=night(0), night=night(n)) for n in (2, 3, 4, 8, 9)] == [0, 100, 120, 120, 150]

    def test_nights_that_the_last_training_knew_do_not_count(self) -> None:
        facts = facts_of(realised={night(1): [known(3), known(8)], night(2): [known(4)], night(4): [known(6)]})
        assert [new_labels(facts, since=night(n), night=night(9)) for n in (2, 3, 4, 6)] == [300, 200, 100, 0]


class TestCalendar:
    @pytest.mark.parametrize(
        ("every", "last", "first"),
        [
            ("month", date(2024, 5, 20), date(2024, 6, 1)),
            ("month", date(2024, 12, 1), date(2025, 1, 1)),
            ("month", date(2023, 12, 31), date(2024, 1, 1)),
            ("week", date(2024, 5, 20), date(2024, 5, 27)),
            ("week", date(2024, 12, 24), date(2024, 12, 30)),
            ("week", date(2020, 12, 31), date(2021, 1, 4)),
            (10, date(2024, 2, 25), date(2024, 3, 6)),
            (1, date(2024, 12, 31), date(2025, 1, 1)),
        ],
    )
    def test_it_is_due_on_the_first_night_and_not_the_one_before(self, every: Any, last: date, first: date) -> None:
        facts = facts_of(reigns=[(date(2020, 1, 1), 1)], trainings=[Training(last, "promoted", 1)])
        nights = [date.fromordinal(first.toordinal() + n) for n in (-1, 0, 1)]
        assert [judge(Trigger(every=every), facts, one).holds for one in nights] == [False, True, True]

    def test_a_first_night_of_the_month_that_was_off_is_made_good(self) -> None:
        off = date(2024, 6, 1)
        facts = facts_of(trainings=[Training(night(3), "promoted", 1)], realised={night(1): [known(9)]}, soundness=Soundness(red={off: ("features",)}))
        found = [decide(policy(Trigger(every="month")), facts, day) for day in (off, date(2024, 6, 2))]
        assert [one.act for one in found] == ["held_back", "retrain"]

    def test_without_a_training_there_is_nothing_to_count_from(self) -> None:
        found = decide(policy(Trigger(every="month")), due(), night(20))
        assert (found.act, found.reason) == ("none", "No training is on record to count from.")

    def test_a_training_of_a_later_night_is_not_known(self) -> None:
        facts = facts_of(trainings=[Training(night(1), "promoted", 1), Training(night(30), "promoted", 2)])
        assert judge(Trigger(every=10), facts, night(20)).sentence == "19 nights since the last training (every 10)."


class TestSeveral:
    HOLDS, REST, OTHER = DRIFT, Trigger(signal="score_drift", above=3), Trigger(signal="feature_drift", above=1)

    @pytest.mark.parametrize(
        ("when", "holds"),
        [
            (Trigger(any=[HOLDS, REST]), True),
            (Trigger(any=[REST, OTHER]), False),
            (Trigger(all=[HOLDS, REST]), False),
            (Trigger(all=[HOLDS, HOLDS]), True),
            (Trigger(all=[HOLDS, Trigger(any=[REST, HOLDS])]), True),
            (Trigger(any=[Trigger(all=[HOLDS, OTHER]), Trigger(never=True)]), False),
        ],
    )
    def test_any_takes_one_and_all_takes_all(self, when: Trigger, holds: bool) -> None:
        assert judge(when, due(), night(20)).holds == holds

    def test_what_decided_is_told(self) -> None:
        sentences = [judge(one, due(), night(20)).sentence for one in (Trigger(any=[self.HOLDS, self.OTHER]), Trigger(all=[self.HOLDS, self.OTHER]))]
        assert sentences == [
            "`score_drift` is 2; > 1 in 1 of the last 1 nights (needed 1).",
            "`feature_drift` has no value; > 1 in 0 of the last 1 nights (needed 1).",
        ]

    def test_all_signals_that_were_looked_at_are_inputs(self) -> None:
        found = judge(Trigger(all=[self.OTHER, Trigger(any=[self.HOLDS, Trigger(every="week")])]), due(), night(20))
        assert {name: list(given["values"].values()) for name, given in found.signals.items()} == {
            "feature_drift > 1 in 1 of 1 nights": [None],
            "score_drift > 1 in 1 of 1 nights": [2.0],
        }
