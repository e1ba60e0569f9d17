"""Whether a night's data was whole, from what the ledger has on it."""

from datetime import date

import pytest

from jobs.results import NightResult
from jobs.settings import Settings
from jobs.watch.soundness import Soundness, soundness_of
from tests.unit.jobs.watch.records import Records, night, nights, slice_of

NIGHT = night(30)


@pytest.fixture
def records(home: Settings) -> Records:
    return Records(home)


@pytest.mark.parametrize("table", ["features", "raw/orders", "validated/outcomes"])
def test_a_red_table_of_the_data_is_a_problem(table: str) -> None:
    assert Soundness(red={NIGHT: (table,)}).problem(NIGHT) == f"{table} of 2024-05-30 is red"


@pytest.mark.parametrize("table", ["alerts", "report", "returned/predictions", "returned/drift_report", "returned/published"])
def test_what_is_red_after_the_features_says_nothing_of_them(table: str) -> None:
    assert Soundness(red={NIGHT: (table,)}).problem(NIGHT) is None


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (Soundness(missing_history={NIGHT: 0.2}), "20% of the history that 2024-05-30 looks at was not delivered"),
        (Soundness(missing_history={NIGHT: 0.19}), None),
        (Soundness(quarantined={NIGHT: 0.1}), "10% of the rows delivered for 2024-05-30 are in quarantine"),
        (Soundness(quarantined={NIGHT: 0.09}), None),
        (Soundness(red={night(29): ("features",)}), None),
        (Soundness(), None),
    ],
    ids=["history", "enough history", "quarantine", "little quarantine", "another night", "nothing on record"],
)
def test_broken_data_is_named(found: Soundness, problem: str | None) -> None:
    assert found.problem(NIGHT) == problem


def test_the_volume_is_by_the_median_of_the_four_weeks_before() -> None:
    rows = {**dict.fromkeys(nights(2, 29), 100), night(1): 7, night(10): 10_000, NIGHT: 50}
    assert Soundness(rows=rows).volume(NIGHT) == 0.5


@pytest.mark.parametrize("rows", [{}, {NIGHT: 50}, {night(29): 50}, {night(29): 0, NIGHT: 50}], ids=["nothing", "first", "not there", "empty before"])
def test_without_a_usual_volume_there_is_none(rows: dict[date, int]) -> None:
    assert Soundness(rows=rows).volume(NIGHT) is None


def test_an_empty_ledger_has_nothing_unsound(records: Records) -> None:
    assert soundness_of(records.ledger, records.pipeline) == Soundness()


def test_red_nights_are_read_by_table(records: Records) -> None:
    records.states("features", [3])
    records.states("raw/orders", [3, 4])
    records.states("validated/orders", [5], outcome="written")
    assert soundness_of(records.ledger, records.pipeline).red == {night(3): ("features", "raw/orders"), night(4): ("raw/orders",)}


def test_a_night_that_was_mended_is_no_longer_red(records: Records) -> None:
    records.states("features", [3])
    records.states("features", [3], outcome="written")
    assert soundness_of(records.ledger, records.pipeline).red == {}


def test_the_quarantined_share_is_over_all_feeds_of_a_night(records: Records) -> None:
    records.slices("validated/orders", slice_of(3, counts={"rows": 60, "good": 50, "bad": 6, "duplicates": 4}))
    records.slices("validated/outcomes", slice_of(3, counts={"rows": 40, "good": 30, "bad": 10, "duplicates": 0}))
    records.slices("validated/weather", slice_of(4, counts={"rows": 0}))
    assert soundness_of(records.ledger, records.pipeline).quarantined == {night(3): 0.2}


def test_undated_feeds_are_of_no_night(records: Records) -> None:
    records.slices("validated/shops", slice_of(3, counts={"rows": 10, "bad": 10}))
    assert soundness_of(records.ledger, records.pipeline).quarantined == {}


def test_a_delivery_that_is_replaced_later_changes_nothing_of_its_night(records: Records) -> None:
    first = slice_of(3, counts={"rows": 100, "bad": 50})
    records.slices("validated/orders", first, slice_of(3, generation=2, known_on=8, counts={"rows": 900, "bad": 0}))
    assert soundness_of(records.ledger, records.pipeline).quarantined == {night(3): 0.5}


def test_of_deliveries_of_the_same_night_the_newest_counts(records: Records) -> None:
    records.slices("validated/orders", slice_of(3, counts={"rows": 100, "bad": 50}), slice_of(3, generation=2, counts={"rows": 100, "bad": 0}))
    assert soundness_of(records.ledger, records.pipeline).quarantined == {night(3): 0}


def test_history_is_as_short_as_that_of_the_feed_that_lacks_most(records: Records) -> None:
    covered = slice_of(3, rows=60, detail={"coverage": {"outcomes": 0.75, "weather": 1.0}})
    records.slices("features", covered, slice_of(4, rows=50), slice_of(4, rows=1, restated=True))
    found = soundness_of(records.ledger, records.pipeline)
    assert found.missing_history == {night(3): 0.25, night(4): 0}
    assert found.rows == {night(3): 60, night(4): 50}


def test_a_refused_table_without_nights_is_red_in_the_newest_night(records: Records) -> None:
    records.ledger.record_nights("run", records.name, "raw/shops", [NightResult(night=records.pipeline.nights.from_, outcome="failed")])
    records.states("features", [3, 4], outcome="written")
    found = soundness_of(records.ledger, records.pipeline)
    assert found.red == {night(4): ("raw/shops",)}
    assert found.problem(night(4)) == "raw/shops of 2024-05-04 is red"


def test_a_training_that_failed_is_no_part_of_a_night(records: Records) -> None:
    records.states("returned/model", [3])
    assert soundness_of(records.ledger, records.pipeline).red == {}
