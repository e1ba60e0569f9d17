"""The services of `docker/compose.yaml` as plain processes of this machine: their commands, environments and health checks, taken from the file.

What compose puts in is put in; hosts become this machine's loopback, ports free ones, and the containers' folders those of a test.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil
from ruamel.yaml import YAML

from assets.children import free_port

ROOT: Final = Path(__file__).parents[2]
DOCKER: Final = ROOT / "docker"
VARIABLE: Final = re.compile(r"\$\$|\$\{(\w+)(?::([?-])((?:[^${}]|\$\{[^}]*\})*))?\}")
PORTS: Final = ("3000", "4000", "5000", "8080")
PORT: Final = re.compile(rf"\b({'|'.join(PORTS)})\b")
HOST: Final = re.compile(r"(?<=://)(airflow-api|mlflow)(?=:)|(?<=host: )code\b|^0\.0\.0\.0$")
DATA: Final = ("home", "lake", "landing", "mlflow", "airflow")
FOLDERS: Final = (*[f"data/{name}" for name in DATA], "etc/matins/pipelines", "opt/dagster", "opt/dags", "run/secrets", "logs")
FOLDER: Final = re.compile(r"(?<![\w/.])(?=/(data|etc|opt|run)/)")


class UnsetError(Exception):
    """A variable that the file insists on; compose would not start."""


def interpolated(value: Any, given: Mapping[str, str]) -> Any:
    """What compose makes of `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$`, wherever they stand."""

    def put(found: re.Match[str]) -> str:
        name, how, rest = found.groups()
        if name is None:
            return "$"
        if given.get(name):
            return given[name]
        if how == "?":
            raise UnsetError(rest)
        return VARIABLE.sub(put, rest or "")

    if isinstance(value, dict):
        return {key: interpolated(one, given) for key, one in value.items()}
    if isinstance(value, list):
        return [interpolated(one, given) for one in value]
    return VARIABLE.sub(put, value) if isinstance(value, str) else value


def compose(given: Mapping[str, str]) -> dict[str, Any]:
    """The file as compose reads it.

    Raises:
        UnsetError: a variable that it insists on is not given.
    """
    loaded = YAML(typ="safe", pure=True).load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
    read: dict[str, Any] = interpolated(loaded, given)
    return read


class Here:
    """Its services on this machine, beside a running PostgreSQL."""

    def __init__(self, folder: Path, *, postgres: int, given: Mapping[str, str]) -> None:
        self.folder, self.postgres, self.services = folder, postgres, compose(given)["services"]
        self.ports = {port: str(free_port()) for port in PORTS}
        for name in (
            "data/home",
            "data/lake",
            "data/landing",
            "data/mlflow",
            "data/airflow",
            "etc/matins/pipelines",
            "opt/dagster",
            "opt/dags",
            "run/secrets",
            "logs",
        ):
            (folder / name).mkdir(parents=True)
        for file in (DOCKER / "dagster.yaml", DOCKER / "workspace.yaml"):
            (folder / "opt" / "dagster" / file.name).write_text(self._here(file.read_text(encoding="utf-8")), encoding="utf-8")
        shutil.copy(ROOT / "dags" / "matins.py", folder / "opt" / "dags")

    def environment(self, service: str) -> dict[str, str]:
        """What the service's processes are given, beside the path to the programs of the image."""
        own = {key: self._here(str(value)) for key, value in self.services[service]["environment"].items()}
        return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(self.folder), "PGPORT": str(self.postgres), **own}

    @contextmanager
    def running(self, *services: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
        """Each service's own command; at the end all that they have started is gone."""
        started: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name in services:
                with self.log(name).open("wb") as log:
                    started[name] = subprocess.Popen(
                        stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **self._call(name, self.services[name]["command"])
                    )
            yield started
        finally:
            for process in reversed(started.values()):
                end(process)

    def once(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """The service's own command, or another in its environment, until it ends."""
        call = self._call(service, command or self.services[service]["command"])
        return subprocess.run(**call, capture_output=True, text=True, check=False, timeout=550)

    def is_healthy(self, service: str) -> bool:
        """What the service's health check says now."""
        kind, *command = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.once(service, *command).returncode == 0

    def log(self, service: str) -> Path:
        return self.folder / "logs" / f"{service}.log"

    def _call(self, service: str, command: Sequence[str]) -> dict[str, Any]:
        return {"args": [*map(self._here, command)], "env": self.environment(service), "cwd": self.folder / "data" / "home"}

    def _here(self, text: str) -> str:
        text = PORT.sub(lambda found: self.ports[found[1]], text)
        text = HOST.sub("127.0.0.1", text.replace("@postgres/", f"@127.0.0.1:{self.postgres}/"))
        return FOLDER.sub(str(self.folder), text)


def end(process: subprocess.Popen[bytes]) -> None:
    """The process and whatever it has started, also in sessions of its own: asked first, then made to."""
    below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=30)
    for one in below:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
