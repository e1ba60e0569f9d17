"""Daemon, code server and run worker for real: all are killed in the middle of a night, which is then run once more and published once."""

import time
from datetime import date, timedelta
from typing import Any

import psutil
import pytest
from dagster._core.storage.tags import RUN_KEY_TAG
from pyspark.sql import SparkSession

from jobs.config.loading import load_pipeline
from jobs.ledger.ledger import Ledger
from jobs.nights import span
from jobs.reading import published
from jobs.settings import Settings, read_settings
from tests.integration.machine import Machine, kill, wait_for
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


@pytest.mark.timeout(1800)
def test_a_night_that_lost_its_process_and_all_around_it_is_run_again_once(home: Settings, tiny: Tiny) -> None:
    settings = read_settings()
    machine, pipeline, ledger = Machine(settings), load_pipeline(tiny.name, settings), Ledger.of(settings)
    with machine.running(machine.daemon) as daemon:
        with machine.running(machine.code, MATINS_FAIL="features.before_commit:hang") as code:
            machine.turn_on("sensor", "tiny_due")
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
