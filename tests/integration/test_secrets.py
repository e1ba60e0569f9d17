"""Passwords, keys and addresses carry a canary, through nights that go well and commands that fail; it is then looked for in everything that is left."""

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pyspark.sql import SparkSession
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from assets.children import Child, Children, free_port
from assets.definitions import defs
from assets.up import dagster_home
from jobs.cli import app, guarded
from jobs.settings import Settings, read_settings
from tests.integration.postgresql import binaries, running
from tests.tiny import FIRST, rows_of, write_pipeline

CANARY = "canary7d3f"
PASSWORD = f"{CANARY}-password"
AS_OF = FIRST + timedelta(days=30)
NIGHTS = [AS_OF + timedelta(days=n) for n in (1, 2, 3)]
CHANGES: dict[str, Any] = {
    "feeds": {
        "orders": {"columns": {"shop": {"type": "string", "personal": "hash"}}},
        "outcomes": {"path": None, "sql": {"url": "SHOP_SOURCE", "query": "SELECT * FROM outcomes WHERE day = :event_day"}},
        "weather": None,
        "shops": None,
    },
    "features": {"lookup": None, "latest": None},
    "alerts": {"webhook": "SHOP_WEBHOOK", "rules": {"always": {"signal": "red", "above": -1}}},
}
pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed: apt-get install postgresql")


def matins(*arguments: str) -> int:
    """The command, in this process."""
    return guarded(lambda: app(list(arguments)))


def holding_a_canary(folder: Path) -> list[str]:
    return [str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(password=PASSWORD) as url:
        yield url


@pytest.fixture
def pipeline(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_pipeline(tmp_path / "pipelines", home.landing, nights=34, changes=CHANGES)
    address = f"http://127.0.0.1:{free_port()}/{CANARY}"
    secrets = {"MATINS_PIPELINES": tmp_path / "pipelines", "MATINS_HASH_KEY": f"{CANARY}-key", "SHOP_WEBHOOK": address, "SHOP_SOURCE": "sqlite://"}
    for name, value in {**secrets, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}.items():
        monkeypatch.setenv(name, str(value))
    return tmp_path


def wrong(kind: str, server: str) -> str:
    """An address with a canary that cannot be used in one of the usual ways."""
    other = make_url(server).set(password=f"{CANARY}-wrong")
    nowhere = {"refused": other, "nobody": other.set(port=free_port()), "unknown": other.set(host=f"{kind}.invalid")}
    said = nowhere.get(kind, other).render_as_string(hide_password=False)
    return said.replace(CANARY, f"{CANARY}@") if kind == "unencoded" else said


@pytest.mark.parametrize("kind", ["refused", "nobody", "unknown", "unencoded"])
@pytest.mark.parametrize("variable", ["MATINS_WAREHOUSE_URL", "MATINS_LEDGER_URL"])
def test_a_database_that_cannot_be_used_is_told_without_its_password(
    variable: str, kind: str, server: str, pipeline: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, wrong(kind, server))
    assert matins("plan", "tiny", "--night", str(FIRST)) == (2 if kind in {"refused", "unencoded"} else 3)
    said = capfd.readouterr()
    assert said.err.startswith("matins: ")
    assert "Traceback" not in said.err
    assert CANARY not in said.out + said.err
    assert holding_a_canary(pipeline) == []


@pytest.mark.parametrize("address", ["http://ada:{}@127.0.0.1:{}", "http://ada:{}@mlflow.invalid:{}"], ids=["nobody", "unknown"])
def test_a_registry_that_cannot_be_reached_is_told_without_its_password(
    address: str, pipeline: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(PASSWORD, free_port()))
    assert matins("models", "tiny") == 3
    said = capfd.readouterr()
    assert "The model registry could not be opened" in said.err
    assert CANARY not in said.out + said.err
    assert holding_a_canary(pipeline) == []


@pytest.fixture
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server of its own, by an address with a password that it does not ask for; and its folder."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    store = {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder / 'mlflow.db'}", "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts")}
    command = ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    server = Child("mlflow", command, {**store, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}, ready=(port, "/health"))
    with Children([server], logs=folder) as started:
        started.wait_until_ready()
        yield f"http://ada:{PASSWORD}@127.0.0.1:{port}", folder


@pytest.fixture
def everywhere(server: str, pipeline: Path, mlflow: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a product that keeps nothing in files: ledger, warehouse, source and registry each have a password."""
    for name in ("MATINS_WAREHOUSE_URL", "MATINS_LEDGER_URL", "SHOP_SOURCE"):
        monkeypatch.setenv(name, server)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow[0])
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE outcomes (day text, order_id int, days_kept int, refund float)"))
        days = [FIRST + timedelta(days=n) for n in range(34)]
        happened = [dict(zip(("day", "order_id", "days_kept", "refund"), row, strict=True)) for day in days for row in rows_of("outcomes", day)]
        connection.execute(text("INSERT INTO outcomes VALUES (:day, :order_id, :days_kept, :refund)"), happened)
    engine.dispose()
    return pipeline


def night_job() -> dg.JobDefinition:
    return defs().resolve_job_def("tiny_night")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_secret_is_left_anywhere(
    everywhere: Path, server: str, mlflow: tuple[str, Path], spark: SparkSession, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert matins("backfill", "tiny", "--from", str(FIRST), "--to", str(AS_OF), "--steps", "raw,validated,features", "--no-pages") == 0
    assert matins("train", "tiny.returned", "--as-of", str(AS_OF)) == 0
    # All is well but for the alert, which nobody takes.
    assert matins("run", "tiny", "--night", str(NIGHTS[0])) == 1
    for looked in (["status"], ["status", "tiny", "--json"], ["models", "tiny", "--json"], ["plan", "tiny", "--night", str(NIGHTS[1])], ["check", "tiny"]):
        assert matins(*looked) == 0
    with monkeypatch.context() as environment:
        environment.setenv("MATINS_WAREHOUSE_URL", wrong("refused", server))
        assert matins("run", "tiny", "--night", str(NIGHTS[1]), "--no-pages") == 2
    with monkeypatch.context() as environment:
        environment.setenv("SHOP_SOURCE", wrong("nobody", server))
        assert matins("run", "tiny", "--night", str(NIGHTS[1]), "--no-pages") in {1, 3}
    with dg.DagsterInstance.from_config(str(dagster_home(read_settings()))) as instance:
        for url in (server, wrong("refused", server)):
            monkeypatch.setenv("MATINS_WAREHOUSE_URL", url)
            done = dg.execute_job(dg.reconstructable(night_job), instance, tags={"dagster/partition": str(NIGHTS[2])})
            assert not done.success
        told = "\n".join(str(entry) for run in instance.get_runs() for entry in instance.all_logs(run.run_id))
    assert "could not be sent to the address in SHOP_WEBHOOK" in told
    assert "password authentication failed" in told
    assert CANARY not in told
    said = capfd.readouterr()
    assert "could not be sent to the address in SHOP_WEBHOOK" in said.out + said.err
    assert CANARY not in said.out + said.err
    assert holding_a_canary(everywhere) == []
    assert holding_a_canary(mlflow[1]) == []
    assert "matins_step_runs" in (kept := dumped(server))
    assert CANARY not in kept
    assert CANARY not in "\n".join(f"{name} {value}" for name, value in listed(spark))


def dumped(server: str) -> str:
    """All that the database keeps."""
    url = make_url(server)
    command = ["pg_dump", f"--host={url.host}", f"--port={url.port}", f"--username={url.username}", str(url.database)]
    return subprocess.run(command, env={**os.environ, "PGPASSWORD": PASSWORD}, check=True, capture_output=True, text=True).stdout


def listed(spark: SparkSession) -> list[tuple[str, str]]:
    """Spark's configuration as its page and `SET -v` show it, and the properties of its JVM."""
    jvm = spark.sparkContext._jvm
    assert jvm
    properties = [(str(name), str(jvm.System.getProperty(name))) for name in jvm.System.getProperties().stringPropertyNames()]
    settings = [(row.key, str(row.value)) for row in spark.sql("SET -v").collect()]
    found = [*spark.sparkContext.getConf().getAll(), *settings, *properties]
    assert len(found) > 100
    return found
