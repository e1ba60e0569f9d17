"""Dagster's own launcher, asked by the daemon's run monitoring whether the processes of runs still live.

The server that has started a run's process notices within seconds when it ends. Where both end together, nobody else would:
the run would stay `started`, and with one run at a time every later one would wait for it.
"""

import socket
from collections.abc import Iterator
from typing import Final

import dagster as dg
from dagster._core.events import DagsterEventType, EngineEventData
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

from jobs.processes import is_gone, this_process

PROCESS: Final = "process"
"""Metadata of the event by which a run says where it is."""


def announce(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Record that this process executes the run."""
    name = this_process()
    instance.report_engine_event(f"Executed by process {name}.", run, EngineEventData(metadata={PROCESS: name}))


class WatchedRunLauncher(DefaultRunLauncher):
    """A run whose process is gone is reported as failed."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: the daemon may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process lives; what cannot be known counts as living."""
        name = next(self._names(run), None)
        if name is None or not is_gone(name):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"its process {name} is gone")

    def _names(self, run: dg.DagsterRun) -> Iterator[str]:
        events = [entry.dagster_event for entry in self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT) if entry.dagster_event]
        said = [event.engine_event_data.metadata for event in events]
        yield from (str(one[PROCESS].value) for one in said if PROCESS in one)
        # In the moment before a run announces itself there is only the number that Dagster records.
        yield from (f"{socket.gethostname()}|{one['pid'].value}|" for one in said if "pid" in one)
