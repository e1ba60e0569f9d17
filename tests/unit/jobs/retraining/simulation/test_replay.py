"""A policy's nights: what each knew, what it decided, who scored."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up import BEGIN, CHANGE, LAST, LAX, history_of, orders, replay, versions_of

from jobs.model.material import Material
from jobs.nights import span
from jobs.retraining.simulation.replay import Replay
from jobs.retraining.simulation.workshop import Workshop
from jobs.watch.soundness import Soundness

Make = Callable[..., Workshop]
FREE = {"cooldown": 1, "per_month": 31, "after_refusal": 1, "min_new_labels": 0}
BY_LOSS = {"when": {"signal": "loss_ratio", "above": 0.9}, **FREE, "cooldown": 7}
NEVER = {"when": {"never": True}}
STRICT = {**LAX, "floors": {"roc_auc": 0.999}}


def triggered(found: Replay) -> list[Any]:
    return [one.night for one in found.attempts[1:]]


def test_a_promoted_version_scores_from_the_next_night_on(workshop: Make) -> None:
    found = replay(workshop(), BY_LOSS)
    promoted = [one for one in found.attempts[1:] if one.ended == "promoted"]
    assert promoted
    for one in promoted:
        assert found.scored_by[one.night] != one.version
        assert found.scored_by.get(one.night + timedelta(days=1), one.version) == one.version
    assert found.scored_by[BEGIN] == 1
    assert (1, found.scored_by[LAST]) == (found.attempts[0].version, promoted[-1].version)


def test_a_change_of_the_world_is_noticed_by_the_loss_and_made_good_by_a_retraining(workshop: Make) -> None:
    never, by_loss = replay(workshop(), NEVER), replay(workshop(), BY_LOSS)
    assert CHANGE < triggered(by_loss)[0] < CHANGE + timedelta(days=7)
    place = 3  # of the log loss
    lost = [sum(found.tally(night)[place] for night in span(LAST - timedelta(days=10), LAST - timedelta(days=2))) for found in (never, by_loss)]
    assert lost[1] < 0.9 * lost[0]


def test_what_becomes_known_later_changes_no_earlier_decision(workshop: Make) -> None:
    frame, known = orders(), BEGIN + timedelta(days=14)
    labels = versions_of(frame)
    later = labels["known_night"] > known
    other = labels.assign(label=labels["label"].where(~later, 1 - labels["label"]))
    corrected = labels[labels["known_night"] <= known].assign(label=lambda rows: 1 - rows["label"], known_night=known + timedelta(days=1))
    changed = history_of(frame, pd.concat([other, corrected], ignore_index=True))
    before, after = replay(workshop(), BY_LOSS), replay(workshop(history=changed), BY_LOSS)
    first = (known - BEGIN).days + 1
    assert before.decisions[:first] == after.decisions[:first]
    assert [one for one in before.attempts if one.night <= known] == [one for one in after.attempts if one.night <= known]
    assert before.decisions[first:] != after.decisions[first:]


def test_a_night_looks_at_no_label_before_it_is_known(workshop: Make) -> None:
    found = replay(workshop(), NEVER, until=BEGIN + timedelta(days=3))
    assert {scored: [one.night for one in known] for scored, known in found.facts.realised.items()} == {
        BEGIN: [BEGIN + timedelta(days=2)],
        BEGIN + timedelta(days=1): [BEGIN + timedelta(days=3)],
    }


def test_a_refused_challenger_changes_nothing_but_the_record(workshop: Make) -> None:
    never, refused = replay(workshop(gate=STRICT), NEVER), replay(workshop(gate=STRICT), BY_LOSS)
    assert {one.ended for one in refused.attempts[1:]} == {"refused"}
    assert set(refused.scored_by.values()) == {1}
    assert refused.facts.reigns == never.facts.reigns == [(BEGIN, 1)]
    assert all(np.array_equal(never.tally(night), refused.tally(night)) for night in span(BEGIN, LAST - timedelta(days=2)))


def test_the_first_champion_stands_even_if_the_gate_refuses_it(workshop: Make) -> None:
    found = replay(workshop(gate=STRICT), NEVER, until=BEGIN)
    (first,) = found.attempts
    assert (first.ended, first.passed, first.version) == ("promoted", False, 1)
    assert "REFUSE" in first.sentence


def test_never_trains_once(workshop: Make, trainings: list[Material]) -> None:
    found = replay(workshop(), NEVER)
    assert (triggered(found), len(trainings)) == ([], 1)


@pytest.mark.parametrize("brake", [{"cooldown": 9}, {"per_month": 1}, {"after_refusal": 11}, {"min_new_labels": 300}])
def test_brakes_hold(workshop: Make, brake: dict[str, int]) -> None:
    found = replay(workshop(gate=STRICT), {"when": {"every": 1}, **FREE, **brake}, until=BEGIN + timedelta(days=24))
    nights = [BEGIN, *triggered(found)]
    apart = [(later - earlier).days for earlier, later in pairwise(nights)]
    months = [f"{night:%Y-%m}" for night in nights[1:]]
    assert len(nights) > 2 or "per_month" in brake
    assert min(apart) >= brake.get("cooldown", 1)
    # The first champion was not refused.
    assert min(apart[1:], default=99) >= brake.get("after_refusal", 1)
    assert max(months.count(month) for month in months) <= brake.get("per_month", 31)
    # Forty labels become known each night.
    assert min(apart) >= brake.get("min_new_labels", 0) / 40
    assert any(one.act == "held_back" for one in found.decisions)


def test_nights_whose_data_is_not_sound_start_nothing(workshop: Make) -> None:
    unsound = Soundness(missing_history=dict.fromkeys(span(BEGIN, LAST), 0.5))
    found = replay(workshop(), {"when": {"every": 1}, **FREE}, soundness=unsound)
    assert triggered(found) == []
    assert "not sound" in found.decisions[-1].reason


def test_a_training_that_cannot_be_done_is_given_up_and_holds_back_like_any(workshop: Make) -> None:
    frame = orders()
    labels = versions_of(frame)
    tuned = labels["day"].between(BEGIN - timedelta(days=5), BEGIN + timedelta(days=30))
    alike = history_of(frame, labels.assign(label=labels["label"].where(~tuned, 1.0)))
    found = replay(workshop(history=alike), {"when": {"every": 1}, **FREE, "cooldown": 20}, until=BEGIN + timedelta(days=30))
    assert [one.ended for one in found.attempts[1:]] == ["given_up"]
    assert found.attempts[1].sentence.startswith("The segment `tune`: all 160 labels are 1")


def test_what_was_made_is_not_made_again(workshop: Make, trainings: list[Material]) -> None:
    first = replay(workshop(), BY_LOSS)
    done = len(trainings)
    assert done == len(first.attempts)
    again = replay(workshop(), BY_LOSS)
    assert len(trainings) == done
    assert [vars(one) for one in again.attempts] == [vars(one) for one in first.attempts]
    replay(workshop(), {"when": {"every": 7}, **FREE}, until=BEGIN)
    assert len(trainings) == done
    replay(workshop(seed=8), NEVER, until=BEGIN)
    assert len(trainings) == done + 1


def test_a_simulation_that_was_cut_off_goes_on_where_it_was(workshop: Make, trainings: list[Material], monkeypatch: pytest.MonkeyPatch) -> None:
    train, policy = Material.train, {"when": {"every": 7}, **FREE}

    def tired(material: Material) -> Any:
        if len(trainings) == 2:
            raise KeyboardInterrupt
        return train(material)

    with monkeypatch.context() as patch:
        patch.setattr(Material, "train", tired)
        with pytest.raises(KeyboardInterrupt):
            replay(workshop(), policy)
    found = replay(workshop(), policy)
    assert len(trainings) == len(found.attempts) > 3


def test_a_file_that_was_damaged_is_made_again(workshop: Make, trainings: list[Material], tmp_path: Path) -> None:
    first = replay(workshop(), NEVER, until=BEGIN)
    (model,) = (tmp_path / "made").rglob("model.ubj")
    model.write_bytes(model.read_bytes()[:-1])
    again = replay(workshop(), NEVER, until=BEGIN)
    assert len(trainings) == 2
    assert np.array_equal(first.facts.estimated[BEGIN].tally, again.facts.estimated[BEGIN].tally)


def test_other_data_or_another_gate_is_another_matter(workshop: Make, trainings: list[Material]) -> None:
    replay(workshop(), NEVER, until=BEGIN)
    assert not replay(workshop(gate=STRICT), NEVER, until=BEGIN).attempts[0].passed
    assert len(trainings) == 1
    frame = orders()
    frame.loc[200, "amount"] += 1
    replay(workshop(history=history_of(frame)), NEVER, until=BEGIN)
    assert len(trainings) == 2
