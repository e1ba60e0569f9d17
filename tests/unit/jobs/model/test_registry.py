import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from model_rows import Made

from jobs.errors import DataError, RetryableError, UsageError
from jobs.model.registry.registry import Promotion, Registered, Registry
from jobs.model.segments import Span
from jobs.model.training.training import Trained

NAME = "flights.delayed"
SPANS = {"train": Span(date(2013, 1, 1), date(2013, 3, 31)), "holdout": Span(date(2013, 4, 19), date(2013, 5, 16))}


def recorded(registry: Registry, trained: Trained, name: str = NAME) -> str:
    return registry.record(
        name,
        artifact=trained.artifact,
        spans=SPANS,
        params={"device": trained.device.used, **trained.params},
        metrics={"holdout.roc_auc": 0.69},
        tags={"as_of": "2013-05-18"},
        files={"reference.json": b'{"hour": []}'},
    )


def registered(registry: Registry, trained: Trained) -> Registered:
    return registry.register(NAME, recorded(registry, trained), trained.artifact.digest, {"outcome": "PASS"})


def file_of(tmp_path: Path, run_id: str, name: str) -> Path:
    return tmp_path / "mlartifacts" / NAME / run_id / "artifacts" / name


def test_a_champion_comes_back_as_it_was_trained(registry: Registry, made: Made) -> None:
    assert registry.champion(NAME) is None
    assert registered(registry, made.trained) == Registered(1, existed=False)
    assert registry.champion(NAME) is None
    assert registry.promote(NAME, 1) == Promotion(None, 1)
    champion = registry.champion(NAME)
    assert champion is not None
    assert (champion.version, champion.digest, champion.spans) == (1, made.trained.artifact.digest, SPANS)
    assert champion.read_json("reference.json") == {"hour": []}
    assert champion.tags["outcome"] == "PASS"
    holdout = made.rows["holdout"]
    assert (champion.score(holdout) == made.trained.artifact.score(holdout)).all()


def test_a_promotion_keeps_the_former_champion_as_previous(registry: Registry, made: Made) -> None:
    for trained in (made.trained, made.rival):
        registered(registry, trained)
    registry.promote(NAME, 1)
    assert registry.promote(NAME, 2) == Promotion(1, 2)
    assert [entry.aliases for entry in registry.versions(NAME)] == [("previous",), ("champion",)]
    assert registry.promote(NAME, 2) == Promotion(2, 2)
    assert [entry.aliases for entry in registry.versions(NAME)] == [("previous",), ("champion",)]
    assert registry.promote(NAME, 1) == Promotion(2, 1)


def test_the_same_digest_twice_is_one_version(registry: Registry, made: Made) -> None:
    assert registered(registry, made.trained) == Registered(1, existed=False)
    assert registered(registry, made.trained) == Registered(1, existed=True)
    assert len(registry.versions(NAME)) == 1
    assert len(registry.orphans(NAME)) == 1


def test_the_run_holds_what_was_recorded(registry: Registry, made: Made) -> None:
    run = registry._store.client.get_run(recorded(registry, made.trained))
    assert (run.info.status, run.data.metrics, run.data.tags["digest"]) == ("FINISHED", {"holdout.roc_auc": 0.69}, made.trained.artifact.digest)
    assert run.data.params["nthread"] == "2"


def test_a_listed_version_says_when_and_from_which_run(registry: Registry, made: Made) -> None:
    run_id = recorded(registry, made.trained)
    registry.register(NAME, run_id, made.trained.artifact.digest)
    (entry,) = registry.versions(NAME)
    assert (entry.version, entry.run_id, entry.digest) == (1, run_id, made.trained.artifact.digest)
    assert entry.created.tzinfo is not None


@pytest.mark.parametrize("file", ["model.ubj", "learned.json", "segments.json", "manifest.json"])
def test_a_champions_file_that_changed_is_not_believed(registry: Registry, made: Made, tmp_path: Path, file: str) -> None:
    registered(registry, made.trained)
    registry.promote(NAME, 1)
    path = file_of(tmp_path, registry.versions(NAME)[0].run_id, file)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{file} was changed after it was registered"):
        registry.champion(NAME)
    path.unlink()
    with pytest.raises(DataError, match=f"artifact {file} of run .* cannot be read"):
        registry.champion(NAME)


def test_a_swapped_model_of_another_version_is_not_believed(registry: Registry, made: Made, tmp_path: Path) -> None:
    for trained in (made.trained, made.rival):
        registered(registry, trained)
    first, second = (file_of(tmp_path, entry.run_id, "model.ubj") for entry in registry.versions(NAME))
    first.write_bytes(second.read_bytes())
    with pytest.raises(DataError, match=r"model\.ubj was changed"):
        registry.promote(NAME, 1)
    assert registry.champion(NAME) is None


def test_another_file_of_a_version_is_checked_when_it_is_read(registry: Registry, made: Made, tmp_path: Path) -> None:
    registered(registry, made.trained)
    version = registry.version(NAME, 1)
    file_of(tmp_path, version.run_id, "reference.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"reference\.json was changed"):
        version.read("reference.json")
    with pytest.raises(DataError, match=r"has no file nope\.json"):
        version.read("nope.json")


def test_an_upload_that_went_wrong_becomes_no_version(registry: Registry, made: Made, tmp_path: Path) -> None:
    run_id = recorded(registry, made.trained)
    with pytest.raises(DataError, match="was registered as 0000"):
        registry.register(NAME, run_id, "0" * 64)
    file_of(tmp_path, run_id, "model.ubj").write_bytes(made.trained.artifact.ubj[:-1])
    with pytest.raises(DataError, match=r"model\.ubj was changed"):
        registry.register(NAME, run_id, made.trained.artifact.digest)
    assert registry.versions(NAME) == ()
    assert registry.orphans(NAME) == (run_id,)


def test_a_metric_that_is_not_finite_is_not_recorded(registry: Registry, made: Made) -> None:
    with pytest.raises(DataError, match=r"metrics \['roc'\] are not finite"):
        registry.record(NAME, artifact=made.trained.artifact, spans=SPANS, params={}, metrics={"roc": float("nan")}, tags={}, files={})
    assert registry.orphans(NAME) == ()


def test_a_recording_that_broke_off_leaves_a_failed_run(registry: Registry, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATINS_FAIL", "model.after_upload:error")
    with pytest.raises(RetryableError):
        recorded(registry, made.trained)
    (run_id,) = registry.orphans(NAME)
    assert registry._store.client.get_run(run_id).info.status == "FAILED"


@pytest.mark.parametrize("point", ["model.after_upload", "model.before_register", "model.before_alias"])
def test_a_retry_after_a_fault_makes_one_version(registry: Registry, made: Made, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    rival = made.rival
    registered(registry, made.trained)
    registry.promote(NAME, 1)
    monkeypatch.setenv("MATINS_FAIL", f"{point}:error")
    with pytest.raises(RetryableError, match=f"Injected fault at {point}"):
        registry.promote(NAME, registered(registry, rival).version)
    champion = registry.champion(NAME)
    assert champion is not None
    assert champion.digest == made.trained.artifact.digest
    monkeypatch.delenv("MATINS_FAIL")
    registry.promote(NAME, registered(registry, rival).version)
    assert [entry.aliases for entry in registry.versions(NAME)] == [("previous",), ("champion",)]


KILLED = """
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from jobs.model.artifact import Artifact
from jobs.model.training.learned import Learned
from jobs.model.registry.registry import Registry

folder = Path(sys.argv[1])
registry = Registry(f"sqlite:///{folder / 'mlflow.db'}", folder / "mlartifacts")
artifact = Artifact((folder / "model.ubj").read_bytes(), Learned.from_json((folder / "learned.json").read_text()))
run_id = registry.record("flights.delayed", artifact=artifact, spans={}, params={}, metrics={}, tags={}, files={})
registry.promote("flights.delayed", registry.register("flights.delayed", run_id, artifact.digest).version)
"""


@pytest.mark.parametrize(("point", "versions"), [("model.after_upload", 0), ("model.before_alias", 1)])
def test_a_killed_process_leaves_the_champion_and_a_retry_makes_one_version(registry: Registry, made: Made, tmp_path: Path, point: str, versions: int) -> None:
    (tmp_path / "model.ubj").write_bytes(made.trained.artifact.ubj)
    (tmp_path / "learned.json").write_text(made.trained.artifact.learned.to_json(), encoding="utf-8")
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    killed = subprocess.run(command, env={**os.environ, "MATINS_FAIL": f"{point}:kill9"}, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL
    assert "INFO" not in killed.stderr
    assert len(registry.versions(NAME)) == versions
    assert registry.champion(NAME) is None
    assert registry.register(NAME, recorded(registry, made.trained), made.trained.artifact.digest).version == 1
    assert registry.promote(NAME, 1) == Promotion(None, 1)
    assert len(registry.versions(NAME)) == 1


def list_versions(folder: str) -> int:
    return len(Registry(f"sqlite:///{folder}/mlflow.db", f"{folder}/mlartifacts").versions(NAME))


def test_processes_that_come_first_at_the_same_time_share_one_store(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(list_versions, [str(tmp_path)] * 2) == [0, 0]


def test_two_promotions_at_once_take_turns(registry: Registry, made: Made) -> None:
    for trained in (made.trained, made.rival):
        registered(registry, trained)
    with ThreadPoolExecutor(2) as pool:
        acts = [act for act in pool.map(lambda number: registry.promote(NAME, number), [1, 2] * 4) if act.old != act.new]
    # Every change began with what another had left: each former champion but the first was somebody's new one, and only once.
    aliases = {alias: entry.version for entry in registry.versions(NAME) for alias in entry.aliases}
    assert sorted([act.old for act in acts if act.old is not None] + [aliases["champion"]]) == sorted(act.new for act in acts)
    assert aliases["previous"] == 3 - aliases["champion"]


def test_a_version_that_does_not_exist_is_wrong_use(registry: Registry, made: Made) -> None:
    registered(registry, made.trained)
    with pytest.raises(UsageError, match=r"`flights\.delayed` has no version 9; it has \[1\]"):
        registry.promote(NAME, 9)


@pytest.mark.parametrize("name", ["flights", "../x.y", "a.b' or 1=1", "A.b", "a.b.c", ""])
def test_a_name_that_is_no_models_is_wrong_use(registry: Registry, name: str) -> None:
    with pytest.raises(UsageError, match="is no model's name"):
        registry.champion(name)


def test_models_do_not_see_each_other(registry: Registry, made: Made) -> None:
    registered(registry, made.trained)
    run_id = recorded(registry, made.trained, "flights.other")
    assert registry.register("flights.other", run_id, made.trained.artifact.digest) == Registered(1, existed=False)
    registry.promote("flights.other", 1)
    assert registry.champion(NAME) is None


def test_a_server_that_does_not_answer_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RetryableError, match="The model registry could not be opened") as told:
        Registry("http://matins:secret@localhost:1").champion(NAME)
    assert "secret" not in str(told.value)


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file", encoding="utf-8")
    with pytest.raises(RetryableError, match="The model registry could not be opened"):
        Registry(f"sqlite:///{tmp_path / 'home' / 'mlflow.db'}", tmp_path / "mlartifacts").champion(NAME)


def test_nothing_is_opened_before_the_first_call(tmp_path: Path) -> None:
    code = "import sys, jobs.model.registry.registry, jobs.model.gate.gate, jobs.model.training.training; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not {"mlflow", "sklearn", "xgboost", "matplotlib"} & set(loaded.split())
    Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "mlartifacts")
    assert list(tmp_path.iterdir()) == []
