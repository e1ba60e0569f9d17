"""Airflow on a home of its own, as its commands and its scheduler use it; everything it starts ends with the test."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from assets.children import Child, Children, free_port

ROOT = Path(__file__).parents[2]
DAGS = ROOT / "dags"
# Looked for, not imported: Airflow then makes itself a home and takes over logging, so that here it only ever runs in processes of its own.
NEEDS_AIRFLOW = pytest.mark.skipif(find_spec("airflow") is None, reason="Airflow is an extra")


class AirflowHome:
    """A database, a folder of DAGs that has the product's, and the environment that names them."""

    def __init__(self, folder: Path, *, port: int = 8080, **more: str) -> None:
        self.folder, self.dags, self.port = folder, folder / "dags", port
        self.dags.mkdir(parents=True)
        shutil.copy(DAGS / "matins.py", self.dags)
        self.environment: Mapping[str, str] = {
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "no secret: all of this ends with a test, and nothing of it leaves the machine, " * 2,
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "PYTHONWARNINGS": "ignore",
            **more,
        }

    def copied(self, example: str, *changes: tuple[str, str]) -> None:
        """One of the product's examples in the folder of DAGs, changed as whoever copies it changes it."""
        text = (DAGS / example).read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (self.dags / f"own_{example}").write_text(text, encoding="utf-8")

    def airflow(self, *arguments: str, status: int = 0) -> str:
        """What an `airflow …` says, which must end with the status."""
        command = [str(Path(sys.executable).with_name("airflow")), *arguments]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == status, done.stdout
        return done.stdout

    def rows(self, query: str) -> list[dict[str, Any]]:
        """From Airflow's own database."""
        with closing(sqlite3.connect(self.folder / "airflow.db", timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def states(self, dag: str) -> dict[str, str]:
        """Each task of the newest run of a DAG, and how it stands."""
        found = self.rows(f"SELECT task_id, state FROM task_instance WHERE dag_id = '{dag}' ORDER BY run_id")
        return {row["task_id"]: row["state"] for row in found}

    @contextmanager
    def running(self) -> Iterator[Children]:
        """Scheduler, DAG processor and the server that tasks speak to, as `airflow standalone` starts them."""
        parts = {"api-server": [], "dag-processor": [], "scheduler": ["--skip-serve-logs"]}
        children = [Child(name, ["airflow", name, *more], self.environment) for name, more in parts.items()]
        (self.folder / "out").mkdir()
        with Children(children, logs=self.folder / "out") as started:
            try:
                yield started
            finally:
                # A command is in a session of its own: it would outlive the task that runs it.
                below = [one for process in started.running.values() if process.poll() is None for one in psutil.Process(process.pid).children(recursive=True)]
                for one in below:
                    if one.is_running():
                        one.terminate()
                psutil.wait_procs(below, timeout=20)


def on_a_free_port(folder: Path, **more: str) -> AirflowHome:
    """One whose server can be started."""
    return AirflowHome(folder, port=free_port(), **more)
