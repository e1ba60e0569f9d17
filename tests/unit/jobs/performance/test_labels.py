"""Which label counts for a score, and which night knew it."""

from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.config.loading import read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Slice
from jobs.model.labels import with_replacements
from jobs.nights import span
from jobs.performance.labels import arrived, known, oldest_scored
from tests.tiny import write_pipeline

DAY, NEXT = date(2013, 5, 1), date(2013, 5, 2)
FIRST, LATE, VERY_LATE = date(2013, 5, 3), date(2013, 5, 4), date(2013, 6, 12)
"""When the day's outcomes are due; a night and forty nights later."""
LABELS = "day date, order_id string, night date, known_night date, generation int, returned boolean, replaced_night date"
SCORES = "day date, order_id string, night date, score double, model_version int, restated boolean"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder = tmp_path_factory.mktemp("tiny")
    return read_pipeline(write_pipeline(folder, folder / "landing", nights=1).path)


@pytest.fixture(scope="module")
def scores(spark: SparkSession) -> DataFrame:
    found = [(DAY, "a", DAY, 0.3, 1, False), (DAY, "b", DAY, 0.5, 1, False), (NEXT, "a", NEXT, 0.7, 2, False), (DAY, "a", DAY, 0.9, 2, True)]
    return spark.createDataFrame(found, SCORES)


def label(
    key: str, night: date, *, returned: bool | None, day: date = DAY, known_night: date | None = None, generation: int = 1, replaced: date | None = None
) -> tuple[Any, ...]:
    return day, key, night, known_night or night, generation, returned, replaced


def told(frame: DataFrame) -> list[tuple[Any, ...]]:
    """Night, scored night, key and label."""
    rows = frame.select("night", "scored_night", "order_id", "label", "score").orderBy("night", "scored_night", "order_id").collect()
    return [(row["night"], row["scored_night"], row["order_id"], row["label"]) for row in rows]


def test_each_version_of_a_label_counts_from_the_night_that_knows_it(spark: SparkSession, tiny: Pipeline, scores: DataFrame) -> None:
    labels = spark.createDataFrame([label("a", FIRST, returned=False), label("a", VERY_LATE, returned=True)], LABELS)
    assert told(arrived(labels, scores, tiny, "returned", [FIRST, LATE, VERY_LATE])) == [(FIRST, DAY, "a", 0), (VERY_LATE, DAY, "a", 1)]


@pytest.mark.parametrize("late", [LATE, VERY_LATE], ids=["a night", "forty nights"])
def test_a_late_label_makes_its_night_whole(spark: SparkSession, tiny: Pipeline, scores: DataFrame, late: date) -> None:
    labels = spark.createDataFrame([label("a", FIRST, returned=False), label("b", late, returned=True)], LABELS)
    assert told(arrived(labels, scores, tiny, "returned", span(FIRST, late))) == [(FIRST, DAY, "a", 0), (late, DAY, "a", 0), (late, DAY, "b", 1)]


def test_nights_in_one_go_know_the_same_as_one_by_one(spark: SparkSession, tiny: Pipeline, scores: DataFrame) -> None:
    given = [label("a", FIRST, returned=False), label("b", LATE, returned=True), label("a", LATE, returned=True), label("a", LATE, day=NEXT, returned=True)]
    labels = spark.createDataFrame(given, LABELS)
    one_by_one = [row for night in (FIRST, LATE) for row in told(arrived(labels, scores, tiny, "returned", [night]))]
    assert told(arrived(labels, scores, tiny, "returned", [FIRST, LATE])) == one_by_one
    assert len(one_by_one) == 4


def test_a_night_that_brings_no_label_knows_nothing_new(spark: SparkSession, tiny: Pipeline, scores: DataFrame) -> None:
    labels = spark.createDataFrame([label("a", FIRST, returned=False)], LABELS)
    assert told(arrived(labels, scores, tiny, "returned", [LATE])) == []


def test_a_label_that_is_taken_back_no_longer_counts(spark: SparkSession, tiny: Pipeline, scores: DataFrame) -> None:
    given = [label("a", FIRST, returned=True), label("b", FIRST, returned=False), label("a", LATE, returned=None)]
    labels = spark.createDataFrame(given, LABELS)
    assert told(arrived(labels, scores, tiny, "returned", [FIRST, LATE])) == [(FIRST, DAY, "a", 1), (FIRST, DAY, "b", 0), (LATE, DAY, "b", 0)]
    assert [row["score"] for row in known(labels, scores, tiny, "returned").collect()] == [0.5]


@pytest.mark.parametrize(
    "again",
    [label("a", FIRST, returned=True, generation=2), label("a", LATE, returned=True, known_night=FIRST)],
    ids=["the newer generation", "the newer delivery"],
)
def test_of_versions_that_one_night_knows_the_newest_counts(spark: SparkSession, tiny: Pipeline, scores: DataFrame, again: tuple[Any, ...]) -> None:
    labels = spark.createDataFrame([label("a", FIRST, returned=False), again], LABELS)
    assert told(arrived(labels, scores, tiny, "returned", [FIRST])) == [(FIRST, DAY, "a", 1)]


def test_a_replaced_delivery_counts_from_the_night_that_saw_it(spark: SparkSession, tiny: Pipeline, scores: DataFrame) -> None:
    given = [label("a", FIRST, returned=False), label("a", FIRST, returned=True, known_night=VERY_LATE, generation=2)]
    labels = spark.createDataFrame(given, LABELS)
    assert told(arrived(labels, scores, tiny, "returned", [FIRST, VERY_LATE])) == [(FIRST, DAY, "a", 0), (VERY_LATE, DAY, "a", 1)]


def test_restated_scores_and_rows_that_were_never_scored_have_no_part(spark: SparkSession, tiny: Pipeline, scores: DataFrame) -> None:
    labels = spark.createDataFrame([label("a", FIRST, returned=False), label("never scored", FIRST, returned=True)], LABELS)
    (row,) = arrived(labels, scores, tiny, "returned", [FIRST]).collect()
    assert (row["order_id"], row["score"], row["model_version"]) == ("a", 0.3, 1)


def test_the_newest_version_of_a_label_is_the_known_one(spark: SparkSession, tiny: Pipeline, scores: DataFrame) -> None:
    labels = spark.createDataFrame([label("a", FIRST, returned=False), label("a", VERY_LATE, returned=True), label("b", FIRST, returned=False)], LABELS)
    rows = known(labels, scores, tiny, "returned").orderBy("score").collect()
    assert [row.asDict() for row in rows] == [
        {"scored_night": DAY, "model_version": 1, "label": 1, "score": 0.3},
        {"scored_night": DAY, "model_version": 1, "label": 0, "score": 0.5},
    ]


def test_the_oldest_scored_night_is_as_late_as_the_feed_allows(tiny: Pipeline) -> None:
    assert oldest_scored(tiny, "returned", date(2013, 6, 30)) == date(2013, 5, 14)


def test_a_row_that_a_correction_left_out_no_longer_counts(spark: SparkSession, tiny: Pipeline, scores: DataFrame) -> None:
    given = [label("a", FIRST, returned=True, replaced=LATE), label("b", FIRST, returned=False, replaced=LATE)]
    labels = spark.createDataFrame([*given, label("b", FIRST, returned=False, known_night=LATE, generation=2)], LABELS)
    assert told(arrived(labels, scores, tiny, "returned", [FIRST, LATE])) == [(FIRST, DAY, "a", 1), (FIRST, DAY, "b", 0), (LATE, DAY, "b", 0)]
    assert [row["score"] for row in known(labels, scores, tiny, "returned").collect()] == [0.5]


def test_which_deliveries_were_replaced_is_told_by_the_slices(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(FIRST, 1), (FIRST, 2), (LATE, 1)], "night date, generation int")
    about = {"rows": 1, "checksum": "", "fingerprint": "", "version": 1, "run_id": "r"}
    slices = [Slice(night=night, generation=generation, known_night=on, **about) for night, generation, on in ((FIRST, 1, FIRST), (FIRST, 2, LATE))]
    found = with_replacements(rows, slices).collect()
    assert {(row["night"], row["generation"]): row["replaced_night"] for row in found} == {(FIRST, 1): LATE, (FIRST, 2): None, (LATE, 1): None}
    assert {row["replaced_night"] for row in with_replacements(rows, slices[:1]).collect()} == {None}
