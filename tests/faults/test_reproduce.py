"""Past nights and versions computed again: exact where nothing was touched, located where something was, and honest about what is another now."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from tests import tiny
from tests.faults.prepared import MODEL, NAME, PUBLISHED, Scene
from tests.faults.test_rollback import WHO, another_version

FIRST, SECOND = PUBLISHED
ALL = ("--steps", "raw,validated,features,predictions,published", "--no-pages")


def reproduce(scene: Scene, capsys: pytest.CaptureFixture[str], *asked: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = scene.matins("reproduce", f"{NAME}.{MODEL}", *asked, "--json")
    return status, json.loads(capsys.readouterr().out)


def parts(found: dict[str, Any]) -> dict[str, bool]:
    return {part["name"]: part["same"] for part in found["parts"]}


def assert_exact(scene: Scene, capsys: pytest.CaptureFixture[str], *asked: str) -> dict[str, Any]:
    status, found = reproduce(scene, capsys, *asked)
    assert (status, found["same"]) == (0, True), found
    return found


def told(found: dict[str, Any], part: str) -> list[str]:
    return next(one["told"] for one in found["parts"] if one["name"] == part)


def change_file(scene: Scene, **changes: Any) -> None:
    path, yaml = scene.settings.root / "pipelines" / f"{NAME}.yaml", YAML(typ="safe", pure=True)
    plain = tiny.merged(yaml.load(path.read_text(encoding="utf-8")), changes)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(plain, file)


def in_ledger(scene: Scene, statement: str) -> None:
    with closing(sqlite3.connect(scene.settings.root / "ledger.db")) as connection, connection:
        connection.execute(statement)


def alter(scene: Scene, table: str, column: str, night: str) -> None:
    """Another value in a row of the night, in the very files that the table's log names."""
    for path in Path(scene.lake.path(table)).glob("*.parquet"):
        rows = pq.read_table(path).to_pydict()
        for place, found in enumerate(rows["night"]):
            if str(found) == night:
                rows[column][place] += 1
                pq.write_table(pq.read_table(path).from_pydict(rows, schema=pq.read_schema(path)), path)
                path.with_name(f".{path.name}.crc").unlink()
                return
    raise AssertionError


def test_a_night_is_the_same_again_row_by_row(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    found = assert_exact(scene, capsys, "--night", SECOND)
    assert parts(found) == dict.fromkeys(("deliveries", "features", "model", "scores", "warehouse"), True)
    assert {"features", f"{MODEL}/predictions", "validated/orders", "validated/outcomes"} == set(found["pins"])


@pytest.mark.slow
def test_nights_before_and_after_a_correction_a_retraining_and_a_rollback_are_the_same_again(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    # An old delivery comes in another form: later nights know it so, the nights before as it was.
    corrected = scene.settings.landing / "outcomes" / "2024-01-30.csv"
    lines = corrected.read_text(encoding="utf-8").splitlines()
    corrected.write_text("\n".join([*lines[:-3], lines[-3].replace(",", ",", 1)]) + "\n", encoding="utf-8")
    assert scene.matins("run", NAME, "--night", "2024-01-30", "--steps", "raw,validated", "--no-pages") == 0
    assert scene.matins("backfill", NAME, "--from", "2024-02-03", "--to", "2024-02-05", *ALL) == 0
    another_version(scene)
    assert scene.matins("promote", f"{NAME}.{MODEL}", "--version", "2", *WHO) == 0
    assert scene.matins("backfill", NAME, "--from", "2024-02-04", "--to", "2024-02-06", *ALL) == 0
    assert scene.matins("rollback", f"{NAME}.{MODEL}", "--to", "1", "--from-night", "2024-02-06", *WHO) == 0
    pins = {}
    for night in (FIRST, SECOND, "2024-02-03", "2024-02-04", "2024-02-06"):
        pins[night] = assert_exact(scene, capsys, "--night", night)["pins"]
    assert pins[FIRST]["validated/outcomes"] < pins["2024-02-06"]["validated/outcomes"]
    assert_exact(scene, capsys, "--model", "1")


def test_another_configuration_is_said_and_that_of_then_is_used(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    change_file(scene, features={"history": {"outcomes": {"windows": [1, 3]}}}, models={MODEL: {"max_trees": 7}})
    for asked in (("--night", FIRST), ("--model", "1")):
        (said,) = [line for line in assert_exact(scene, capsys, *asked)["since"] if line.startswith("configuration")]
        assert "features.history.outcomes.windows: [1, 7] → [1, 3]" in said
        assert f"models.{MODEL}.max_trees: 40 → 7" in said


@pytest.mark.slow
def test_another_library_is_said(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    in_ledger(scene, 'UPDATE matins_environments SET content = replace(content, \'"pyspark": "\', \'"pyspark": "3.\')')
    found = assert_exact(scene, capsys, "--night", FIRST)
    assert [line for line in found["since"] if line.startswith("pyspark: 3.")]


@pytest.mark.slow
def test_without_the_record_of_its_run_a_difference_is_told_with_its_place_and_its_likely_cause(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    in_ledger(scene, "DELETE FROM matins_environments")
    change_file(scene, features={"columns": {"hour": "hour(placed) + 1"}}, models={MODEL: {"max_trees": 7}})
    status, night = reproduce(scene, capsys, "--night", FIRST)
    assert (status, parts(night)["features"], parts(night)["deliveries"], parts(night)["model"]) == (1, False, True, True)
    (hour,) = told(night, "features")
    assert hour.startswith("hour: 60 rows, as of day=2024-02-01, order_id=")
    assert "its run is not in the ledger" in night["since"][0]
    status, version = reproduce(scene, capsys, "--model", "1")
    assert (status, parts(version)["trees"]) == (1, False)
    assert "the first that differs is number" in told(version, "trees")[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [("validated/outcomes", "refund", "deliveries"), ("features", "amount", "features"), (f"{MODEL}/predictions", "score", "scores")],
)
def test_a_file_that_was_altered_by_hand_is_found_where_it_lies(
    scene: Scene, capsys: pytest.CaptureFixture[str], table: str, column: str, expected: str
) -> None:
    alter(scene, table, column, FIRST)
    status, found = reproduce(scene, capsys, "--night", FIRST)
    assert (status, parts(found)[expected]) == (1, False)
    assert ("altered by hand" in found["sentence"]) == (not found["since"])
    assert (f"{table} {FIRST} g1 is not as recorded" if expected == "deliveries" else f"{column}: 1 row") in "; ".join(told(found, expected))


@pytest.mark.slow
def test_a_score_that_was_altered_in_the_warehouse_is_found(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(scene.settings.root / "warehouse.db")) as connection, connection:
        connection.execute(f"UPDATE {NAME}_{MODEL}_predictions SET score = score / 2 WHERE night = '{FIRST}'")
    status, found = reproduce(scene, capsys, "--night", FIRST)
    assert (status, [name for name, same in parts(found).items() if not same]) == (1, ["warehouse"])


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        (("--night", "2024-02-03"), 1, "night 2024-02-03 was never scored"),
        (("--model", "9"), 2, "has no version 9; it has [1]"),
        ((), 2, "Give one of --night D"),
        (("--night", FIRST, "--model", "1"), 2, "Give one of --night D"),
    ],
)
def test_what_cannot_be_asked_is_said(scene: Scene, capsys: pytest.CaptureFixture[str], asked: tuple[str, ...], status: int, said: str) -> None:
    assert scene.matins("reproduce", f"{NAME}.{MODEL}", *asked) == status
    assert said in capsys.readouterr().err
