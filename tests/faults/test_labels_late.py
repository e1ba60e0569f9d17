"""A delivery of labels that is let off for a night and comes later: its labels count all the same."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.settings import Settings
from tests.faults import invariants
from tests.faults.prepared import CHANGES, MODEL, NAME, Scene
from tests.tiny import write_pipeline

LATE, NEXT = date(2024, 2, 6), date(2024, 2, 7)


def labels(scene: Scene, night: date) -> float:
    return scene.lake.current(f"{MODEL}/performance")[night].counts["labels"]


def test_the_next_run_measures_what_has_come_since(scene: Scene) -> None:
    file = scene.settings.landing / "outcomes" / f"{LATE}.csv"
    content = file.read_bytes()
    file.unlink()
    assert scene.matins("backfill", NAME, "--from", "2024-02-03", "--to", str(LATE), "--no-pages") == 0
    assert labels(scene, LATE) == 0
    file.write_bytes(content)
    assert scene.matins("run", NAME, "--night", str(NEXT), "--no-pages") == 0
    assert (labels(scene, LATE), labels(scene, NEXT)) == (60, 60)
    before = scene.lake.slices(f"{MODEL}/performance")
    assert scene.matins("run", NAME, "--night", str(NEXT), "--no-pages") == 0
    assert scene.lake.slices(f"{MODEL}/performance") == before
    invariants.hold(scene)


def test_a_feed_that_no_feature_looks_back_on_is_waited_for_too(home: Settings, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {**CHANGES, "features": {**CHANGES["features"], "history": None}}
    made = write_pipeline(tmp_path / "pipelines", home.landing, name=NAME, nights=6, changes=changes)
    monkeypatch.setenv("MATINS_PIPELINES", str(tmp_path / "pipelines"))
    late = made.file("outcomes", date(2024, 1, 5))
    content = late.read_bytes()
    late.unlink()
    for night in ("2024-01-05", "2024-01-06"):
        assert Scene.matins("run", NAME, "--night", night, "--steps", "raw", "--no-pages") == 0
        late.write_bytes(content)
    assert date(2024, 1, 5) in Scene.here(spark).lake.current("raw/outcomes")
