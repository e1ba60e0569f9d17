"""The deployment as files: what compose and the image promise. What its services do as processes: test_deployed.py."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from ruamel.yaml import YAML

from assets.launcher import WatchedRunLauncher
from tests.integration.composed import DOCKER, ROOT, UnsetError, compose

GIVEN = {"POSTGRES_PASSWORD": "owner's secret", "DB_PASSWORD": "product's secret", "AIRFLOW_JWT_SECRET": "airflow's secret"}
SERVICES: Mapping[str, Mapping[str, Any]] = compose(GIVEN)["services"]
RUNNING = {name: one for name, one in SERVICES.items() if one.get("restart") != "no"}
SECRET = re.compile(r"(?i)password|secret(?!s$)|_key$|token")
PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.?\d*(-\w+)*")


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n", " ", (DOCKER / "Dockerfile").read_text(encoding="utf-8"))
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#"))
    return [(name.upper(), rest) for name, rest in pairs]


@pytest.mark.parametrize("missing", ["POSTGRES_PASSWORD", "DB_PASSWORD"])
def test_compose_refuses_to_start_without_a_password(missing: str) -> None:
    with pytest.raises(UnsetError, match=f"set {missing} to a password"):
        compose({name: value for name, value in GIVEN.items() if name != missing})


def test_no_secret_has_a_value_in_a_file() -> None:
    loaded = YAML(typ="safe", pure=True).load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
    given = [(key, value) for service in loaded["services"].values() for key, value in service.get("environment", {}).items() if SECRET.search(key)]
    assert len(given) > 8
    assert [key for key, value in given if not re.fullmatch(r"\$\{\w+:[?-][^}]*\}", value) and not value.startswith("/run/")] == []
    addresses = [value for service in SERVICES.values() for value in service["environment"].values() if "://" in value]
    assert addresses
    assert [one for one in addresses if re.search(r"://[^/@]*:[^/@]*@", one)] == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    one = SERVICES[name]
    assert one["user"] not in {"root", "0", 0}
    assert one["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in one["security_opt"]
    assert not {"privileged", "cap_add", "devices", "ipc"} & set(one)
    assert not any("docker.sock" in volume for volume in one["volumes"])


@pytest.mark.parametrize("name", RUNNING)
def test_a_service_says_how_it_is_and_waits_for_those_it_needs(name: str) -> None:
    one = SERVICES[name]
    assert one["healthcheck"]["test"][0] == "CMD"
    for needed, how in one.get("depends_on", {}).items():
        assert how["condition"] == ("service_healthy" if needed in RUNNING else "service_completed_successfully")


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_or_made_here(name: str) -> None:
    one = SERVICES[name]
    assert PINNED.fullmatch(one["image"])
    if build := one.get("build"):
        assert (DOCKER / build["context"] / build["dockerfile"]).samefile(DOCKER / "Dockerfile")
        assert (ROOT / "requirements" / f"{build.get('args', {}).get('LOCK', 'run')}.txt").is_file()


def test_every_port_is_this_host_s_own() -> None:
    ports = [port for one in SERVICES.values() for port in one.get("ports", [])]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_what_is_kept_is_in_volumes() -> None:
    declared = set(compose(GIVEN)["volumes"])
    used = {volume.partition(":")[0] for one in SERVICES.values() for volume in one["volumes"]}
    assert used - declared == {"./databases.sql"}
    assert declared <= used
    assert (DOCKER / "databases.sql").is_file()


def test_the_daemon_sees_the_processes_of_runs() -> None:
    assert (SERVICES["daemon"]["pid"], SERVICES["daemon"]["network_mode"]) == ("service:code", "service:code")


def test_without_a_profile_there_is_no_airflow() -> None:
    assert {name for name, one in SERVICES.items() if one.get("profiles")} == {name for name in SERVICES if name.startswith("airflow")}


def test_the_image_is_made_from_the_lock_and_runs_as_a_user() -> None:
    found = instructions()
    assert [rest for name, rest in found if name == "USER"] == ["10001"]
    assert found[-1][0] == "CMD"
    assert not [rest for name, rest in found if name == "ADD"]
    bases = [rest.split()[0] for name, rest in found if name == "FROM"]
    assert len(set(bases)) == 1
    assert PINNED.fullmatch(bases[0])
    assert any("--require-hashes" in rest for name, rest in found if name == "RUN")


def test_what_the_image_copies_is_there_and_let_through() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and "--from" not in rest]
    sources = {source.replace("${LOCK}", lock) for some in copied for source in some for lock in ("run", "airflow")}
    assert len(sources) > 8
    assert all((ROOT / source).exists() for source in sources)
    assert {source for source in sources if not any(source == one or source.startswith(f"{one}/") for one in let_through)} == set()


def test_dagster_in_containers_guards_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_FILES", str(tmp_path))
    text = (DOCKER / "dagster.yaml").read_text(encoding="utf-8")
    (tmp_path / "dagster.yaml").write_text(re.sub(r"^storage:\n( .*\n)+", "", text, flags=re.MULTILINE), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert isinstance(instance.run_launcher, WatchedRunLauncher)
        assert instance.run_monitoring_enabled
        assert not instance.telemetry_enabled
        limits = instance.get_concurrency_config()
        assert limits.pool_config.default_pool_limit == 1
        assert limits.run_queue_config
        assert limits.run_queue_config.max_concurrent_runs == 1
