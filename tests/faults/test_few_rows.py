"""Fault 33: a night of one row, a night in which there is nothing to score, a training on nothing; each has an outcome that says so."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.faults import invariants
from tests.faults.prepared import MODEL, NAME, Scene
from tests.tiny import HEADERS, merged, rows_of

Capture = pytest.CaptureFixture[str]
NIGHT = date(2024, 2, 6)


def configure(scene: Scene, changes: Mapping[str, Any]) -> None:
    path = Path(scene.settings.root / "pipelines" / f"{NAME}.yaml")
    yaml = YAML(typ="safe", pure=True)
    plain = merged(yaml.load(path.read_text(encoding="utf-8")), changes)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(plain, file)


def test_a_night_of_one_row_is_scored_watched_and_published(scene: Scene, capsys: Capture) -> None:
    path = scene.settings.landing / "orders" / f"{NIGHT}.csv"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in [HEADERS["orders"], rows_of("orders", NIGHT)[0]]), encoding="utf-8")
    assert scene.matins("run", NAME, "--night", str(NIGHT), "--no-pages", "--json") == 0
    steps = {step["table"]: step for step in json.loads(capsys.readouterr().out)["steps"]}
    assert steps[f"{MODEL}/predictions"]["nights"][0]["rows"] == 1
    drift = scene.lake.read(f"{MODEL}/drift_report", [NIGHT]).frame
    numbers = [name for name, kind in drift.dtypes if kind == "double"]
    assert drift.where(" OR ".join(f"isnan({name})" for name in numbers)).count() == 0, "a distance that cannot be measured is absent, never NaN"
    assert scene.warehouse(f"SELECT count(*) FROM {NAME}_{MODEL}_predictions WHERE night = '{NIGHT}'") == [(1,)]
    invariants.hold(scene)


def test_a_population_without_a_row_turns_the_night_red(scene: Scene, capsys: Capture) -> None:
    configure(scene, {"models": {MODEL: {"population": "amount > 1000"}}})
    assert scene.do("predictions") == 1
    assert "nothing to score in night 2024-02-04: no feature row is in the model's population." in capsys.readouterr().out
    assert date(2024, 2, 4) not in {night for night, one in scene.lake.current(f"{MODEL}/predictions").items() if one.rows}


def test_a_training_without_a_row_is_refused_and_makes_no_version(scene: Scene, capsys: Capture) -> None:
    configure(scene, {"models": {MODEL: {"population": "outcomes_coverage < 0"}}})
    before = scene.matins("models", NAME, "--json"), capsys.readouterr().out
    assert scene.matins("train", f"{NAME}.{MODEL}", "--as-of", "2024-01-31") == 1
    assert "There are no features of the nights 2024-0" in capsys.readouterr().err
    assert (scene.matins("models", NAME, "--json"), capsys.readouterr().out) == before
