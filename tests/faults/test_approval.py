"""Versions that wait for a person, from training to champion, and the record of it."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import date
from typing import Any

import pytest
from ruamel.yaml import YAML

from jobs.model.registry.champion import registry_of
from jobs.model.registry.reign import evidence, waiting
from jobs.report.index import index_of
from jobs.report.links import Pages
from jobs.report.records import read_records
from jobs.watch.on_record import read_facts
from tests.faults.prepared import MODEL, NAME, PUBLISHED, Scene

NAMED = f"{NAME}.{MODEL}"
WHO = ("--by", "Ada Byron", "--reason", "read the page")


@pytest.fixture
def asking(scene: Scene) -> Scene:
    """As if no version had ever been made, and the model asks for approval."""
    shutil.rmtree(scene.settings.root / "mlartifacts")
    (scene.settings.root / "mlflow.db").unlink()
    with closing(sqlite3.connect(scene.settings.root / "ledger.db")) as connection, connection:
        connection.execute("DELETE FROM matins_decisions")
    path, yaml = scene.settings.root / "pipelines" / f"{NAME}.yaml", YAML(typ="safe", pure=True)
    spec = yaml.load(path)
    spec["models"][MODEL]["promotion"] = "approval"
    yaml.dump(spec, path)
    return scene


def decided(scene: Scene) -> list[dict[str, Any]]:
    return scene.lake.ledger.decisions(NAME, MODEL)


def acts(scene: Scene) -> list[tuple[str, int | None]]:
    return [(one["act"], one["version"]) for one in decided(scene)]


def approve(scene: Scene, version: int, digest: str, *who: str) -> int:
    return scene.matins("approve", NAMED, "--version", str(version), "--evidence", digest, *(who or WHO))


def test_a_version_waits_is_overtaken_and_goes_live_by_a_person_alone(asking: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    registry = registry_of(asking.settings)
    assert asking.matins("train", NAMED, "--as-of", "2024-01-31") == 0
    first = evidence(decided(asking))[1]
    told = capsys.readouterr().out
    assert f"v1 waits for approval (evidence {first[:12]}): matins approve {NAMED} --version 1 --evidence {first[:12]}" in told
    assert registry.champion(NAMED) is None
    assert acts(asking) == [("trained", 1), ("waiting", 1)]

    assert asking.matins("train", NAMED, "--as-of", "2024-01-31") == 0
    assert "v1 waits for approval" in capsys.readouterr().out, "asked again, it says the same"
    assert len(acts(asking)) == 2

    assert asking.matins("train", NAMED, "--as-of", PUBLISHED[0]) == 0
    assert acts(asking)[2:] == [("trained", 2), ("superseded", 1), ("waiting", 2)]
    assert "takes its place" in decided(asking)[-2]["reason"]
    assert [one.ended for one in read_facts(asking.lake.ledger, asking.pipeline, MODEL).trainings] == ["waiting", "waiting"]
    _shown_everywhere(asking, capsys, digest := evidence(decided(asking))[2])

    for version, given in ((2, first), (2, "0" * 64), (1, first), (7, digest)):
        assert approve(asking, version, given) == 2
    assert approve(asking, 2, digest, "--by", " ", "--reason", "read the page") == 2
    assert asking.matins("promote", NAMED, "--version", "2", *WHO) == 2
    assert [act for act, _ in acts(asking)[5:]] == ["approval_refused"] * 5
    assert registry.champion(NAMED) is None

    assert approve(asking, 2, digest[:12]) == 0
    assert acts(asking)[-2:] == [("approved", 2), ("promoted", 2)]
    champion = registry.champion(NAMED)
    assert champion is not None
    assert champion.version == 2
    assert asking.matins("audit", NAME) == 0
    assert "12 decisions in the ledger; each is as it was recorded" in capsys.readouterr().out


def _shown_everywhere(scene: Scene, capsys: pytest.CaptureFixture[str], digest: str) -> None:
    capsys.readouterr()
    for command in (("gate", NAMED), ("models", NAME), ("status", NAME)):
        assert scene.matins(*command) == 0
        assert digest[:12] in capsys.readouterr().out, command
    assert scene.matins("gate", NAMED, "--json") == 0
    assert json.loads(capsys.readouterr().out)["evidence"] == digest
    assert digest in (scene.settings.reports / NAME / MODEL / "model" / "v2.html").read_text(encoding="utf-8")
    records, pages = read_records(scene.lake.ledger, scene.pipeline, scene.settings), Pages.of(scene.settings.reports / NAME, [])
    (course,) = index_of(records, pages).courses
    assert course.waiting_verdict == f"{MODEL}/model/v2.html"
    assert course.waiting == f"v2 waits for approval (evidence {digest[:12]})"


def test_a_training_that_broke_off_before_it_was_decided_is_judged_again(asking: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("jobs.ledger.ledger.Ledger.decide_together", _only_trained(asking))
        with pytest.raises(ZeroDivisionError):
            asking.matins("train", NAMED, "--as-of", "2024-01-31")
    assert acts(asking) == [("trained", 1)]
    assert asking.matins("train", NAMED, "--as-of", "2024-01-31") == 0
    assert acts(asking) == [("trained", 1), ("waiting", 1)]
    assert waiting(decided(asking)) == 1


def _only_trained(scene: Scene) -> Any:
    real = type(scene.lake.ledger).decide_together

    def broken(self: Any, pipeline: str, model: str, rows: Any) -> None:
        if rows[0]["act"] != "trained":
            raise ZeroDivisionError
        real(self, pipeline, model, rows)

    return broken


def test_an_audit_names_what_was_altered_and_what_is_gone(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.matins("audit", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["act"] for one in found["decisions"]] == ["trained", "promoted"]
    assert (found["faults"], found["head"]) == ([], found["decisions"][-1]["chain"])
    assert scene.matins("audit", NAME, "--model", MODEL, "--head", found["head"]) == 0
    assert scene.matins("audit", "--head", "abc") == 2
    assert scene.matins("audit", "--model", MODEL) == 2

    change(scene, "UPDATE matins_decisions SET reason = 'it passed with honors' WHERE act = 'promoted'")
    capsys.readouterr()
    assert scene.matins("audit", NAME) == 1
    assert f"WRONG: decision 2 (promoted {NAMED} v1, 2024-01-31) was altered" in capsys.readouterr().out
    change(scene, "DELETE FROM matins_decisions WHERE act = 'promoted'")
    assert scene.matins("audit", NAME) == 0, "the end of a chain can be taken away unseen"
    assert scene.matins("audit", NAME, "--head", found["head"][:16]) == 1, "unless its head was kept"
    assert "the newest decisions were taken out" in " ".join(capsys.readouterr().out.split())


def change(scene: Scene, statement: str) -> None:
    with closing(sqlite3.connect(scene.settings.root / "ledger.db")) as connection, connection:
        connection.execute(statement)


def test_nights_that_are_restated_are_on_record_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    restate = ("run", NAME, "--night", PUBLISHED[0], "--steps", "features,predictions,published", "--restate", "--no-pages")
    with monkeypatch.context() as patch:
        # As if the process had been killed when it had scored, and before it said so.
        patch.setattr("jobs.runner.record_restated", lambda *_: None)
        assert scene.matins(*restate) in {0, 1}
    for _ in range(2):
        assert scene.matins(*restate) in {0, 1}
    restated = [one for one in decided(scene) if one["act"] == "restated"]
    assert [(one["night"], one["evidence"]["predictions"]) for one in restated] == [(date.fromisoformat(PUBLISHED[0]), [[PUBLISHED[0], 2]])]
