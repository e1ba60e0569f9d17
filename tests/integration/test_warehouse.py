"""The warehouse on SQLite and on a real PostgreSQL: nights by generation, views that keep their promise, and what a database refuses."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import ProgrammingError

from jobs.commands.keeping import _take_away_ended
from jobs.config.loading import load_pipeline, read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import DataError, UsageError
from jobs.ledger.ledger import Slice
from jobs.published import warehouse as module
from jobs.published.access import READ, WRITE, grant
from jobs.published.loading import loads
from jobs.published.sums import Sums, sums_of
from jobs.published.warehouse import OutOfReachError, Warehouse
from jobs.settings import Settings
from tests.integration.postgresql import binaries, emptied, running
from tests.tiny import write_pipeline

NIGHT = date(2024, 2, 1)
NEXT = NIGHT + timedelta(days=1)
SCHEMA = "day date, order_id bigint, night date, score double, predicted boolean, model_version int, model_digest string, generation int, run_id string"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed"))])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    url = f"sqlite:///{tmp_path / 'warehouse.db'}" if request.param == "sqlite" else emptied(request.getfixturevalue("server"))
    made = create_engine(url)
    yield made
    made.dispose()


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return pipeline_with(tmp_path, {})


def pipeline_with(folder: Path, changes: dict[str, Any]) -> Pipeline:
    return read_pipeline(write_pipeline(folder / "pipelines", folder / "landing", nights=1, changes=changes).path)


def keyed_by(folder: Path, **more: str) -> Pipeline:
    """A pipeline with more columns in its key."""
    key = {"key": ["day", "order_id", *more]}
    return pipeline_with(folder, {"feeds": {"orders": key, "outcomes": {**key, "columns": more}}, "features": {"history": None}})


def rows_of(spark: SparkSession, *nights: date, count: int = 4, generation: int = 1, score: float = 0.1) -> DataFrame:
    made = [(night, n, night, score + n / 7, n % 2 == 0, 3, "d" * 64, generation, "r") for night in nights for n in range(count)]
    return spark.createDataFrame(made, SCHEMA)


def slice_of(night: date, generation: int, rows: int) -> Slice:
    detail = {"champion": 3, "digest": "d" * 64}
    return Slice(
        night=night, generation=generation, known_night=night, rows=rows, checksum=f"c{generation}", fingerprint="f", version=7, run_id="r", detail=detail
    )


def publish(warehouse: Warehouse, frame: DataFrame, **about: Any) -> None:
    wanted = sums_of(frame, warehouse.pipeline)
    (generation,) = {row["generation"] for row in frame.select("generation").distinct().collect()}
    slices = {night: slice_of(night, generation, sums.rows) for night, sums in wanted.items()}
    for night, load in loads(warehouse.engine.dialect.name, frame, warehouse.table, slices):
        entry = {
            "generation": generation,
            "checksum": f"c{generation}",
            "delta_version": 7,
            "model_version": 3,
            "policy": "current",
            "restated": False,
            "run_id": "r",
        }
        told = about.get("wanted", wanted[night])
        warehouse.publish(night, load, lambda told=told: told, {**entry, **{key: value for key, value in about.items() if key != "wanted"}})


def shown(engine: Engine, view: str, columns: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM {view} ORDER BY 1, 2"))]


def test_the_view_shows_the_newest_generation_and_the_history_all(engine: Engine, pipeline: Pipeline, spark: SparkSession) -> None:
    warehouse = Warehouse(engine, pipeline, "returned")
    publish(warehouse, rows_of(spark, NIGHT, NEXT))
    publish(warehouse, rows_of(spark, NIGHT, count=3, generation=2, score=0.5), policy="as-of")
    assert warehouse.row_counts() == {NIGHT: 3, NEXT: 4}
    newest = shown(engine, "tiny_returned_v1", "order_id, score, generation, night")
    assert [row[:3] for row in newest if str(row[3]) == str(NIGHT)] == [(n, 0.5 + n / 7, 2) for n in range(3)]
    history = shown(engine, "tiny_returned_history", "night, generation, current, policy")
    assert len(history) == 4 + 4 + 3
    assert {(str(row[0]), *map(str, row[1:])) for row in history} == {
        (str(NIGHT), "1", str(history[0][2]), "current"),
        (str(NIGHT), "2", str(history[-1][2]), "as-of"),
        (str(NEXT), "1", str(history[-1][2]), "current"),
    }
    assert {night: (entry["generation"], entry["rows"]) for night, entry in warehouse.published().items()} == {NIGHT: (2, 3), NEXT: (1, 4)}


def test_upkeep_takes_a_former_view_away_before_anything_is_published_to_the_new_one(
    engine: Engine, pipeline: Pipeline, tmp_path: Path, spark: SparkSession
) -> None:
    publish(Warehouse(engine, pipeline, "returned"), rows_of(spark, NIGHT))
    ending = pipeline_with(tmp_path, {"models": {"returned": {"publish": {"view": "v2", "ends": {"v1": "2024-03-31"}}}}})
    settings = Settings(home=tmp_path, warehouse_secret=engine.url.render_as_string(hide_password=False))
    assert set(_take_away_ended(settings, ending)) == {"tiny_returned_v1", "tiny_returned_history", "tiny_returned_freshness"}


def test_a_former_view_lives_to_its_stated_end_and_its_rows_stay(engine: Engine, pipeline: Pipeline, tmp_path: Path, spark: SparkSession) -> None:
    publish(Warehouse(engine, pipeline, "returned"), rows_of(spark, NIGHT))
    last_day = date(2024, 3, 31)
    ending = pipeline_with(tmp_path, {"models": {"returned": {"publish": {"view": "v2", "ends": {"v1": str(last_day)}}}}})
    warehouse = Warehouse(engine, ending, "returned")
    told = {view: str(day) for view, day in shown(engine, "matins_contracts", "view_name, ends")}
    assert {view for view, day in told.items() if day == str(last_day)} == {"tiny_returned_v1", "tiny_returned_history", "tiny_returned_freshness"}
    assert warehouse.take_away_ended(last_day) == []
    assert len(shown(engine, "tiny_returned_v1", "night, order_id")) == 4
    assert set(warehouse.take_away_ended(last_day + timedelta(days=1))) == {"tiny_returned_v1", "tiny_returned_history", "tiny_returned_freshness"}
    assert {name for name in inspect(engine).get_view_names() if name.startswith("tiny")} == {
        "tiny_returned_v2",
        "tiny_returned_history_v2",
        "tiny_returned_freshness_v2",
    }
    assert len(shown(engine, "tiny_returned_predictions", "night, order_id")) == 4
    Warehouse(engine, ending, "returned")


def test_freshness_is_of_the_newest_night_and_says_when_the_next_is_expected(engine: Engine, pipeline: Pipeline, spark: SparkSession) -> None:
    publish(Warehouse(engine, pipeline, "returned"), rows_of(spark, NIGHT, NEXT))
    ((night, rows, version, expected),) = shown(engine, "tiny_returned_freshness", "night, rows, model_version, next_expected")
    assert (str(night), rows, version) == (str(NEXT), 4, 3)
    at = datetime(2024, 2, 3, 6, tzinfo=UTC)
    assert expected == (at if engine.dialect.name == "postgresql" else f"{at:%Y-%m-%d %H:%M:%S}")


def test_the_same_generation_again_is_there_once(engine: Engine, pipeline: Pipeline, spark: SparkSession) -> None:
    warehouse = Warehouse(engine, pipeline, "returned")
    for _ in range(2):
        publish(Warehouse(engine, pipeline, "returned"), rows_of(spark, NIGHT))
    assert warehouse.row_counts() == {NIGHT: 4}
    assert len(shown(engine, "matins_publish_ledger", "night, generation")) == 1


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Sums(9, 0, None), r"4 rows of night 2024-02-01 arrived, 9 were committed to the lake; nothing was published"),
        (Sums(4, 1, None), r"the rows of night 2024-02-01 are not those of the lake"),
    ],
)
def test_rows_that_are_not_the_lakes_are_not_published(engine: Engine, pipeline: Pipeline, spark: SparkSession, wanted: Sums, told: str) -> None:
    warehouse = Warehouse(engine, pipeline, "returned")
    publish(warehouse, rows_of(spark, NIGHT))
    with pytest.raises(DataError, match=told):
        publish(warehouse, rows_of(spark, NIGHT, generation=2), wanted=wanted)
    assert warehouse.published()[NIGHT]["generation"] == 1
    assert len(shown(engine, "tiny_returned_history", "night, order_id")) == 4


def test_every_type_of_key_arrives_as_it_was(engine: Engine, tmp_path: Path, spark: SparkSession) -> None:
    pipeline = keyed_by(tmp_path, shop="string", amount="float", placed="timestamp")
    at = datetime(2024, 2, 1, 5, 30, 0, 250_000, tzinfo=UTC)
    made = [(NIGHT, n, name, 0.1 + n, at, NIGHT, 0.3, True, 3, "d", 1, "r") for n, name in enumerate(["plain", 'with "quotes", and\nlines', "", "ünï"])]
    frame = spark.createDataFrame(made, SCHEMA.replace("night date", "shop string, amount double, placed timestamp, night date"))
    warehouse = Warehouse(engine, pipeline, "returned")
    publish(warehouse, frame)
    found = shown(engine, "tiny_returned_v1", "order_id, shop, amount")
    assert found == [(n, name, 0.1 + n) for n, (_, _, name, *_) in enumerate(made)]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("score", float("nan"), r"night 2024-02-01, the row day='2024-02-01', order_id='7', shop='a': `score` is 'nan'; allowed is a finite number"),
        ("score", float("inf"), r"`score` is 'inf'; allowed is a finite number"),
        ("shop", "x" * 513, r"order_id='7', .*: `shop` is 'x{40}'; allowed is a text of at most 512 characters, without NUL"),
        ("shop", "a\0b", r"`shop` is 'a\\x00b'; allowed is a text"),
    ],
)
def test_what_no_database_takes_is_refused_with_its_row(spark: SparkSession, tmp_path: Path, column: str, value: Any, told: str) -> None:
    pipeline = keyed_by(tmp_path, shop="string")
    row = {"day": NIGHT, "order_id": 7, "shop": "a", "night": NIGHT, "score": 0.5, column: value}
    frame = spark.createDataFrame([tuple(row.values())], "day date, order_id bigint, shop string, night date, score double")
    with pytest.raises(DataError, match=told):
        sums_of(frame, pipeline)


class TestContract:
    """What readers of `tiny_returned_v1` were promised."""

    def test_a_column_that_goes_is_refused_with_the_difference(self, engine: Engine, tmp_path: Path, spark: SparkSession) -> None:
        Warehouse(engine, keyed_by(tmp_path, shop="string"), "returned")
        with pytest.raises(UsageError, match=r"The view tiny_returned_v1 would break for those who read it: - shop VARCHAR\(512\)\. .*`publish: \{view: v2\}`"):
            Warehouse(engine, pipeline_with(tmp_path, {}), "returned")
        newer = pipeline_with(tmp_path, {"models": {"returned": {"publish": {"view": "v2"}}}})
        publish(Warehouse(engine, newer, "returned"), rows_of(spark, NIGHT))
        assert len(shown(engine, "tiny_returned_v2", "night, order_id")) == 4
        assert shown(engine, "tiny_returned_v1", "night, shop") == []

    def test_a_type_that_changes_is_refused(self, engine: Engine, pipeline: Pipeline, tmp_path: Path) -> None:
        Warehouse(engine, pipeline, "returned")
        texts = pipeline_with(tmp_path, {"feeds": {feed: {"columns": {"order_id": "string"}} for feed in ("orders", "outcomes")}})
        with pytest.raises(UsageError, match=r"~ order_id BIGINT → VARCHAR\(512\)"):
            Warehouse(engine, texts, "returned")

    def test_it_is_on_record(self, engine: Engine, pipeline: Pipeline) -> None:
        Warehouse(engine, pipeline, "returned")
        kept = dict(shown(engine, "matins_contracts", "view_name, columns"))
        assert [name for name, _ in json.loads(kept["tiny_returned_v1"])][:4] == ["day", "order_id", "night", "score"]


def test_a_warehouse_of_release_0_1_keeps_its_nights(engine: Engine, pipeline: Pipeline, spark: SparkSession) -> None:
    release = [
        "CREATE TABLE tiny_returned_predictions (day DATE NOT NULL, order_id BIGINT NOT NULL, night DATE NOT NULL, score FLOAT NOT NULL, "
        "predicted BOOLEAN NOT NULL, model_version INTEGER NOT NULL, model_digest VARCHAR(64) NOT NULL, generation INTEGER NOT NULL, "
        "run_id VARCHAR(40) NOT NULL, "
        "published_at TIMESTAMP NOT NULL, CONSTRAINT uq_tiny_returned_predictions UNIQUE (day, order_id, night))",
        "CREATE INDEX ix_tiny_returned_predictions_night ON tiny_returned_predictions (night)",
        "CREATE VIEW tiny_returned_v1 AS SELECT day, order_id, night, score FROM tiny_returned_predictions",
        "CREATE TABLE matins_publish_ledger (table_name VARCHAR(128) NOT NULL, night DATE NOT NULL, generation INTEGER NOT NULL, rows INTEGER NOT NULL, "
        "checksum VARCHAR(80) NOT NULL, delta_version INTEGER NOT NULL, model_version INTEGER NOT NULL, run_id VARCHAR(40) NOT NULL, "
        "published_at TIMESTAMP NOT NULL, PRIMARY KEY (table_name, night, generation))",
        "INSERT INTO tiny_returned_predictions VALUES ('2024-02-01', 7, '2024-02-01', 0.25, true, 3, 'd', 2, 'r', '2024-02-01 06:00:00')",
        *(
            f"INSERT INTO matins_publish_ledger VALUES ('tiny_returned_predictions', '2024-02-01', {n}, 1, 'c', 7, 3, 'r', '2024-02-01 06:00:00')"
            for n in (1, 2)
        ),
    ]
    with engine.begin() as connection:
        for statement in release:
            connection.execute(text(statement))
    warehouse = Warehouse(engine, pipeline, "returned")
    assert shown(engine, "tiny_returned_v1", "order_id, score, generation") == [(7, 0.25, 2)]
    assert {night: entry["generation"] for night, entry in warehouse.published().items()} == {NIGHT: 2}
    publish(warehouse, rows_of(spark, NIGHT, generation=3))
    assert {row[1] for row in shown(engine, "tiny_returned_history", "order_id, generation")} == {2, 3}
    assert "old_" not in inspect(engine).get_table_names()


def test_a_reader_sees_one_generation_whole_at_any_time(engine: Engine, pipeline: Pipeline, spark: SparkSession) -> None:
    warehouse = Warehouse(engine, pipeline, "returned")
    publish(warehouse, rows_of(spark, NIGHT))
    done, seen = threading.Event(), set[tuple[int, int]]()

    def read() -> None:
        while not done.is_set():
            found = shown(engine, "tiny_returned_v1", "generation, order_id")
            seen.add((len({row[0] for row in found}), len(found)))

    reader = threading.Thread(target=read)
    reader.start()
    for generation in range(2, 7):
        publish(warehouse, rows_of(spark, NIGHT, generation=generation))
    done.set()
    reader.join()
    assert seen == {(1, 4)}


def test_the_queries_of_the_consumers_page_run(engine: Engine, home: Settings, spark: SparkSession) -> None:
    page = (Path(__file__).parents[2] / "docs" / "warehouse.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?);\n```", page, flags=re.DOTALL)
    night = date(2013, 5, 31)
    made = [(night, "UA", 15 + n, "EWR", night, 0.9 - n / 10, n < 2, 3, "d", 1, "r") for n in range(4)]
    frame = spark.createDataFrame(made, SCHEMA.replace("order_id bigint", "carrier string, flight bigint, origin string"))
    publish(Warehouse(engine, load_pipeline("flights", home), "delayed"), frame)
    with engine.connect() as connection:
        late, fresh, versions, told, lacking = ([*connection.execute(text(query))] for query in queries)
    assert [row[2] for row in late] == [15, 16]
    assert len(fresh) == len(versions) == len(told) == 1
    assert lacking == []


class TestPostgreSQL:
    """What only a server has."""

    @pytest.fixture
    def engine(self, server: str) -> Iterator[Engine]:
        made = create_engine(emptied(server))
        yield made
        made.dispose()

    def test_tables_and_views_say_what_they_are(self, engine: Engine, pipeline: Pipeline) -> None:
        Warehouse(engine, pipeline, "returned")
        there = inspect(engine)
        for name in ("tiny_returned_predictions", "tiny_returned_v1"):
            assert there.get_table_comment(name) == {"text": "know which orders come back"}
            told = {column["name"]: column["comment"] for column in there.get_columns(name)}
            assert told["score"] == "Probability that outcomes.returned"
            assert all(told.values())

    def test_a_lock_that_another_holds_is_waited_for_and_not_for_ever(
        self, engine: Engine, pipeline: Pipeline, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        warehouse = Warehouse(engine, pipeline, "returned")
        publish(warehouse, rows_of(spark, NIGHT))
        monkeypatch.setattr(module, "LOCK_SECONDS", 1)
        with engine.connect() as other:
            other.execute(text("LOCK TABLE tiny_returned_predictions IN EXCLUSIVE MODE"))
            began = time.monotonic()
            with pytest.raises(OutOfReachError, match="lock timeout"):
                publish(warehouse, rows_of(spark, NIGHT, generation=2))
            assert time.monotonic() - began < 30
        assert warehouse.published()[NIGHT]["generation"] == 1

    def test_who_may_read_stays_when_a_view_is_made_anew(self, engine: Engine, pipeline: Pipeline) -> None:
        Warehouse(engine, pipeline, "returned")
        with engine.begin() as connection:
            connection.execute(text("CREATE VIEW theirs AS SELECT score FROM tiny_returned_v1"))
            connection.execute(text("UPDATE matins_contracts SET definition = 'of an earlier release'"))
        Warehouse(engine, pipeline, "returned")
        assert "theirs" in inspect(engine).get_view_names()

    def test_readers_read_the_views_and_nothing_else(self, engine: Engine, pipeline: Pipeline, spark: SparkSession) -> None:
        publish(Warehouse(engine, pipeline, "returned"), rows_of(spark, NIGHT))
        with login(engine, pipeline, READ) as reader:
            for view in ("tiny_returned_v1", "tiny_returned_history", "tiny_returned_freshness"):
                assert shown(reader, view, "night, rows" if view.endswith("freshness") else "night, order_id")
            for refused in (
                "SELECT * FROM tiny_returned_predictions",
                "SELECT * FROM matins_publish_ledger",
                "INSERT INTO matins_publish_ledger DEFAULT VALUES",
                "CREATE TABLE mine (x int)",
                "DROP VIEW tiny_returned_v1",
                "CREATE ROLE more",
            ):
                with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), reader.begin() as connection:
                    connection.execute(text(refused))

    def test_writers_publish_and_make_nothing(self, engine: Engine, pipeline: Pipeline, spark: SparkSession) -> None:
        Warehouse(engine, pipeline, "returned")
        with login(engine, pipeline, WRITE) as writer:
            for generation in (1, 2):
                publish(Warehouse(writer, pipeline, "returned"), rows_of(spark, NIGHT, generation=generation))
            for refused in ("UPDATE tiny_returned_predictions SET score = 0", "TRUNCATE tiny_returned_predictions", "CREATE TABLE mine (x int)"):
                with pytest.raises(ProgrammingError, match="permission denied"), writer.begin() as connection:
                    connection.execute(text(refused))
        assert shown(engine, "tiny_returned_v1", "generation, order_id") == [(2, n) for n in range(4)]

    def test_what_was_granted_may_be_granted_again(self, engine: Engine, pipeline: Pipeline) -> None:
        first, second = grant(engine, [pipeline]), grant(engine, [pipeline])
        assert [one for one in first if not one.startswith("CREATE ROLE")] == second


@contextmanager
def login(owner: Engine, pipeline: Pipeline, role: str) -> Iterator[Engine]:
    """Somebody who is given one of the roles, and is gone afterwards."""
    grant(owner, [pipeline])
    with owner.begin() as connection:
        connection.execute(text(f"CREATE ROLE somebody LOGIN IN ROLE {role}"))
    theirs = create_engine(owner.url.set(username="somebody"))
    try:
        yield theirs
    finally:
        theirs.dispose()
        with owner.begin() as connection:
            connection.execute(text("DROP ROLE somebody"))


def test_a_file_has_no_roles(tmp_path: Path, pipeline: Pipeline) -> None:
    with pytest.raises(UsageError, match="which has no roles: whoever may read the file may read all"):
        grant(create_engine(f"sqlite:///{tmp_path / 'warehouse.db'}"), [pipeline])
