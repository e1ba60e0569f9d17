"""Homes for faults: an empty one (`home`, for all tests), and copies of one that has a champion and published nights."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.lake.lake import Lake
from jobs.settings import Settings
from tests.faults import prepared, tables
from tests.faults.prepared import Scene


@pytest.fixture
def lake(home: Settings, spark: SparkSession) -> Lake:
    """An empty lake."""
    return tables.lake_of(home, spark)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Path:
    """The home that tests get copies of; none may change it."""
    folder = tmp_path_factory.mktemp("prepared")
    prepared.prepare(folder)
    return folder


@pytest.fixture
def scene(original: Path, tmp_path: Path, home: Settings, monkeypatch: pytest.MonkeyPatch, spark: SparkSession) -> Scene:
    """A copy of the prepared home, and the environment that names it."""
    prepared.copy(original, tmp_path)
    monkeypatch.setenv("MATINS_PIPELINES", str(tmp_path / "pipelines"))
    return Scene.here(spark)


@pytest.fixture(scope="session")
def clean(original: Path, tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Iterator[dict[str, str]]:
    """What each table's night holds after one clean run of what the prepared home has left to do."""
    folder = tmp_path_factory.mktemp("clean")
    prepared.copy(original, folder)
    with pytest.MonkeyPatch.context() as environment:
        prepared.name_home(environment, folder)
        scene = Scene.here(spark)
        for step, night in prepared.LEFT_TO_DO.items():
            assert scene.matins("run", prepared.NAME, "--night", night, "--steps", step, "--no-pages") == 0
        yield {step: scene.checksum(step) for step in prepared.LEFT_TO_DO}
