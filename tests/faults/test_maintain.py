"""Upkeep removes what nothing rests on, and nothing else: past nights and versions stay reproducible beyond Delta's own limits."""

import json
import os
import re
import time
from pathlib import Path
from typing import Any, Final

import pytest
from delta.tables import DeltaTable

from jobs.lake import maintenance
from tests.faults import invariants
from tests.faults.prepared import MODEL, NAME, PUBLISHED, Scene
from tests.faults.test_reproduce import assert_exact, change_file
from tests.faults.test_rollback import WHO, another_version

FIRST, SECOND = PUBLISHED
SCORES = f"{MODEL}/predictions"
DAYS = 40
"""Beyond Delta's 30 of log and 7 of files."""
TIMES: Final = re.compile(r'"(timestamp|deletionTimestamp|modificationTime)":(\d+)')


def scored_again(scene: Scene) -> None:
    """Both published nights by another version, so that their first scores are past."""
    another_version(scene)
    assert scene.matins("promote", f"{NAME}.{MODEL}", "--version", "2", *WHO) == 0
    assert scene.matins("backfill", NAME, "--from", FIRST, "--to", SECOND, "--steps", "predictions,published", "--no-pages") == 0


def age(scene: Scene) -> None:
    """Every file of the lake, and every time of a commit that its logs tell."""
    past = time.time() - DAYS * 86_400
    for path in Path(scene.settings.lake).rglob("*"):
        if path.suffix == ".json" and path.parent.name == "_delta_log":
            path.write_text(TIMES.sub(lambda told: f'"{told[1]}":{int(told[2]) - DAYS * 86_400_000}', path.read_text(encoding="utf-8")), encoding="utf-8")
            path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
        if path.is_file():
            os.utime(path, (past, past))
    scene.lake.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


def clean_up_as_delta_does(scene: Scene, table: str) -> None:
    """A checkpoint, which removes expired logs, and a VACUUM without arguments."""
    spark, path = scene.lake.spark, scene.lake.path(table)
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, path).checkpoint()
    assert list((Path(path) / "_delta_log").glob("*.checkpoint*.parquet"))
    DeltaTable.forPath(spark, path).vacuum()


def maintained(scene: Scene, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, dict[str, Any]]:
    capsys.readouterr()
    assert scene.matins("maintain", NAME, "--json", *more) == 0
    return {one["table"]: one for one in json.loads(capsys.readouterr().out)["tables"]}


def data_files(scene: Scene, table: str) -> set[str]:
    return {path.name for path in Path(scene.lake.path(table)).glob("*.parquet")}


def committed(scene: Scene, table: str) -> set[str]:
    """The files that any commit has brought: a replacement leaves one without rows, which none names."""
    log = (Path(scene.lake.path(table)) / "_delta_log").glob("*.json")
    acts = [json.loads(line) for path in log for line in path.read_text(encoding="utf-8").splitlines()]
    return {act["add"]["path"] for act in acts if "add" in act} & data_files(scene, table)


def test_a_night_and_a_version_are_the_same_again_when_their_files_and_logs_are_old(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scored_again(scene)
    age(scene)
    before = {table: committed(scene, table) for table in ("features", SCORES)}
    for table in before:
        clean_up_as_delta_does(scene, table)
    maintained(scene, capsys)
    assert {table: committed(scene, table) for table in before} == before
    for asked in (("--night", FIRST), ("--model", "1")):
        assert_exact(scene, capsys, *asked)


def test_what_no_commit_names_goes_once_it_is_old(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    age(scene)
    for name in ("part-old.parquet", "part-young.parquet"):
        (Path(scene.lake.path("features")) / name).write_bytes(b"left by a crash")
    old = Path(scene.lake.path("features")) / "part-old.parquet"
    os.utime(old, (time.time() - DAYS * 86_400,) * 2)
    before = data_files(scene, "features")
    assert maintained(scene, capsys, "--dry-run")["features"]["removed"] == 1
    assert data_files(scene, "features") == before
    assert maintained(scene, capsys)["features"]["removed"] == 1
    assert data_files(scene, "features") == before - {old.name}
    invariants.hold(scene)


def test_nights_past_the_retention_keep_their_rows_and_are_no_longer_reproducible(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scored_again(scene)
    assert scene.matins("run", NAME, "--night", "2024-02-05", "--steps", "predictions", "--no-pages") == 0
    assert scene.matins("run", NAME, "--night", "2024-02-03", "--steps", "features", "--no-pages") == 0
    change_file(scene, features={"columns": {"hour": "hour(placed) + 1"}})
    assert scene.matins("backfill", NAME, "--from", FIRST, "--to", "2024-02-05", "--steps", "features,predictions,published", "--no-pages") == 0
    shown = scene.warehouse(f"SELECT night, count(*) FROM {NAME}_{MODEL}_v1 GROUP BY 1")
    age(scene)
    change_file(scene, retention={"nights": 1})
    done = maintained(scene, capsys)
    assert done[SCORES]["removed"] > 0
    assert scene.warehouse(f"SELECT night, count(*) FROM {NAME}_{MODEL}_v1 GROUP BY 1") == shown
    assert_exact(scene, capsys, "--night", "2024-02-05")
    assert scene.lake.read(SCORES).frame.count() == 60 * 5
    invariants.hold(scene)


def test_many_small_files_become_few_and_nothing_else_changes(scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "MANY_FILES", 2)
    assert len(scene.lake.read("features").frame.inputFiles()) > 1
    assert maintained(scene, capsys)["features"]["rewritten"] > 1
    assert len(scene.lake.read("features").frame.inputFiles()) == 1
    assert_exact(scene, capsys, "--night", FIRST)
    assert scene.matins("run", NAME, "--night", SECOND, "--steps", "features,predictions,published", "--no-pages") == 0
    assert f"{NAME} {SECOND} OK 60 scored, champion v1, published g1, nothing changed" in capsys.readouterr().out
    assert not maintained(scene, capsys)["features"]["rewritten"]
    invariants.hold(scene)


def test_where_the_log_is_not_whole_nothing_is_removed(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    log = Path(scene.lake.path("features")) / "_delta_log"
    clean_up_as_delta_does(scene, "features")
    (log / f"{0:020}.json").unlink()
    age(scene)
    before = data_files(scene, "features")
    assert scene.matins("maintain", NAME) == 1
    assert "of its log not every commit up to version" in capsys.readouterr().err
    assert data_files(scene, "features") == before
