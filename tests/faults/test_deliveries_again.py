"""Faults 34 and 35: rows that come late, and files that come twice or changed; no past night moves, unless it is restated on purpose."""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession

from jobs.ledger.ledger import Slice
from jobs.raw import step
from jobs.raw.deliveries import inspect
from jobs.settings import Settings
from tests.faults import invariants
from tests.faults.prepared import CHANGES, NAME, Scene
from tests.tiny import rows_of, write_pipeline

FIRST, LAST = date(2024, 1, 1), date(2024, 1, 8)


@pytest.fixture
def scene(home: Settings, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Five nights with features, and deliveries for three more."""
    changes = {**CHANGES, "feeds": {**CHANGES["feeds"], "outcomes": {"max_late_days": 5, "max_bad_share": 0.5}}}
    write_pipeline(tmp_path / "pipelines", home.landing, name=NAME, nights=8, changes=changes)
    monkeypatch.setenv("MATINS_PIPELINES", str(tmp_path / "pipelines"))
    assert Scene.matins("backfill", NAME, "--from", "2024-01-01", "--to", "2024-01-05", "--steps", "raw,validated,features", "--no-pages") == 0
    return Scene.here(spark)


def run(scene: Scene, night: str, *more: str, steps: str = "raw,validated,features") -> int:
    return scene.matins("run", NAME, "--night", night, "--steps", steps, "--no-pages", *more)


def outcomes(scene: Scene, night: str) -> Path:
    return scene.settings.landing / "outcomes" / f"{night}.csv"


def features(scene: Scene, night: str) -> list[Row]:
    return scene.lake.read("features", [date.fromisoformat(night)]).frame.orderBy("order_id").collect()


def shorten(path: Path, rows: int) -> None:
    """The delivery again, without its last rows."""
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:-rows]) + "\n", encoding="utf-8")


def test_a_file_that_comes_twice_changes_nothing(scene: Scene) -> None:
    def known() -> list[Slice]:
        """Without the file's time, which is noted so that it is not digested again."""
        slices = [one for table in ("raw/outcomes", "validated/outcomes", "features") for one in scene.lake.slices(table)]
        return [replace(one, detail={**one.detail, "mtime_ns": None}) for one in slices]

    before = known()
    path = outcomes(scene, "2024-01-04")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    assert run(scene, "2024-01-05") == 0
    assert known() == before


def test_a_file_that_changed_is_known_from_the_night_that_saw_it(scene: Scene) -> None:
    before = scene.lake.slices("features")
    path = outcomes(scene, "2024-01-04")
    shorten(path, 5)
    assert run(scene, "2024-01-06") == 0
    delivered = [(one.generation, str(one.known_night)) for one in scene.lake.slices("raw/outcomes") if one.night == date(2024, 1, 4)]
    assert delivered == [(1, "2024-01-04"), (2, "2024-01-06")]
    assert run(scene, "2024-01-05") == 0
    assert scene.lake.slices("features")[: len(before)] == before, "no past night has moved"
    assert {row["outcomes_all_n_7d"] for row in features(scene, "2024-01-06")} == {4 * 60 - 5}
    invariants.table_is_whole(scene.lake, "features")


def test_late_rows_count_from_their_delivery_on_and_move_no_past_night(scene: Scene) -> None:
    before = scene.lake.slices("features")
    late = outcomes(scene, "2024-01-06")
    missing = rows_of("outcomes", date(2024, 1, 3))[:4]
    with late.open("a", encoding="utf-8") as file:
        file.writelines(f"2024-01-03,{1000 + row[1]},{row[2]},{row[3]}\n" for row in missing)
    assert run(scene, "2024-01-06") == 0
    assert scene.lake.current("validated/outcomes")[date(2024, 1, 6)].counts == {"rows": 64, "good": 64, "bad": 0, "duplicates": 0}
    assert run(scene, "2024-01-05") == 0
    assert [one for one in scene.lake.slices("features") if one.night < date(2024, 1, 6)] == before


def test_rows_later_than_the_pipeline_allows_are_quarantined_as_too_late(scene: Scene) -> None:
    path = outcomes(scene, "2024-01-08")
    with path.open("a", encoding="utf-8") as file:
        file.write("2023-12-30,999,3,0\n")
    assert scene.matins("backfill", NAME, "--from", "2024-01-06", "--to", "2024-01-08", "--steps", "raw,validated", "--no-pages") == 0
    assert scene.lake.current("validated/outcomes")[LAST].counts == {"rows": 61, "good": 60, "bad": 1, "duplicates": 0}
    [rejected] = scene.lake.read("quarantine/outcomes", [LAST]).frame.collect()
    assert (rejected["rules"], rejected["row"]) == (["too_late"], 61)


def test_a_restatement_is_marked_and_stands_beside_what_was_known_then(scene: Scene) -> None:
    before = features(scene, "2024-01-05")
    shorten(outcomes(scene, "2024-01-05"), 20)
    assert run(scene, "2024-01-06") == 0
    assert run(scene, "2024-01-05", "--restate", steps="features") == 0
    rows = features(scene, "2024-01-05")
    restated = [row for row in rows if row["restated"]]
    assert [row for row in rows if not row["restated"]] == before, "what was known then is untouched"
    assert len(restated) == len(before)
    assert [row.asDict() | {"restated": False} for row in restated] != [row.asDict() for row in before]
    assert {one.restated for one in scene.lake.slices("features") if one.night == date(2024, 1, 5)} == {False, True}
    assert run(scene, "2024-01-05", "--restate", steps="features") == 0
    invariants.table_is_whole(scene.lake, "features")


def test_the_moved_landing_folder_still_shows_a_correction(scene: Scene, monkeypatch: pytest.MonkeyPatch, spark: SparkSession) -> None:
    moved = scene.settings.root / "moved"
    scene.settings.landing.rename(moved)
    monkeypatch.setenv("MATINS_LANDING", str(moved))
    shorten(moved / "outcomes" / "2024-01-05.csv", 3)
    assert run(scene, "2024-01-06", steps="raw") == 0
    assert [one.generation for one in Scene.here(spark).lake.slices("raw/outcomes") if one.night == date(2024, 1, 5)] == [1, 2]


def test_a_copied_landing_folder_is_digested_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (scene.settings.landing / "orders").glob("*.csv"):
        os.utime(path, (1, 1))
    digested: list[Path] = []
    monkeypatch.setattr(step, "inspect", lambda path, **about: digested.append(path) or inspect(path, **about))
    before = [(one.night, one.generation, one.checksum) for one in scene.lake.slices("raw/orders")]
    for expected in (5, 0):
        digested.clear()
        assert run(scene, "2024-01-05", steps="raw") == 0
        assert len(digested) == expected
    assert [(one.night, one.generation, one.checksum) for one in scene.lake.slices("raw/orders")] == before
