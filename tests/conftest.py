"""What every test may ask for: one Spark per process, and a home folder of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from pyspark.sql import SparkSession

from jobs.lake.session import close_spark, spark_session
from jobs.settings import Settings, read_settings

TAKES_LONG: Final = frozenset(
    {
        "test_dagster",
        "test_days_and_zones",
        "test_deliveries_again",
        "test_few_rows",
        "test_kill_at_commit",
        "test_kill_in_steps",
        "test_maintain",
        "test_no_room_no_right",
        "test_stopped",
        "test_warehouse_and_model",
    }
)
"""Modules whose every test is one of `make test-all`: they start processes, kill them and wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the long modules as a whole."""
    for item in items:
        if item.path.stem in TAKES_LONG:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The one Spark session of the test process."""
    yield spark_session(Settings(spark_profile="test"))
    close_spark()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose every store lies in a fresh temporary folder, also for processes that the test starts."""
    for name in ("MATINS_LAKE", "MATINS_LANDING", "MATINS_WAREHOUSE_URL", "MATINS_LEDGER_URL", "MLFLOW_TRACKING_URI", "MATINS_PIPELINES", "MATINS_FAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MATINS_HOME", str(tmp_path))
    monkeypatch.setenv("MATINS_SPARK_PROFILE", "test")
    return read_settings()
