"""A machine on which Dagster runs: code server and daemon, started, killed and looked at by tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import dagster as dg

from assets.children import Child, Children, free_port
from assets.up import DAGSTER_YAML, LOGS, commands, dagster_home
from jobs.settings import Settings


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

    def turn_on(self, kind: Literal["sensor", "schedule"], name: str) -> None:
        """As the switch on the page does; again until the code server answers."""
        dagster = [str(Path(sys.executable).with_name("dagster")), kind, "start", name, "--workspace", str(self.folder / LOGS / "workspace.yaml")]
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
