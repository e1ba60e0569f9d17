"""A training that broke off between verdict and alias, and one whose gate was changed after the verdict."""

import shutil
import sqlite3
from contextlib import closing
from datetime import date
from typing import Any

import pytest

from jobs.model import step
from jobs.model.material import Material, gather
from jobs.model.registry.champion import registry_of
from tests.faults import invariants
from tests.faults.prepared import MODEL, NAME, Scene

NAMED = f"{NAME}.{MODEL}"


def train(scene: Scene) -> int:
    return scene.matins("train", NAMED, "--as-of", "2024-01-31")


def acts(scene: Scene) -> list[tuple[str, int]]:
    """What was decided; that a version was registered is on record beside it."""
    return [(one["act"], one["version"]) for one in scene.lake.ledger.decisions(NAME) if one["act"] != "trained"]


@pytest.fixture
def untrained(scene: Scene) -> Scene:
    """As if no version had ever been made."""
    shutil.rmtree(scene.settings.root / "mlartifacts")
    (scene.settings.root / "mlflow.db").unlink()
    with closing(sqlite3.connect(scene.settings.root / "ledger.db")) as connection, connection:
        connection.execute("DELETE FROM matins_decisions")
    return scene


@pytest.mark.parametrize(("point", "shown"), [("model.before_register", 0), ("model.before_alias", 0), ("model.after_alias", 1)])
def test_a_registry_that_fails_after_the_verdict_decides_nothing_until_the_retry(
    untrained: Scene, monkeypatch: pytest.MonkeyPatch, point: str, shown: int
) -> None:
    registry = registry_of(untrained.settings)
    monkeypatch.setenv("MATINS_FAIL", f"{point}:error")
    assert train(untrained) == 3
    champion = registry.champion(NAMED)
    assert (champion.version if champion else 0) == shown
    assert acts(untrained) == []
    monkeypatch.delenv("MATINS_FAIL")
    assert train(untrained) == 0
    assert [one.version for one in registry.versions(NAMED)] == [1]
    assert acts(untrained) == [("promoted", 1)]
    invariants.hold(untrained)


def test_a_verdict_stands_when_only_the_gate_was_changed(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    path, before = scene.settings.root / "pipelines" / f"{NAME}.yaml", acts(scene)
    path.write_text(path.read_text(encoding="utf-8").replace("roc_auc: 0.6", "roc_auc: 0.99"), encoding="utf-8")
    assert train(scene) == 0
    assert f"nothing changed: {NAMED} v1: {NAMED}: PASS" in capsys.readouterr().out
    assert acts(scene) == before


def test_a_verdict_stands_when_what_changed_makes_the_same_bytes(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """Trained again, since slices and threshold might have mattered: the version that comes of it is the one that was judged."""
    path, before = scene.settings.root / "pipelines" / f"{NAME}.yaml", scene.lake.ledger.decisions(NAME)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("max_trees: 40", "max_trees: 40\n    slices: [shop]\n    threshold: 0.9").replace("roc_auc: 0.6", "roc_auc: 0.99"), encoding="utf-8"
    )
    assert train(scene) == 0
    assert f"nothing changed: {NAMED} v1: {NAMED}: PASS" in capsys.readouterr().out
    assert scene.lake.ledger.decisions(NAME) == before


def test_two_trainings_of_the_same_at_once_are_one_version_and_one_decision(untrained: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second has looked before the first was done: without looking again, the gate would refuse it for being the champion."""

    def meanwhile(*given: Any, **about: Any) -> Material:
        monkeypatch.setattr(step, "gather", gather)
        assert train(untrained) == 0
        return gather(*given, **about)

    monkeypatch.setattr(step, "gather", meanwhile)
    assert train(untrained) == 0
    assert acts(untrained) == [("promoted", 1)]
    invariants.hold(untrained)


def test_a_retraining_that_cannot_be_done_is_given_up_and_holds_nothing_back(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    path = scene.settings.root / "pipelines" / f"{NAME}.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("train: 14", "train: 99"), encoding="utf-8")
    scene.lake.ledger.record_retraining(NAME, MODEL, date(2024, 2, 2), act="retrain", reason="it is time", inputs={}, fingerprint="f", run_id=None)
    assert scene.matins("retrain", NAMED) == 2
    newest = scene.lake.ledger.decisions(NAME)[-1]
    assert (newest["act"], newest["night"]) == ("given_up", date(2024, 2, 2))
    assert "2024-02-02" in newest["reason"]
    assert scene.matins("retrain", NAMED) == 0
    assert "no retraining is open" in capsys.readouterr().out


def test_a_training_ahead_of_the_features_is_refused_and_makes_no_version(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    before = acts(scene)
    assert scene.matins("train", NAMED, "--as-of", "2024-02-25") == 1
    told = " ".join("".join(capsys.readouterr()).split())
    assert "no row of its tune and holdout (2024-02-11 to 2024-02-23) has features and a known label." in told
    assert "Make them first: matins backfill small --from 2024-02-11 --to 2024-02-25 --steps raw,validated,features." in told
    assert acts(scene) == before
    assert [one.version for one in registry_of(scene.settings).versions(NAMED)] == [1]
