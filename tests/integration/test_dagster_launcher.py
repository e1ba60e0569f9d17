"""Dagster's run monitoring with our launcher: a run whose process was killed is closed, one whose process lives is not."""

import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.test_utils import create_run_for_test, create_test_daemon_workspace_context
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from assets.launcher import announce
from assets.up import dagster_home, make_databases
from jobs.processes import is_gone, this_process
from jobs.settings import Settings

Status = dg.DagsterRunStatus
WORKER = """
import sys, dagster as dg
from assets.launcher import announce
with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    announce(instance, instance.get_run_by_id(sys.argv[2]))
    print("here", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def instance(home: Settings) -> Iterator[dg.DagsterInstance]:
    """With the very configuration that `make up` writes."""
    with dg.DagsterInstance.from_config(str(dagster_home(home))) as instance:
        yield instance


def started(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return create_run_for_test(instance, job_name="tiny_night", status=Status.STARTED)


def monitored(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Status:
    """What the run is after the daemon has looked once."""
    with create_test_daemon_workspace_context(EmptyWorkspaceTarget(), instance) as workspace:
        assert not any(execute_run_monitoring_iteration(workspace, logging.getLogger("monitoring")))
    found = instance.get_run_by_id(run.run_id)
    assert found
    return found.status


@contextmanager
def worker(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[subprocess.Popen[str]]:
    """A process that has announced itself as the run's."""
    command = [sys.executable, "-c", WORKER, instance.root_directory, run.run_id]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout
        assert process.stdout.readline() == "here\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_killed_run_is_closed_and_a_living_one_is_not(instance: dg.DagsterInstance) -> None:
    run = started(instance)
    with worker(instance, run) as process:
        assert monitored(instance, run) is Status.STARTED
        os.kill(process.pid, signal.SIGKILL)
        # Nobody has waited for it yet: as where the server that started it has died too, and nothing collects the dead.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert monitored(instance, run) is Status.FAILURE
        said = [entry.message for entry in instance.all_logs(run.run_id)]
        assert any("its process" in line and f"|{process.pid}|" in line and "is gone" in line for line in said)


def test_a_killed_run_is_closed_after_its_process_was_collected(instance: dg.DagsterInstance) -> None:
    run = started(instance)
    with worker(instance, run) as process:
        process.kill()
        process.wait()
    assert monitored(instance, run) is Status.FAILURE


def test_a_number_that_was_given_to_another_process_is_not_the_run_s(instance: dg.DagsterInstance) -> None:
    run, (host, number, born) = started(instance), this_process().split("|")
    before = EngineEventData(metadata={"process": f"{host}|{number}|{float(born) - 5:.2f}"})
    instance.report_engine_event("Executed by a process that had our number before us.", run, before)
    assert monitored(instance, run) is Status.FAILURE


@pytest.mark.parametrize(("number", "status"), [(os.getpid(), Status.STARTED), (2**22 + 1, Status.FAILURE)], ids=["living", "gone"])
def test_before_it_announces_itself_the_number_that_dagster_records_decides(instance: dg.DagsterInstance, number: int, status: Status) -> None:
    run = started(instance)
    instance.report_engine_event(f"Started process for run (pid: {number}).", run, EngineEventData.in_process(number))
    assert monitored(instance, run) is status


def test_what_cannot_be_known_counts_as_living(instance: dg.DagsterInstance) -> None:
    silent, elsewhere = started(instance), started(instance)
    instance.report_engine_event("Executed elsewhere.", elsewhere, EngineEventData(metadata={"process": "another-host|1|0.00"}))
    assert [monitored(instance, run) for run in (silent, elsewhere)] == [Status.STARTED, Status.STARTED]


def test_the_announcement_outweighs_the_number(instance: dg.DagsterInstance) -> None:
    run = started(instance)
    instance.report_engine_event("Started process for run.", run, EngineEventData.in_process(2**22 + 1))
    announce(instance, run)
    assert monitored(instance, run) is Status.STARTED


def test_a_configuration_that_is_there_already_stays(home: Settings) -> None:
    folder = home.root / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    assert (dagster_home(home) / "dagster.yaml").read_text(encoding="utf-8") == "telemetry: {enabled: false}\n"


def test_the_databases_of_a_new_home_are_there_before_several_processes_use_them(home: Settings) -> None:
    folder = dagster_home(home)
    for _ in range(2):
        make_databases(folder)
    heads = {}
    for file in sorted(folder.rglob("*.db")):
        with closing(sqlite3.connect(file)) as connection:
            heads[file.name] = connection.execute("SELECT count(*) FROM alembic_version").fetchone()[0]
    assert heads == {"runs.db": 1, "index.db": 1, "schedules.db": 1}


def test_this_process_lives_under_its_name() -> None:
    assert this_process().startswith(f"{socket.gethostname()}|{os.getpid()}|")
    assert not is_gone(this_process())
