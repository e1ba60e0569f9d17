"""Reasons beside the predictions of nights: exactly once, by the version that scored, again after a correction, a retraining and a restatement."""

import json
from datetime import date

import numpy as np
import pytest
from ruamel.yaml import YAML

from jobs.lake import delta
from jobs.lake.lake import Lake
from tests import tiny
from tests.faults.prepared import MODEL, NAME, PUBLISHED, Scene
from tests.faults.test_rollback import WHO, another_version

FIRST, SECOND = PUBLISHED
TABLE = f"{MODEL}/reasons"


def declare(scene: Scene, **reasons: object) -> None:
    path, yaml = scene.settings.root / "pipelines" / f"{NAME}.yaml", YAML(typ="safe", pure=True)
    plain = tiny.merged(yaml.load(path.read_text(encoding="utf-8")), {"models": {MODEL: {"reasons": reasons}}})
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(plain, file)


def explain(scene: Scene, *more: str, night: str = FIRST) -> int:
    return scene.matins("run", NAME, "--night", night, "--steps", "predictions,reasons", "--no-pages", *more)


def version_of(lake: Lake) -> int:
    return delta.version_of(lake.spark, lake.path(TABLE))


def test_every_predicted_row_of_a_night_is_explained_once_and_adds_up(scene: Scene) -> None:
    declare(scene, top=3, rows="predicted")
    assert explain(scene) == 0
    scored = scene.lake.read(f"{MODEL}/predictions").frame.where(f"night = '{FIRST}' AND predicted").toPandas()
    found = scene.lake.read(TABLE).frame.where(f"night = '{FIRST}'").toPandas()
    assert 0 < len(found) < 60
    both = found.merge(scored, on=["day", "order_id", "night"], suffixes=("", "_then"))
    assert len(both) == len(found) == len(scored)
    assert (both["score"] == both["score_then"]).all()
    assert (both["model_digest"] == both["model_digest_then"]).all()
    parts = found["base"] + sum(found[f"reason_{place}_effect"] for place in (1, 2, 3)) + found["other_effect"]
    assert np.abs(parts - found["margin"]).max() < 1e-5
    assert np.abs(1 / (1 + np.exp(-found["margin"])) - found["score"]).max() < 1e-6
    before, version = scene.lake.current(TABLE), version_of(scene.lake)
    assert explain(scene) == 0
    assert (scene.lake.current(TABLE), version_of(scene.lake)) == (before, version)


def test_a_night_whose_process_dies_at_the_commit_is_explained_by_the_next_run(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(scene, top=2, rows="all")
    monkeypatch.setenv("MATINS_FAIL", "reasons.after_commit:error")
    assert explain(scene) == 3
    monkeypatch.delenv("MATINS_FAIL")
    version = version_of(scene.lake)
    assert explain(scene) == 0
    assert version_of(scene.lake) == version
    assert scene.lake.current(TABLE)[date.fromisoformat(FIRST)].rows == 60


def test_rows_from_a_score_on_are_explained_and_a_night_without_any_is_none_the_worse(scene: Scene) -> None:
    declare(scene, top=1, above=0.5)
    assert explain(scene) == 0
    found = scene.lake.read(TABLE).frame.toPandas()
    scored = scene.lake.read(f"{MODEL}/predictions").frame.where(f"night = '{FIRST}'").toPandas()
    assert len(found) == (scored["score"] >= 0.5).sum() > 0
    declare(scene, top=1, above=1.0, rows=None)
    assert explain(scene) == 0
    assert scene.lake.current(TABLE)[date.fromisoformat(FIRST)].rows == 0
    assert scene.lake.read(TABLE).frame.where(f"night = '{FIRST}'").count() == 0


@pytest.mark.slow
def test_another_champion_explains_its_own_scores(scene: Scene) -> None:
    declare(scene, top=2, rows="all")
    assert explain(scene) == 0
    another_version(scene)
    assert scene.matins("promote", f"{NAME}.{MODEL}", "--version", "2", *WHO) == 0
    assert explain(scene) == 0
    found = scene.lake.read(TABLE).frame.where(f"night = '{FIRST}'").toPandas()
    assert set(found["model_version"]) == {2}
    assert set(found["generation"]) == {2}
    assert len(found) == 60


@pytest.mark.slow
def test_features_computed_again_are_not_explained_until_they_are_scored(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    declare(scene, top=2, rows="all")
    assert explain(scene) == 0
    change = {"features": {"columns": {"hour": "hour(placed) + 1"}}}
    path, yaml = scene.settings.root / "pipelines" / f"{NAME}.yaml", YAML(typ="safe", pure=True)
    plain = tiny.merged(yaml.load(path.read_text(encoding="utf-8")), change)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(plain, file)
    capsys.readouterr()
    assert scene.matins("run", NAME, "--night", FIRST, "--steps", "features,reasons", "--no-pages") == 1
    assert f"the features of night {FIRST} were computed again since it was scored; run the step predictions first" in capsys.readouterr().out
    assert explain(scene) == 0
    assert scene.lake.current(TABLE)[date.fromisoformat(FIRST)].generation == 2


@pytest.mark.slow
def test_a_restated_night_has_reasons_of_its_own(scene: Scene) -> None:
    declare(scene, top=2, rows="all")
    assert explain(scene, night=SECOND) == 0
    corrected = scene.settings.landing / "outcomes" / "2024-01-31.csv"
    lines = corrected.read_text(encoding="utf-8").splitlines()
    corrected.write_text("\n".join(lines[:-20]) + "\n", encoding="utf-8")
    assert scene.matins("run", NAME, "--night", "2024-01-31", "--steps", "raw,validated", "--no-pages") == 0
    assert scene.matins("affected", NAME, "--feed", "outcomes", "--night", "2024-01-31", "--restate") == 0
    night = date.fromisoformat(SECOND)
    kept, restated = scene.lake.current(TABLE)[night], scene.lake.current(TABLE, restated=True)[night]
    assert kept.generation != restated.generation
    rows = scene.lake.read(TABLE).frame.where(f"night = '{SECOND}'").toPandas()
    assert rows.groupby("restated").size().to_dict() == {False: 60, True: 60}


def test_the_plan_says_why_a_night_would_be_explained(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert scene.matins("plan", NAME, "--night", FIRST, "--json") == 0
    assert TABLE not in capsys.readouterr().out
    declare(scene, top=2, rows="all")
    assert scene.matins("plan", NAME, "--night", FIRST, "--json") == 0
    steps = {one["step"]: one for one in json.loads(capsys.readouterr().out)}
    assert steps[TABLE] == {"step": TABLE, "runs": True, "why": "never explained"}


def test_a_model_without_the_section_has_no_such_step(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.matins("run", NAME, "--night", FIRST, "--steps", "reasons", "--no-pages") == 2
    assert "no model of `small` has the section `reasons`" in capsys.readouterr().err


def test_declaring_reasons_makes_no_other_version(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    declare(scene, top=2, rows="all")
    capsys.readouterr()
    assert scene.matins("train", f"{NAME}.{MODEL}", "--as-of", "2024-01-31", "--json") == 0
    assert '"unchanged"' in capsys.readouterr().out


def test_more_reasons_than_features_are_refused_before_anything_runs(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    declare(scene, top=50, rows="all")
    assert explain(scene) == 2
    assert f"models.{MODEL}.reasons.top: must not be more than the" in capsys.readouterr().err
    assert scene.lake.current(TABLE) == {}
