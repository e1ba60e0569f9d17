"""`make up`: Dagster with the pipelines, and MLflow, on this machine only, until Ctrl-C."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import dagster as dg
from filelock import FileLock, Timeout

from assets.children import Child, Children, free_port, require_free
from jobs.console import say, warn
from jobs.errors import MatinsError, UsageError
from jobs.settings import Settings, read_settings

LOOPBACK: Final = "127.0.0.1"
LOGS: Final = "up"
"""Not `logs`: what lies there Dagster sends away as telemetry, or deletes."""
DAGSTER_YAML: Final = """\
# Written once by `python -m assets.up`; yours to change.
telemetry:
  enabled: false
nux:  # no newsletter
  enabled: false
# One Spark at a time: a second run waits in the queue.
concurrency:
  runs:
    max_concurrent_runs: 1
# A run whose process has been killed is closed instead of staying `started`.
run_launcher:
  module: assets.launcher
  class: WatchedRunLauncher
run_monitoring:
  enabled: true
  poll_interval_seconds: 30
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry point: 0 after Ctrl-C or SIGTERM, 2 if it may not start, 3 if something it started has ended."""
    given = _parser().parse_args(arguments)
    try:
        settings = read_settings()
        home = dagster_home(settings)
        with only_one(home):
            ports = {"Dagster": given.port, "MLflow": given.mlflow_port}
            for name, port in ports.items():
                require_free(name, port, option=f"--{'' if name == 'Dagster' else 'mlflow-'}port")
            make_databases(home)
            sys.exit(_serve(settings, home, ports))
    except MatinsError as error:
        warn(f"up: {error}")
        sys.exit(error.exit_status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m assets.up", description=__doc__)
    parser.add_argument("--port", type=int, default=os.environ.get("MATINS_DAGSTER_PORT", "3000"), help="Dagster's, by default MATINS_DAGSTER_PORT or 3000")
    parser.add_argument("--mlflow-port", type=int, default=os.environ.get("MATINS_MLFLOW_PORT", "5000"), help="MLflow's, by default MATINS_MLFLOW_PORT or 5000")
    return parser


def dagster_home(settings: Settings) -> Path:
    """Dagster's folder in the home, with a configuration if it has none.

    Raises:
        UsageError: it cannot be written.
    """
    home = settings.root / "dagster"
    try:
        (home / LOGS).mkdir(parents=True, exist_ok=True)
        if not (file := home / "dagster.yaml").exists():
            file.write_text(DAGSTER_YAML, encoding="utf-8")
    except OSError as error:
        msg = f"{home} cannot be written ({error.strerror}). Make it writable, or set MATINS_HOME to another folder."
        raise UsageError(msg) from None
    return home


def make_databases(home: Path) -> None:
    """Let Dagster make its databases in a new home. Three processes that do so at once leave one with two heads, which none can open again."""
    with dg.DagsterInstance.from_config(str(home)):
        return


def only_one(home: Path) -> FileLock:
    """A lock that the system releases however this process ends.

    Raises:
        UsageError: another process holds it: two daemons on one home would start every run twice.
    """
    lock = FileLock(home / "up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        msg = f"Dagster already runs on {home}. Use that one, stop it, or set MATINS_HOME to another folder."
        raise UsageError(msg) from None
    return lock


def commands(settings: Settings, home: Path, ports: dict[str, int], code_port: int) -> list[Child]:
    """What is started: one server for our code, which both the page and the daemon ask, and MLflow's page where its store is here."""
    here, workspace = ["--host", LOOPBACK, "--port"], home / LOGS / "workspace.yaml"
    # Without a name of its own the location would be called after its port, and every start would forget which schedules are on.
    workspace.write_text(f"load_from: [grpc_server: {{host: {LOOPBACK}, port: {code_port}, location_name: matins}}]\n", encoding="utf-8")
    environment, ours = {"DAGSTER_HOME": str(home), "MATINS_HOME": str(settings.root)}, ["--workspace", str(workspace)]
    children = [
        Child("code", ["dagster", "code-server", "start", "-m", "assets.definitions", "--location-name", "matins", *here, str(code_port)], environment),
        Child("webserver", ["dagster-webserver", *here, str(ports["Dagster"]), *ours], environment, ready=(ports["Dagster"], "/server_info")),
        Child("daemon", ["dagster-daemon", "run", *ours], environment),
    ]
    if settings.mlflow_uri.startswith("http"):
        return children
    # By environment, not as arguments, which everybody on the machine can read: the address may hold a password.
    store = {"MLFLOW_BACKEND_STORE_URI": settings.mlflow_uri, "MLFLOW_DEFAULT_ARTIFACT_ROOT": str(settings.root / "mlartifacts")}
    store |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # five idle processes
    mlflow = ["mlflow", "server", *here, str(ports["MLflow"]), "--workers", "1"]
    return [*children, Child("mlflow", mlflow, store, ready=(ports["MLflow"], "/health"))]


def _serve(settings: Settings, home: Path, ports: dict[str, int]) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    children = Children(commands(settings, home, ports, free_port()), logs=home / LOGS)
    try:
        with children:
            say(f"Starting Dagster and MLflow on {settings.root} …")
            children.wait_until_ready()
            say(f"Dagster  http://{LOOPBACK}:{ports['Dagster']}/locations/matins")
            say("MLflow   " + (f"http://{LOOPBACK}:{ports['MLflow']}" if children.has("mlflow") else "is the server that MLFLOW_TRACKING_URI names"))
            say(f"Logs     {home / LOGS}\nSchedules and sensors are off until you turn them on. Ctrl-C ends it all.")
            children.wait()
    except KeyboardInterrupt:
        say("Stopped.")
        return 0
    return 3


if __name__ == "__main__":
    main()
