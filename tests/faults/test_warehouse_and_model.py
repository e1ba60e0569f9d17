"""A warehouse that is locked or read-only, a champion that is not there or not whole, features that do not fit it: nothing changes, and each says why."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from pyspark.sql import functions as F
from sqlalchemy import Engine, event, update

from jobs.ledger import engines
from jobs.ledger.tables import leases
from jobs.published import step as published
from jobs.published import warehouse
from tests.faults import invariants
from tests.faults.prepared import LEFT_TO_DO, MODEL, NAME, PUBLISHED, Scene

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is waited for a moment, not half a minute."""

    def open_engine(url: str) -> Engine:
        engine = engines.open_engine(url)
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 200"))
        return engine

    monkeypatch.setattr(warehouse, "open_engine", open_engine)


@contextmanager
def locked(scene: Scene) -> Iterator[None]:
    with closing(sqlite3.connect(scene.settings.root / "warehouse.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def read_only(scene: Scene) -> Iterator[None]:
    """By a trigger-free way that binds root as well: SQLite itself is told."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MATINS_WAREHOUSE_URL", f"sqlite:///file:{scene.settings.root / 'warehouse.db'}?mode=ro&uri=true")
        yield


@pytest.mark.parametrize(("state", "why"), [(locked, "database is locked"), (read_only, "attempt to write a readonly database")], ids=["locked", "read-only"])
def test_a_warehouse_that_cannot_be_written_shows_what_it_showed(scene: Scene, capsys: Capture, state: object, why: str) -> None:
    before = shown(scene)
    with state(scene):  # type: ignore[operator]
        assert scene.do("published") == 3
    said = capsys.readouterr().err
    assert f"matins: The warehouse cannot be written ({why}); it shows what it showed before. Free the lock, the disk or the permission and run again." in said
    assert shown(scene) == before
    invariants.hold(scene)
    assert scene.do("published") == 0
    assert len(shown(scene)) == len(before) + 60
    invariants.hold(scene)


def test_a_publication_that_lost_its_turn_is_refused_and_shows_nothing(scene: Scene, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that slept would otherwise put an older generation in the place of the newer one of the run that took over."""
    before, points = shown(scene), []

    def taken_over(point: str) -> None:
        points.append(point)
        with scene.lake.ledger.writing() as connection:
            connection.execute(update(leases).where(leases.c.resource.startswith("warehouse/")).values(token=leases.c.token + 1))

    monkeypatch.setattr(published, "reached", taken_over)
    assert scene.do("published") == 3
    assert points == ["published.before_commit"]
    assert "was taken over by another run; this one commits nothing." in capsys.readouterr().err
    assert shown(scene) == before


def test_without_a_champion_a_night_is_red_and_no_empty_table_is_left(scene: Scene, capsys: Capture) -> None:
    with closing(sqlite3.connect(scene.settings.root / "mlflow.db")) as connection, connection:
        connection.execute("DELETE FROM registered_model_aliases")
    before = scene.lake.current(f"{MODEL}/predictions")
    assert scene.do("predictions") == 1
    assert f"{NAME}.{MODEL} has no champion, so nothing can be scored. Train one: matins train {NAME}.{MODEL} --as-of NIGHT." in capsys.readouterr().out
    assert scene.lake.current(f"{MODEL}/predictions") == before


@pytest.mark.parametrize("file", ["model.ubj", "learned.json", "manifest.json"])
def test_a_champion_whose_file_was_changed_scores_nothing(scene: Scene, capsys: Capture, file: str) -> None:
    [path] = Path(scene.settings.root / "mlartifacts").rglob(file)
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    before = scene.lake.current(f"{MODEL}/predictions")
    assert scene.do("predictions") == 1
    said = capsys.readouterr().out
    assert f"{file} was changed after it was registered: its sha256 is " in said
    assert "Restore it." in said
    assert scene.lake.current(f"{MODEL}/predictions") == before


def test_features_that_the_model_needs_and_the_table_lacks_are_named_before_scoring(scene: Scene, capsys: Capture) -> None:
    spoil(scene, lambda frame: frame.drop("hour"))
    refused(scene, capsys, "The model needs the features ['hour'], which the table lacks (1 in all); train again, or restore the features.")


def test_a_feature_of_another_type_is_refused_before_scoring(scene: Scene, capsys: Capture) -> None:
    spoil(scene, lambda frame: frame.withColumn("hour", F.concat(F.lit("at "), "hour")))
    refused(scene, capsys, "Features changed their type since training: `hour` is text, not number. Train again.")


def spoil(scene: Scene, change: object) -> None:
    """The feature table with other columns, past all that the product does to prevent it."""
    path = scene.lake.path("features")
    frame = scene.lake.read("features").frame
    change(frame).write.format("delta").mode("overwrite").option("overwriteSchema", "true").option("userMetadata", metadata(scene)).save(path)  # type: ignore[operator]


def metadata(scene: Scene) -> str:
    """The audit trail goes on, so that the nights stay known."""
    return json.dumps({"slices": [asdict(one) for one in scene.lake.slices("features")]}, default=str)


def refused(scene: Scene, capsys: Capture, told: str) -> None:
    before = scene.lake.current(f"{MODEL}/predictions")
    assert scene.do("predictions") == 1
    assert told in capsys.readouterr().out
    assert scene.lake.current(f"{MODEL}/predictions") == before


def shown(scene: Scene) -> list[tuple[object, ...]]:
    return scene.warehouse(f"SELECT * FROM {NAME}_{MODEL}_predictions ORDER BY night, order_id")


def test_a_warehouse_that_is_gone_is_filled_again(scene: Scene) -> None:
    (scene.settings.root / "warehouse.db").unlink()
    assert scene.matins("backfill", NAME, "--from", PUBLISHED[0], "--to", LEFT_TO_DO["published"], "--steps", "published") == 1, (
        "two nights have no predictions yet"
    )
    assert {night for (night,) in scene.warehouse("SELECT night FROM matins_publish_ledger")} == {*PUBLISHED, LEFT_TO_DO["published"]}
    invariants.hold(scene)
