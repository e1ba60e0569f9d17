"""A champion that was a mistake: rolled back by the command, with the nights since scored and published again."""

from datetime import date

import pytest

from jobs.model.artifact import Artifact
from jobs.model.registry.champion import registry_of
from tests.faults import invariants
from tests.faults.prepared import MODEL, NAME, PUBLISHED, Scene

ROWS = 60
WHO = ("--by", "Ada Byron", "--reason", "returns from the south are missed")
SHOWN = f"SELECT night, model_version, generation, count(*) FROM {NAME}_{MODEL}_v1 GROUP BY 1, 2, 3 ORDER BY 1"


def another_version(scene: Scene) -> None:
    """The champion's first trees, as a second version that has passed the gate."""
    registry, name = registry_of(scene.settings), f"{NAME}.{MODEL}"
    first = registry.version(name, 1)
    fewer = Artifact(bytes(first.artifact.booster[:2].save_raw("ubj")), first.artifact.learned)
    files = {file: first.read(file) for file in ("reference.json", "reference_sample.parquet")}
    run = registry.record(name, artifact=fewer, spans=first.spans, params={}, metrics={}, tags={}, files=files)
    assert registry.register(name, run, fewer.digest, {"verdict": "PASS", "sentence": "it passed"}).version == 2


def test_the_nights_since_are_scored_and_published_again(scene: Scene) -> None:
    another_version(scene)
    assert scene.matins("promote", f"{NAME}.{MODEL}", "--version", "2", *WHO) == 0
    steps = ("--steps", "predictions,published", "--no-pages")
    assert scene.matins("backfill", NAME, "--from", PUBLISHED[0], "--to", PUBLISHED[1], *steps) == 0
    assert scene.warehouse(SHOWN) == [(night, 2, 2, ROWS) for night in PUBLISHED]
    assert scene.matins("rollback", f"{NAME}.{MODEL}", "--to", "1", "--from-night", PUBLISHED[1], *WHO) == 0
    assert scene.warehouse(SHOWN) == [(PUBLISHED[0], 2, 2, ROWS), (PUBLISHED[1], 1, 3, ROWS)]
    promoted, back = scene.lake.ledger.decisions(NAME)[-2:]
    assert (promoted["act"], promoted["version"], promoted["by"]) == ("promoted", 2, "Ada Byron")
    assert (back["act"], back["version"], str(back["night"])) == ("rolled_back", 1, PUBLISHED[1]), "it counts from the first night scored again"
    page = (scene.settings.reports / NAME / "nights" / f"{PUBLISHED[1]}.html").read_text(encoding="utf-8")
    assert "v1" in page
    assert "The warehouse shows generation 3." in page
    invariants.hold(scene)


def test_training_again_says_that_the_version_was_rejected(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    another_version(scene)
    assert scene.matins("promote", f"{NAME}.{MODEL}", "--version", "2", *WHO) == 0
    assert scene.matins("reject", f"{NAME}.{MODEL}", "--version", "1", *WHO) == 0
    assert scene.matins("train", f"{NAME}.{MODEL}", "--as-of", "2024-01-31") == 1
    assert "v1: it was rejected by Ada Byron: returns from the south are missed. It stays out" in " ".join(capsys.readouterr().out.split())


def test_each_night_is_scored_by_whoever_was_champion_then(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    another_version(scene)
    about = {"former": 1, "by": "gate", "reason": "it passed", "evidence": {}, "run_id": None}
    scene.lake.ledger.decide(NAME, MODEL, "promoted", version=2, night=date.fromisoformat(PUBLISHED[1]), **about)
    again = ("backfill", NAME, "--from", PUBLISHED[0], "--to", PUBLISHED[1], "--steps", "predictions,published", "--champion", "as-of", "--no-pages")
    assert scene.matins(*again) == 2
    assert f"{PUBLISHED[1]} is scored under another policy (current; 60 rows by v1) and would be scored under `as-of` by v2" in capsys.readouterr().err
    assert scene.warehouse(SHOWN) == [(night, 1, 1, ROWS) for night in PUBLISHED]
    assert scene.matins(*again, "--replace") == 0
    assert scene.warehouse(SHOWN) == [(PUBLISHED[0], 1, 1, ROWS), (PUBLISHED[1], 2, 2, ROWS)]
    told = scene.warehouse(f"SELECT DISTINCT night, generation, current, policy FROM {NAME}_{MODEL}_history ORDER BY 1, 2")
    assert told == [(PUBLISHED[0], 1, 1, "current"), (PUBLISHED[1], 1, 0, "current"), (PUBLISHED[1], 2, 1, "as-of")]
    assert scene.matins(*again) == 0
    invariants.hold(scene)


def test_what_a_version_was_named_for_is_scored_again_too_when_it_is_gone_back_from(scene: Scene) -> None:
    another_version(scene)
    assert scene.matins("promote", f"{NAME}.{MODEL}", "--version", "2", *WHO) == 0
    named = ("--steps", "predictions,published", "--champion", "2", "--replace", "--no-pages")
    assert scene.matins("run", NAME, "--night", PUBLISHED[1], *named) == 0
    assert scene.matins("rollback", f"{NAME}.{MODEL}", "--to", "1", "--from-night", PUBLISHED[1], *WHO) == 0
    assert scene.warehouse(SHOWN) == [(PUBLISHED[0], 1, 1, ROWS), (PUBLISHED[1], 1, 3, ROWS)]
    invariants.hold(scene)


def test_a_night_before_the_first_champion_is_red_and_left_alone(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.matins("run", NAME, "--night", "2024-01-20", "--steps", "predictions", "--champion", "as-of", "--no-pages") == 1
    assert "no version was champion in night 2024-01-20; name one by its number with --champion." in capsys.readouterr().out
