"""The deployment as processes: every command and health check of `docker/compose.yaml`, on a real PostgreSQL that asks for passwords."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.integration.composed import DOCKER, Here
from tests.integration.machine import wait_for
from tests.integration.postgresql import binaries, running
from tests.tiny import FIRST, write_pipeline

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed: apt-get install postgresql"),
]
# With all that would have to be percent-encoded in an address.
GIVEN = {"POSTGRES_PASSWORD": "owner-canary", "DB_PASSWORD": "c@nary/of:the %41product", "AIRFLOW_JWT_SECRET": "canary" * 20, "MATINS_SPARK_PROFILE": "test"}
AS_OF = FIRST + timedelta(days=30)
NIGHT = AS_OF + timedelta(days=1)
LAUNCH = "mutation ($run: ExecutionParams!) { launchRun(executionParams: $run) { ... on LaunchRunSuccess { run { runId } } } }"
CHANGES: dict[str, Any] = {"feeds": {"weather": None, "shops": None}, "features": {"lookup": None, "latest": None}}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    """The host: databases made by the file that PostgreSQL's image runs, and a team's pipeline with its deliveries."""
    with running(password=GIVEN["POSTGRES_PASSWORD"]) as url:
        port = make_url(url).port
        assert port
        made = Here(tmp_path, postgres=port, given=GIVEN)
        psql = ["psql", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1", f"--port={port}", "--username=postgres", f"--file={DOCKER / 'databases.sql'}"]
        secrets = {"PGPASSWORD": GIVEN["POSTGRES_PASSWORD"], "DB_PASSWORD": GIVEN["DB_PASSWORD"]}
        subprocess.run(psql, env={**os.environ, **secrets}, check=True, capture_output=True)
        write_pipeline(tmp_path / "etc" / "matins" / "pipelines", tmp_path / "data" / "landing", nights=33, changes=CHANGES)
        yield made


def rows(here: Here, database: str, query: str) -> list[tuple[Any, ...]]:
    about = {"host": "127.0.0.1", "port": here.postgres, "user": "matins", "password": GIVEN["DB_PASSWORD"], "dbname": database}
    with closing(psycopg.connect(**about)) as connection:
        return connection.execute(query).fetchall()


def matins(here: Here, service: str, *arguments: str) -> str:
    """As `docker compose exec SERVICE matins …`."""
    done = here.once(service, "matins", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_night_runs_through_the_page_s_server_and_is_published(here: Here) -> None:
    assert here.is_healthy("postgres")
    assert not any(here.is_healthy(service) for service in ("mlflow", "code", "daemon", "webserver"))
    migrated = here.once("migrate")
    assert migrated.returncode == 0, migrated.stderr
    with here.running("mlflow", "code"):
        for service in ("mlflow", "code"):
            wait_for(lambda service=service: here.is_healthy(service))
        assert answer(here, "mlflow:5000") == 200
        assert answer(here, "elsewhere.example") == 403
        matins(here, "code", "backfill", "tiny", "--from", str(FIRST), "--to", str(AS_OF), "--steps", "raw,validated,features", "--no-pages")
        matins(here, "code", "train", "tiny.returned", "--as-of", str(AS_OF))
        with here.running("daemon", "webserver"):
            for service in ("daemon", "webserver"):
                wait_for(lambda service=service: here.is_healthy(service))
            run_id = launched(here)
            wait_for(lambda: rows(here, "dagster", f"SELECT status FROM runs WHERE run_id = '{run_id}'") in ([("SUCCESS",)], [("FAILURE",)]))
    assert rows(here, "ledger", f"SELECT outcome, command FROM matins_runs WHERE run_id = '{run_id}'") == [("done", "dagster")]
    assert rows(here, "warehouse", f"SELECT count(*) FROM tiny_returned_v1 WHERE night = '{NIGHT}'") == [(60,)]
    assert list((here.folder / "data" / "mlflow").rglob("model.ubj"))
    assert list((here.folder / "data" / "home" / "dagster").rglob("*.err"))
    assert not any(here.is_healthy(service) for service in ("mlflow", "code", "webserver"))
    assert leaks(here) == []


def launched(here: Here) -> str:
    """The id of a run of the night, asked for as the page does."""
    job = {"repositoryLocationName": "matins", "repositoryName": "__repository__", "jobName": "tiny_night"}
    config = {"resources": {"tiny_run": {"config": {"pages": False}}}}
    tags = [{"key": "dagster/partition", "value": str(NIGHT)}]
    asked = {"query": LAUNCH, "variables": {"run": {"selector": job, "runConfigData": config, "executionMetadata": {"tags": tags}}}}
    request = Request(f"http://127.0.0.1:{here.ports['3000']}/graphql", json.dumps(asked).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answered:
        return str(json.load(answered)["data"]["launchRun"]["run"]["runId"])


def answer(here: Here, host: str) -> int:
    """What MLflow answers somebody who calls it by this name."""
    name = host.replace("5000", here.ports["5000"])
    request = Request(f"http://127.0.0.1:{here.ports['5000']}/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"Host": name})
    try:
        with urlopen(request, timeout=10) as answered:
            return int(answered.status)
    except HTTPError as refused:
        with refused:
            return refused.code


def leaks(here: Here) -> list[Path]:
    """The files of all services that hold a password."""
    secrets = [value.encode() for name, value in GIVEN.items() if not name.startswith("MATINS")]
    return [file for file in here.folder.rglob("*") if file.is_file() and any(secret in file.read_bytes() for secret in secrets)]


def test_airflow_runs_a_step_of_a_night(here: Here) -> None:
    without = {name: value for name, value in GIVEN.items() if name != "AIRFLOW_JWT_SECRET"}
    (here.folder / "other").mkdir()
    refused = Here(here.folder / "other", postgres=here.postgres, given=without).once("airflow-migrate")
    assert refused.returncode != 0
    assert "set AIRFLOW_JWT_SECRET to a long secret" in refused.stderr
    migrated = here.once("airflow-migrate")
    assert migrated.returncode == 0, migrated.stderr
    services = ("airflow-api", "airflow-scheduler", "airflow-dag-processor")
    assert not any(here.is_healthy(service) for service in services)
    with here.running(*services):
        for service in services:
            wait_for(lambda service=service: here.is_healthy(service))
        wait_for(lambda: rows(here, "airflow", "SELECT dag_id FROM dag WHERE dag_id = 'matins_tiny'") != [])
        for command in (["unpause", "matins_tiny"], ["trigger", "matins_tiny", "--logical-date", f"{FIRST}T06:00:00Z"]):
            done = here.once("airflow-scheduler", "airflow", "dags", *command)
            assert done.returncode == 0, done.stderr
        state = f"SELECT task_instance.state FROM task_instance JOIN dag_run USING (dag_id, run_id) WHERE task_id = 'raw' AND logical_date::date = '{FIRST}'"
        wait_for(lambda: rows(here, "airflow", state) in ([("success",)], [("failed",)]))
        assert rows(here, "airflow", state) == [("success",)]
    assert rows(here, "ledger", "SELECT outcome FROM matins_step_runs WHERE step = 'raw' AND item = 'orders'") == [("written",)]
    assert not any(here.is_healthy(service) for service in services)
    assert leaks(here) == []
