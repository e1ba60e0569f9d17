"""A team's own pipeline, in a folder outside the product: Parquet, SQL and CSV feeds, personal columns, a class and a quantity, from delivery to warehouse."""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from ruamel.yaml import YAML
from sqlalchemy import create_engine, text

from jobs.cli import app, guarded
from jobs.config.loading import load_pipeline
from jobs.lake.lake import Lake, checksums
from jobs.ledger.ledger import Ledger
from jobs.nights import span
from jobs.plan import tasks
from jobs.settings import read_settings
from jobs.work import new_run_id
from tests.integration.postgresql import binaries, running
from tests.tiny import FIRST, HEADERS, SHOPS, merged, rows_of, spec_of

NAME, MODEL, QUANTITY = "returns", "returned", "kept"
AS_OF, NIGHTS = FIRST + timedelta(days=30), span(FIRST + timedelta(days=31), FIRST + timedelta(days=33))
LAST = NIGHTS[-1]
CANARY = "canary.example"
ORDERS = 60
CHANGES: dict[str, Any] = {
    "pipeline": NAME,
    "feeds": {
        "orders": {
            "path": "orders/{night}.parquet",
            "columns": {"email": {"type": "string", "personal": "hash"}, "phone": {"type": "string", "personal": "drop"}},
        },
        "outcomes": {
            "path": None,
            "sql": {"url": "RETURNS_SOURCE", "query": "SELECT day, order_id, days_kept, refund, clerk, note FROM outcomes WHERE day = :event_day"},
            "columns": {"clerk": {"type": "string", "personal": "hash"}, "note": {"type": "string", "personal": "drop"}},
        },
        "shops": {"columns": {"owner": {"type": "string", "personal": "drop"}}},
        "weather": None,
    },
    "features": {"latest": None, "history": {"outcomes": {"by": [[], ["shop"], ["email"]]}}},
    "models": {
        QUANTITY: {
            "label": "outcomes.days_kept",
            "type": "regression",
            "error": "absolute",
            "segments": {"train": 14, "tune": 4, "holdout": 7},
            "max_trees": 40,
            "early_stopping": 10,
            "params": {"max_depth": 3, "eta": 0.2},
            "threads": 1,
            "device": "cpu",
            "gate": {"floors": {"mae": 50}, "champion": {"non_inferior": 1}, "min_history_coverage": 0.3},
        },
    },
}
Row = tuple[Any, ...]
pytestmark = pytest.mark.timeout(1800)


@dataclass(frozen=True)
class Scene:
    """The folders of the team and those of the product."""

    pipelines: Path
    landing: Path
    source: Path
    home: Path


def matins(*arguments: str) -> int:
    """The command, in this process."""
    return guarded(lambda: app(list(arguments)))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Iterator[Scene]:
    """History up to `AS_OF`, a training, and three nights as one backfill."""
    folder = tmp_path_factory.mktemp("team")
    made = Scene(folder / "pipelines", folder / "landing", folder / "source.db", folder / "home")
    _write_pipeline(made.pipelines)
    for night in span(FIRST, LAST):
        _deliver(made.landing, night)
    _write_shops(made.landing)
    with closing(sqlite3.connect(made.source)) as source, source:
        source.execute("CREATE TABLE outcomes (day TEXT, order_id INTEGER, days_kept INTEGER, refund REAL, clerk TEXT, note TEXT)")
        source.executemany("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?)", _outcomes())
    with pytest.MonkeyPatch.context() as environment:
        for name in ("MATINS_LAKE", "MATINS_WAREHOUSE_URL", "MATINS_LEDGER_URL", "MLFLOW_TRACKING_URI", "MATINS_FAIL"):
            environment.delenv(name, raising=False)
        for name, value in {
            "MATINS_HOME": made.home,
            "MATINS_LANDING": made.landing,
            "MATINS_PIPELINES": made.pipelines,
            "MATINS_SPARK_PROFILE": "test",
            "MATINS_HASH_KEY": "a key of this test",
            "RETURNS_SOURCE": f"sqlite:///{made.source}",
        }.items():
            environment.setenv(name, str(value))
        history = ["--from", str(FIRST), "--to", str(AS_OF), "--steps", "raw,validated,features", "--no-pages"]
        assert matins("backfill", NAME, *history) == 0
        for model in (MODEL, QUANTITY):
            assert matins("train", f"{NAME}.{model}", "--as-of", str(AS_OF)) == 0
        assert matins("backfill", NAME, "--from", str(NIGHTS[0]), "--to", str(LAST)) == 0
        yield made


def test_every_step_has_written_what_its_night_is(scene: Scene, spark: SparkSession) -> None:
    lake = _lake(spark)
    # What looks back on a night keeps records and pages, and no table; what is published lies in the warehouse.
    nightly = [task for task in tasks(load_pipeline(NAME, read_settings())) if task.step.nightly and not task.step.looks_back and task.step.name != "published"]
    # Labels come two nights after their day, so the first nights that are scored have nothing to be measured by.
    expected = {task.table: NIGHTS[2:] if task.step.name == "performance" else [FIRST] if task.item == "shops" else NIGHTS for task in nightly}
    found = {table: [night for night in nights if (one := lake.current(table).get(night)) and one.rows] for table, nights in expected.items()}
    assert found == expected
    for model in ("returned", "kept"):
        assert [one["night"] for one in lake.ledger.retrainings(NAME, model)] == NIGHTS
    assert all((read_settings().reports / NAME / "nights" / f"{night}.html").is_file() for night in NIGHTS)
    assert [one["act"] for one in lake.ledger.decisions(NAME)] == ["trained", "promoted"] * 2


def test_in_is_good_and_bad_and_duplicates(scene: Scene, spark: SparkSession) -> None:
    lake = _lake(spark)
    for night in NIGHTS:
        counts = lake.current("validated/orders")[night].counts
        assert counts == {"rows": ORDERS + 3, "good": ORDERS, "bad": 2, "duplicates": 1}
        assert lake.read("raw/orders", [night]).frame.count() == ORDERS + 3
        assert lake.read("validated/orders", [night]).frame.count() == ORDERS
        assert lake.read("quarantine/orders", [night]).frame.count() == 3
    for slices in (lake.slices(f"validated/{feed}") for feed in ("outcomes", "shops")):
        assert slices
        assert all(one.counts["rows"] == one.counts["good"] + one.counts["bad"] + one.counts["duplicates"] for one in slices)


def test_the_warehouse_shows_each_row_to_score_once(scene: Scene) -> None:
    rows = _warehouse(read_settings().warehouse_url)
    assert Counter(row["night"] for row in rows) == {str(night): ORDERS for night in NIGHTS}
    assert {(row["day"], row["order_id"]) for row in rows} == {(str(night), number) for night in NIGHTS for number in range(1, ORDERS + 1)}
    assert all(0 <= row["score"] <= 1 for row in rows)


def test_a_quantity_is_published_beside_the_class_from_the_same_features(scene: Scene, spark: SparkSession) -> None:
    engine = create_engine(read_settings().warehouse_url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(text(f"SELECT * FROM {NAME}_{QUANTITY}_v1")).mappings()]
    engine.dispose()
    assert "predicted" not in rows[0]
    assert {(row["day"], row["order_id"]) for row in rows} == {(one["day"], one["order_id"]) for one in _warehouse(read_settings().warehouse_url)}
    assert len({round(row["score"], 6) for row in rows}) > len(SHOPS)
    assert max(row["score"] for row in rows) > 1
    lake = _lake(spark)
    versions = {lake.current(f"{model}/predictions")[NIGHTS[0]].detail["features_version"] for model in (MODEL, QUANTITY)}
    assert len(versions) == 1
    measured = lake.read(f"{QUANTITY}/performance").frame.first()
    assert measured.mae > 0
    assert "roc_auc" not in lake.read(f"{QUANTITY}/performance").frame.columns


def test_the_verdict_can_be_read_and_the_gate_put_to_the_test(scene: Scene, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    assert matins("gate", f"{NAME}.{MODEL}") == 0
    told = capsys.readouterr().out
    assert f"{NAME}.{MODEL}: PASS, since all" in told
    assert "PASS   beats_constant: " in told
    before = _versions(scene)
    assert matins("gate", f"{NAME}.{MODEL}", "--placebo", "4", "--as-of", str(AS_OF), "--json") == 0
    tallies = json.loads(capsys.readouterr().out)
    assert {one["pairs"] for one in tallies} == {"another seed", "nights drawn again", "mixed by night", "mixed, one spoiled"}
    assert {one["rule"] for one in tallies} == {"non_inferior: 0.002", "superior: 0"}
    worst = min(tallies, key=lambda one: one["better by"])
    assert worst["promoted"].startswith("0.00 [0.00, ")
    assert _versions(scene) == before
    assert (scene.home / "reports" / NAME / MODEL / "model" / "v1.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_baselines_stand_beside_the_model(scene: Scene, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    assert matins("performance", f"{NAME}.{QUANTITY}", "--baselines", "--json") == 0
    found = {(one["name"], one["scorer"]): one for one in json.loads(capsys.readouterr().out)}
    assert {scorer for _, scorer in found} == {"model", "constant", "historical_rate", "linear"}
    assert len({one["rows"] for (name, _), one in found.items() if name == "all"}) == 1
    assert found["all", "model"]["metrics"]["mae"]["value"] < found["all", "constant"]["metrics"]["mae"]["value"]


def test_personal_values_are_nowhere_in_clear(scene: Scene, spark: SparkSession) -> None:
    """Neither as bytes of any file, nor inside Parquet's compressed pages; the answers of the SQL source lie outside the home."""
    kept = [path for folder in (scene.home, scene.landing / NAME) for path in folder.rglob("*") if path.is_file()]
    parquet = [path for path in kept if path.suffix == ".parquet" and not path.name.startswith(".")]
    assert {path.relative_to(scene.home / "lake" / NAME).parts[0] for path in parquet if "lake" in path.parts} == {
        "raw",
        "validated",
        "quarantine",
        "features",
        MODEL,
        QUANTITY,
    }
    assert any(path.is_relative_to(scene.landing) for path in parquet)
    assert [path for path in kept if CANARY.encode() in path.read_bytes()] == []
    assert [path for path in parquet if CANARY in str(pq.ParquetFile(path).read().to_pylist())] == []


def test_a_hashed_column_tells_the_same_person_and_a_dropped_one_is_gone(scene: Scene, spark: SparkSession) -> None:
    orders = _lake(spark).read("validated/orders", NIGHTS).frame
    assert "phone" not in orders.columns
    people = {_customer(number) for number in range(1, ORDERS + 1)}
    hashes = {row["email"] for row in orders.select("email").distinct().collect()}
    assert len(hashes) == len(people)
    assert all(len(one) == 64 for one in hashes)
    outcomes = _lake(spark).read("raw/outcomes", NIGHTS).frame
    assert "note" not in outcomes.columns
    assert not outcomes.where("length(clerk) != 64").count()


def test_running_again_changes_nothing(scene: Scene, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    before = (_versions(scene), _warehouse(read_settings().warehouse_url))
    assert matins("backfill", NAME, "--from", str(NIGHTS[0]), "--to", str(LAST)) == 0
    assert all(line.endswith("nothing changed") for line in capsys.readouterr().out.splitlines())
    assert (_versions(scene), _warehouse(read_settings().warehouse_url)) == before


def test_a_night_alone_is_the_night_of_a_backfill(scene: Scene, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = _contents(_lake(spark))
    _another_home(scene, tmp_path, monkeypatch)
    assert matins("run", NAME, "--night", str(NIGHTS[1]), "--no-pages") == 0
    assert _contents(_lake(spark)) == expected


def test_postgresql_serves_as_source_ledger_and_warehouse(
    scene: Scene, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql: str
) -> None:
    expected = _contents(_lake(spark))
    of_night = [row for row in _warehouse(read_settings().warehouse_url) if row["night"] == str(NIGHTS[1])]
    _fill(postgresql)
    _another_home(scene, tmp_path, monkeypatch)
    for name in ("RETURNS_SOURCE", "MATINS_LEDGER_URL", "MATINS_WAREHOUSE_URL"):
        monkeypatch.setenv(name, postgresql)
    for _ in range(2):
        assert matins("run", NAME, "--night", str(NIGHTS[1]), "--no-pages") == 0
    assert _contents(_lake(spark)) == expected
    names = ("day", "order_id", "score", "predicted", "model_version", "model_digest")
    assert [[row[name] for name in names] for row in _warehouse(postgresql)] == [[row[name] for name in names] for row in of_night]


def _fill(url: str) -> None:
    """The source's table, with the database's own types."""
    names = ("day", "order_id", "days_kept", "refund", "clerk", "note")
    engine = create_engine(url)
    with engine.begin() as source:
        source.execute(text("CREATE TABLE outcomes (day DATE, order_id INTEGER, days_kept INTEGER, refund DOUBLE PRECISION, clerk TEXT, note TEXT)"))
        into = text(f"INSERT INTO outcomes VALUES ({', '.join(f':{name}' for name in names)})")
        source.execute(into, [dict(zip(names, row, strict=True)) for row in _outcomes()])
    engine.dispose()


@pytest.fixture
def postgresql() -> Iterator[str]:
    """A server of the test's own."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running() as url:
        yield url


def _another_home(scene: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same deliveries and the same registry, and nothing computed yet."""
    registry = read_settings().mlflow_uri
    monkeypatch.setenv("MATINS_HOME", str(folder / "home"))
    # What the source answered is stored among the deliveries: a landing folder of its own makes this home ask again.
    shutil.copytree(scene.landing, folder / "landing", ignore=shutil.ignore_patterns(NAME))
    monkeypatch.setenv("MATINS_LANDING", str(folder / "landing"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry)


def _contents(lake: Lake) -> dict[str, tuple[int, str]]:
    """Rows and checksum of one night's features and scores, from the rows themselves."""
    tables = ("features", f"{MODEL}/predictions")
    return {table: content for table in tables for content in checksums(lake.read(table, [NIGHTS[1]]).frame, by=["night"]).values()}


def _lake(spark: SparkSession) -> Lake:
    settings = read_settings()
    return Lake(spark, Ledger.of(settings), root=settings.lake, pipeline=NAME, run_id=new_run_id())


def _versions(scene: Scene) -> dict[str, int]:
    logs = (scene.home / "lake").rglob("_delta_log")
    return {str(log.parent.relative_to(scene.home)): len(list(log.glob("*.json"))) for log in logs}


def _warehouse(url: str) -> list[dict[str, Any]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT * FROM {NAME}_{MODEL}_v1 ORDER BY day, order_id")).mappings()
        found = [{**row, "day": str(row["day"]), "night": str(row["night"]), "predicted": bool(row["predicted"])} for row in rows]
    engine.dispose()
    return found


def _write_pipeline(folder: Path) -> None:
    folder.mkdir(parents=True)
    with (folder / f"{NAME}.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(merged(spec_of(), CHANGES), file)


def _deliver(landing: Path, night: date) -> None:
    """A day's orders, of which one is delivered twice, one costs too much and one has no number."""
    orders: list[Row] = [(*row, _customer(row[1]), f"+49-{row[1]}-{CANARY}") for row in rows_of("orders", night, ORDERS)]
    twice, dear, unknown = orders[0], list(orders[1]), list(orders[2])
    dear[1], dear[3], unknown[1] = ORDERS + 1, 5000.0, None
    names = [*HEADERS["orders"], "email", "phone"]
    path = landing / f"orders/{night}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(zip(names, map(list, zip(*orders, twice, dear, unknown, strict=True)), strict=True))), path)


def _outcomes() -> Sequence[Row]:
    days = span(FIRST, LAST - timedelta(days=2))
    return [(str(day), *row[1:3], float(row[3]), f"clerk{row[1] % 3}@{CANARY}", f"called {CANARY}") for day in days for row in rows_of("outcomes", day, ORDERS)]


def _write_shops(landing: Path) -> None:
    lines = [f"{shop},city {shop[0]},{10 * place},{shop}@{CANARY}" for place, shop in enumerate(SHOPS, 1)]
    (landing / "shops.csv").write_text("\n".join(["shop,city,size,owner", *lines, ""]), encoding="utf-8")


def _customer(number: int) -> str:
    return f"customer{number % 20}@{CANARY}"
