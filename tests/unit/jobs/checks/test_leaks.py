"""`matins check --leaks` can fail: a feature that sees beyond its night is caught; where nothing could be altered, nothing is claimed."""

from datetime import date, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.checks.altered import altered
from jobs.checks.leaks import Known, compared, require_later, told, with_later
from jobs.config.feeds import Feed
from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.features import compile as compiling
from jobs.features import knowledge
from jobs.ledger.ledger import Slice
from jobs.nights import span
from jobs.validated.typed import META, SQL_TYPES
from tests.tiny import FIRST, merged, rows_of, spec_of

NIGHT, LAST = FIRST + timedelta(days=10), FIRST + timedelta(days=14)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """Few features: what is proven here is the proof, and each one computes them twice."""
    small = {"features": {"history": {"outcomes": {"windows": [7], "by": [["shop"]], "take": {"refund": None}}}, "calendar": None}}
    return Pipeline.model_validate(merged({"pipeline": "tiny", **spec_of()}, small))


def frame_of(spark: SparkSession, name: str, feed: Feed) -> DataFrame:
    """Validated rows of a feed, ten orders a day."""
    if feed.undated:
        rows = [(FIRST, 1, FIRST, n, shop, f"city {shop[0]}", n) for n, shop in enumerate(["ada", "ben", "cleo", "dora", "eve"], 1)]
    else:
        days = [day for day in span(FIRST, LAST) if day + timedelta(days=feed.lag) <= LAST]
        nights = {day: day + timedelta(days=feed.lag) for day in days}
        rows = [(nights[day], 1, nights[day], n, *row) for day in days for n, row in enumerate(rows_of(name, day, 10), 1)]
    columns = {column: SQL_TYPES[spec.type] for column, spec in feed.kept.items()}
    kinds = dict(zip(META, ("date", "int", "date", "bigint"), strict=True)) | columns
    texts = spark.createDataFrame([tuple(map(str, row)) for row in rows], ", ".join(f"{column} string" for column in kinds))
    typed = texts.selectExpr(*(f"cast({column} AS {kind}) AS {column}" for column, kind in kinds.items()))
    return typed.selectExpr("*", *(f"{text} AS {column}" for column, text in feed.derive.items())).persist()


def slices_of(feed: Feed) -> list[Slice]:
    nights = [FIRST] if feed.undated else span(FIRST + timedelta(days=feed.lag), LAST)
    return [Slice(night=night, generation=1, known_night=night, rows=10, checksum="", fingerprint="", version=1, run_id="") for night in nights]


@pytest.fixture(scope="module")
def known(spark: SparkSession, pipeline: Pipeline) -> Known:
    feeds = {name: pipeline.feeds[name] for name in pipeline.features.feeds}
    return Known({name: frame_of(spark, name, feed) for name, feed in feeds.items()}, {name: slices_of(feed) for name, feed in feeds.items()})


def proof(spark: SparkSession, pipeline: Pipeline, known: Known) -> dict[str, object]:
    later = {name: altered(frame, pipeline.feeds[name], NIGHT, known.slices[name], seed=7) for name, frame in known.frames.items()}
    return told(pipeline, NIGHT, later, *compared(spark, pipeline, NIGHT, known, later))


def test_sound_features_stay_the_same_bit_for_bit(spark: SparkSession, pipeline: Pipeline, known: Known) -> None:
    found = proof(spark, pipeline, known)
    assert (found["unchanged"], found["differing"], found["rows"]) == (True, [], 10)
    assert str(found["sentence"]).endswith("columns of its 10 rows are the same, bit for bit.")
    assert all(counts["cells"] > 0 and counts["added"] > 0 for counts in found["altered"].values())  # type: ignore[attr-defined]


def test_rows_that_count_whenever_they_became_known_are_caught(spark: SparkSession, pipeline: Pipeline, known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "counts_on", lambda *_: "true")
    found = proof(spark, pipeline, known)
    assert not found["unchanged"]
    assert "a LEAK" in str(found["sentence"])


def test_a_history_that_forgets_when_a_row_became_known_is_caught(
    spark: SparkSession, pipeline: Pipeline, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = knowledge.known
    forgetful = {"outcomes": "v.known_night AS known_from"}
    monkeypatch.setattr(compiling, "known", lambda feed, spec: real(feed, spec).replace(forgetful.get(feed, "nothing"), "date_add(v.day, 2) AS known_from"))
    differing = proof(spark, pipeline, known)["differing"]
    assert any(str(name).startswith("outcomes_") for name in differing)  # type: ignore[attr-defined]


def test_a_table_that_is_looked_up_in_its_newest_version_is_caught(
    spark: SparkSession, pipeline: Pipeline, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = compiling.counts_on
    monkeypatch.setattr(compiling, "counts_on", lambda night, alias: f"{alias}.known_until IS NULL" if alias.startswith("l_") else real(night, alias))
    assert {"shops_city", "shops_size"} & set(proof(spark, pipeline, known)["differing"])  # type: ignore[call-overload]


def test_the_same_seed_alters_in_the_same_way(spark: SparkSession, pipeline: Pipeline, known: Known) -> None:
    feed = pipeline.feeds["outcomes"]
    first, again, other = (altered(known.frames["outcomes"], feed, NIGHT, known.slices["outcomes"], seed=seed) for seed in (1, 1, 2))
    assert sorted(first.frame.collect()) == sorted(again.frame.collect())
    assert sorted(first.frame.collect()) != sorted(other.frame.collect())


def test_what_was_known_stays_and_the_rest_does_not(pipeline: Pipeline, known: Known) -> None:
    frame = known.frames["outcomes"]
    after = altered(frame, pipeline.feeds["outcomes"], NIGHT, known.slices["outcomes"], seed=7)
    before = frame.where(frame.known_night <= NIGHT)
    assert sorted(after.frame.where(after.frame.known_night <= NIGHT).collect()) == sorted(before.collect())
    assert after.cells > 0
    assert after.removed > 0
    keys = {(row.day, row.order_id) for row in before.collect()}
    late = [row for row in after.frame.where(after.frame.known_night > NIGHT).collect() if row.generation == 1]
    assert any((row.day, row.order_id) in keys for row in late)
    assert max(one.known_night for one in after.slices if one.generation == 2) == NIGHT + timedelta(days=1)


class TestWithoutAnythingLater:
    def only(self, known: Known, until: date) -> dict[str, list[Slice]]:
        return {feed: [one for one in found if one.night <= until] for feed, found in known.slices.items()}

    def test_the_last_night_proves_nothing(self, pipeline: Pipeline, known: Known) -> None:
        with pytest.raises(DataError, match=f"Nothing is proven: nothing of orders, outcomes, weather became known after night {LAST}"):
            require_later(pipeline, known.slices, LAST)

    def test_one_feed_that_ends_early_is_named(self, pipeline: Pipeline, known: Known) -> None:
        slices = {**known.slices, "weather": self.only(known, NIGHT)["weather"]}
        with pytest.raises(DataError, match=f"Nothing is proven: nothing of weather became known after night {NIGHT}"):
            require_later(pipeline, slices, NIGHT)

    def test_a_single_night_leaves_none_to_choose(self, pipeline: Pipeline, known: Known) -> None:
        with pytest.raises(DataError, match="Nothing is proven"):
            with_later(pipeline, self.only(known, FIRST))

    def test_a_night_without_rows_is_an_error(self, pipeline: Pipeline, known: Known) -> None:
        with pytest.raises(DataError, match="has no validated delivery of `orders` for night 2023-12-01"):
            require_later(pipeline, known.slices, date(2023, 12, 1))

    def test_the_chosen_night_has_later_deliveries_of_every_feed(self, pipeline: Pipeline, known: Known) -> None:
        assert with_later(pipeline, known.slices) == LAST - timedelta(days=7)
