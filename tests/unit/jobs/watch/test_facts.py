"""What the ledger has on a model, and what each night knew of it."""

import numpy as np
import pytest

from jobs.settings import Settings
from jobs.watch.facts import Facts, Training
from jobs.watch.on_record import read_facts
from jobs.watch.soundness import Soundness
from tests.unit.jobs.watch.records import MODEL, Records, drifted, facts_of, known, night, tally_of


@pytest.fixture
def records(home: Settings) -> Records:
    return Records(home)


def read(records: Records) -> Facts:
    return read_facts(records.ledger, records.pipeline, MODEL)


def test_an_empty_ledger_has_no_facts(records: Records) -> None:
    found = read(records)
    assert (found.kind, found.loss) == ("binary", "log_loss")
    assert (found.champion(night(9)), found.open(night(9)), found.known(night(9), version=1, over=7)) == (None, None, [])
    assert not any([found.drift, found.realised, found.estimated, found.holdouts, found.reigns, found.trainings, found.triggered])


def test_drift_is_read_with_the_version_that_it_is_of(records: Records) -> None:
    records.drift({1: 0.5, 2: 1.5})
    records.drift({3: 0.1}, version=2)
    found = read(records)
    assert {day: given["score_drift"] for day, given in found.drift.items()} == {night(1): 0.5, night(2): 1.5, night(3): 0.1}
    assert found.drift_of == {night(1): 1, night(2): 1, night(3): 2}


def test_what_became_known_of_all_rows_is_read_night_by_night(records: Records) -> None:
    records.performance(3, {1: tally_of(rows=100)}, expected=tally_of(loss=0.4))
    records.performance(4, {1: tally_of(rows=120), 2: tally_of(rows=90)})
    found = read(records)
    assert {day: [(one.night, one.version, one.tally[0]) for one in some] for day, some in found.realised.items()} == {
        night(1): [(night(3), 1, 100), (night(4), 1, 120)],
        night(2): [(night(4), 1, 90)],
    }
    assert {day: one.tally[3] for day, one in found.estimated.items()} == {night(3): pytest.approx(40)}
    assert found.holdouts == {1: {"log_loss": 0.55, "trained_mean_label": 0.3}}


def test_a_tally_is_read_as_it_was_written_also_where_it_has_no_value(records: Records) -> None:
    tally = tally_of(loss=1 / 3)
    tally[5] = np.nan
    records.performance(3, {1: tally})
    (one,) = read(records).realised[night(1)]
    assert one.tally == pytest.approx(tally, rel=1e-7, nan_ok=True)


def test_restated_nights_have_no_part(records: Records) -> None:
    records.performance(3, {1: tally_of()}, restated=True)
    assert read(records).realised == {}


def test_a_newer_generation_of_a_night_counts(records: Records) -> None:
    records.performance(3, {1: tally_of(rows=100)}, expected=tally_of(rows=5))
    records.performance(3, {1: tally_of(rows=110)}, expected=tally_of(rows=6), generation=2)
    found = read(records)
    assert [one.tally[0] for _, one in found.known(night(3), version=1, over=1)] == [110]
    assert found.estimated[night(3)].tally[0] == 6


def test_versions_reign_from_the_night_of_their_decision(records: Records) -> None:
    records.decided("promoted", 3, version=1)
    records.decided("refused", 5, version=2)
    records.decided("promoted", 7, version=3, by="ada")
    records.decided("rolled_back", 9, version=1, by="ada")
    found = read(records)
    assert [found.champion(night(n)) for n in (2, 3, 6, 7, 8, 9, 30)] == [None, 1, 1, 3, 3, 1, 1]


def test_trainings_are_what_the_gate_decided_or_was_given_up(records: Records) -> None:
    records.decided("promoted", 3, version=1)
    records.decided("refused", 5, version=2)
    records.decided("given_up", 6, version=None, by="controller")
    records.decided("promoted", 7, version=2, by="ada")
    records.decided("rejected", 8, version=2, by="ada")
    records.decided("waiting", 9, version=3)
    for act, by in (("trained", "training"), ("superseded", "gate"), ("approval_refused", "ada"), ("approved", "ada"), ("promoted", "ada")):
        records.decided(act, 10, version=3, by=by)
    records.decided("restated", 11, version=None, by="run")
    ended = [Training(night(3), "promoted", 1), Training(night(5), "refused", 2), Training(night(6), "given_up", None), Training(night(9), "waiting", 3)]
    assert read(records).trainings == ended
    assert read(records).reigns == [(night(3), 1), (night(7), 2), (night(10), 3)]


def test_other_models_have_no_part(records: Records) -> None:
    records.decided("promoted", 3, version=1, model="another")
    records.ledger.record_retraining(records.name, "another", night(4), act="retrain", reason="", inputs={}, fingerprint="", run_id="")
    found = read(records)
    assert (found.reigns, found.trainings, found.triggered) == ([], [], [])


@pytest.mark.parametrize("act", ["promoted", "waiting", "refused", "given_up"])
def test_a_retraining_is_open_until_something_comes_of_it(records: Records, act: str) -> None:
    records.triggered(3, act="held_back")
    records.triggered(5)
    assert [read(records).open(night(n)) for n in (5, 6, 9)] == [None, night(5), night(5)]
    records.decided(act, 5, by="controller" if act == "given_up" else "gate")
    assert read(records).open(night(9)) is None


def test_a_training_of_another_night_closes_no_retraining(records: Records) -> None:
    records.triggered(5)
    records.decided("promoted", 4)
    assert read(records).open(night(9)) == night(5)


def test_a_scored_night_is_known_as_the_night_that_asks_knew_it() -> None:
    facts = facts_of(realised={night(1): [known(3, rows=100), known(5, rows=120)]})
    assert [[(day, one.tally[0]) for day, one in facts.known(night(n), version=1, over=7)] for n in (2, 3, 4, 5)] == [
        [],
        [(night(1), 100)],
        [(night(1), 100)],
        [(night(1), 120)],
    ]


def test_the_newest_scored_nights_are_known_oldest_first() -> None:
    facts = facts_of(realised={night(n): [known(n + 2)] for n in (1, 2, 4, 5)})
    assert [day for day, _ in facts.known(night(6), version=1, over=2)] == [night(2), night(4)]


def test_nights_that_another_version_scored_are_passed_over() -> None:
    facts = facts_of(realised={night(n): [known(n + 2, version=1 + n % 2)] for n in (1, 2, 3, 4)})
    assert [day for day, _ in facts.known(night(9), version=1, over=2)] == [night(2), night(4)]
    assert [day for day, _ in facts.known(night(9), version=2, over=2)] == [night(1), night(3)]


def test_estimates_are_of_the_newest_nights_that_the_version_scored() -> None:
    facts = facts_of(estimated={night(n): known(n, version=1 + (n == 3)) for n in (1, 2, 3, 4, 5)})
    assert [day for day, _ in facts.expected(night(4), version=1, over=2)] == [night(2), night(4)]


def test_nights_are_added_up() -> None:
    facts = facts_of()
    assert facts.tally([(night(1), known(3, rows=100)), (night(2), known(3, rows=50))]) == pytest.approx(tally_of(rows=150))
    assert facts.tally([]).sum() == 0


def test_scored_nights_whose_data_was_broken_are_passed_over() -> None:
    broken = Soundness(red={night(3): ("features",)})
    facts = facts_of(realised={night(n): [known(n + 2)] for n in range(1, 5)}, estimated={night(n): known(n) for n in range(1, 5)}, soundness=broken)
    assert [day for day, _ in facts.known(night(9), version=1, over=3)] == [night(1), night(2), night(4)]
    assert [day for day, _ in facts.expected(night(9), version=1, over=3)] == [night(1), night(2), night(4)]


def test_drift_has_no_value_while_a_broken_night_is_judged_with_it() -> None:
    facts = drifted(dict.fromkeys(range(1, 8), 2.0), judged=3, soundness=Soundness(red={night(3): ("features",)}))
    assert [facts.drifted(night(n), "score_drift") for n in range(1, 8)] == [2, 2, None, None, None, 2, 2]


def test_as_many_nights_are_judged_together_as_the_file_says(home: Settings) -> None:
    records = Records(home, {"models": {MODEL: {"drift": {"nights": 3}}}})
    assert read(records).judged == 3


def test_what_became_known_of_a_slice_is_read_beside_it(records: Records) -> None:
    records.performance(3, {1: tally_of(rows=100)})
    records.performance(4, {2: tally_of(rows=50)})
    found = read(records)
    assert [(day, one.night, one.tally[0]) for day, one in found.known(night(4), version=1, over=7, part="shop=ada")] == [
        (night(1), night(3), 20.0),
        (night(2), night(4), 10.0),
    ]
    assert [day for day, _ in found.known(night(3), version=1, over=7, part="shop=ada")] == [night(1)]
