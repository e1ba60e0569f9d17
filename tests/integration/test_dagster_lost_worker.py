"""Daemon, code server and run worker for real: all are killed in the middle of a night, which is then run once more and published once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
from dagster._core.storage.tags import RUN_KEY_TAG
from pyspark.sql import SparkSession

from assets.children import Child, Children, free_port
from assets.up import DAGSTER_YAML, LOGS, commands, dagster_home
from jobs.config.loading import load_pipeline
from jobs.ledger.ledger import Ledger
from jobs.nights import span
from jobs.reading import published
from jobs.settings import Settings, read_settings
from tests.tiny import Tiny, run_nights, train, write_pipeline

pytestmark = pytest.mark.slow
AS_OF = date(2024, 1, 31)
NIGHT = AS_OF + timedelta(days=1)
CHANGES: dict[str, Any] = {
    "nights": {"to": NIGHT},
    "feeds": {"weather": None, "shops": None},
    "features": {"lookup": None, "latest": None},
}


@pytest.fixture
def tiny(home: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """With a champion, and one night that is due."""
    tiny = write_pipeline(home.root / "pipelines", home.landing, nights=32, changes=CHANGES)
    monkeypatch.setenv("MATINS_PIPELINES", str(tiny.path.parent))
    run_nights(read_settings(), tiny, span(tiny.first, AS_OF))
    train(read_settings(), tiny, AS_OF)
    return tiny


class Machine:
    """Code server and daemon as `make up` starts them, on a Dagster home that looks after its runs every two seconds."""

    def __init__(self, settings: Settings) -> None:
        folder = settings.root / "dagster"
        folder.mkdir()
        (folder / "dagster.yaml").write_text(DAGSTER_YAML.replace("poll_interval_seconds: 30", "poll_interval_seconds: 2"), encoding="utf-8")
        self.folder, self.port = dagster_home(settings), free_port()
        started = commands(settings, self.folder, {"Dagster": free_port(), "MLflow": free_port()}, self.port)
        self.code, self.daemon = (next(child for child in started if child.name == name) for name in ("code", "daemon"))
        self.instance = dg.DagsterInstance.from_config(str(self.folder))

    def running(self, child: Child, **environment: str) -> Children:
        given = Child(child.name, child.command, {**child.environment, **environment})
        return Children([given], logs=self.folder / LOGS)

    def turn_on(self, sensor: str) -> None:
        """As the switch on the page does; again until the code server answers."""
        dagster = [str(Path(sys.executable).with_name("dagster")), "sensor", "start", sensor, "--workspace", str(self.folder / LOGS / "workspace.yaml")]
        environment = {**os.environ, **self.code.environment}
        wait_for(lambda: subprocess.run(dagster, env=environment, capture_output=True, check=False).returncode == 0)

    def runs(self) -> list[dg.DagsterRun]:
        """Oldest first."""
        return list(reversed(self.instance.get_runs()))

    def statuses(self) -> list[str]:
        return [run.status.value for run in self.runs()]

    def announced(self) -> int | None:
        """The process that the newest run has announced."""
        said = [entry.message for entry in self.instance.all_logs(self.runs()[-1].run_id)] if self.runs() else []
        return next((int(line.split("|")[1]) for line in said if "Executed by process" in line), None)


def wait_for(happened: Callable[[], Any], seconds: float = 240) -> None:
    give_up = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < give_up, f"did not happen within {seconds} s"
        time.sleep(0.5)


def kill(children: Children) -> None:
    """All of it at once, as when power goes."""
    for process in children.running.values():
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.timeout(1800)
def test_a_night_that_lost_its_process_and_all_around_it_is_run_again_once(home: Settings, tiny: Tiny) -> None:
    settings = read_settings()
    machine, pipeline, ledger = Machine(settings), load_pipeline(tiny.name, settings), Ledger.of(settings)
    with machine.running(machine.daemon) as daemon:
        with machine.running(machine.code, MATINS_FAIL="features.before_commit:hang") as code:
            machine.turn_on("tiny_due")
            wait_for(machine.announced)
            worker = psutil.Process(machine.announced())
            wait_for(lambda: any(one["step"] == "features" for one in ledger.step_runs("tiny", run_id=machine.runs()[0].run_id)))
            time.sleep(5)
            assert machine.statuses() == ["STARTED"], "it lives, and is looked after"
            kill(code)
            wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
        wait_for(lambda: machine.statuses() == ["FAILURE"])
        kill(daemon)
    with machine.running(machine.code), machine.running(machine.daemon) as daemon:
        wait_for(lambda: len(machine.runs()) == 2)
        kill(daemon)
        with machine.running(machine.daemon):
            wait_for(lambda: machine.statuses() == ["FAILURE", "SUCCESS"])
            time.sleep(40)
    assert machine.statuses() == ["FAILURE", "SUCCESS"], "a later look asks for nothing"
    assert [run.tags[RUN_KEY_TAG].partition("/")[0] for run in machine.runs()] == [str(NIGHT)] * 2
    assert [run.tags[RUN_KEY_TAG][-2:] for run in machine.runs()] == ["/1", "/2"]
    found = published(settings, pipeline, "returned")
    assert (dict(found.rows), [entry["generation"] for entry in found.entries.values()]) == ({NIGHT: 60}, [1])
