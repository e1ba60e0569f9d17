"""A home in the middle of its life: a champion, two published nights, and three nights each waiting for one step."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from pyspark.sql import SparkSession

from jobs.cli import app, guarded
from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.lake.lake import Lake
from jobs.ledger.ledger import Ledger
from jobs.nights import parse_night
from jobs.settings import Settings, read_settings
from tests.tiny import write_pipeline

NAME: Final = "small"
MODEL: Final = "returned"
# Half the feeds of the tiny pipeline: faults are the same in two tables as in four.
CHANGES: Final = {"feeds": {"weather": None, "shops": None}, "features": {"lookup": None, "latest": None}}
PUBLISHED: Final = ("2024-02-01", "2024-02-02")
LEFT_TO_DO: Final = {"features": "2024-02-03", "predictions": "2024-02-04", "published": "2024-02-05"}
TABLES: Final = {"features": "features", "predictions": f"{MODEL}/predictions", "published": f"{MODEL}/predictions"}


@dataclass(frozen=True)
class Scene:
    """The home that the environment names."""

    settings: Settings
    pipeline: Pipeline
    lake: Lake

    @classmethod
    def here(cls, spark: SparkSession) -> "Scene":
        settings = read_settings()
        ledger = Ledger.of(settings)
        return cls(settings, load_pipeline(NAME, settings), Lake(spark, ledger, root=settings.lake, pipeline=NAME, run_id="look"))

    @staticmethod
    def matins(*arguments: str) -> int:
        """The command, in this process."""
        return guarded(lambda: app(list(arguments)))

    def do(self, step: str, *more: str) -> int:
        """The step that its night is waiting for."""
        return self.matins("run", NAME, "--night", LEFT_TO_DO[step], "--steps", step, "--no-pages", *more)

    def checksum(self, step: str) -> str:
        """Of the night that waited for the step."""
        return self.lake.current(TABLES[step])[parse_night(LEFT_TO_DO[step])].checksum

    def warehouse(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.settings.root / "warehouse.db")) as connection:
            return connection.execute(query).fetchall()


def prepare(folder: Path) -> None:
    """Makes the home."""
    lenient = {**CHANGES, "feeds": {**CHANGES["feeds"], "orders": {"expect": []}}}
    write_pipeline(folder / "pipelines", folder / "landing", name=NAME, changes=lenient)
    last = LEFT_TO_DO["published"]
    with pytest.MonkeyPatch.context() as environment:
        name_home(environment, folder)
        for arguments in (
            ["--from", "2024-01-01", "--to", last, "--steps", "raw,validated"],
            ["--from", "2024-01-01", "--to", PUBLISHED[1], "--steps", "features"],
            ["--from", LEFT_TO_DO["predictions"], "--to", last, "--steps", "features"],
        ):
            assert Scene.matins("backfill", NAME, *arguments, "--no-pages") == 0
        assert Scene.matins("train", f"{NAME}.{MODEL}", "--as-of", "2024-01-31") == 0
        assert Scene.matins("backfill", NAME, "--from", PUBLISHED[0], "--to", PUBLISHED[1], "--steps", "predictions,published", "--no-pages") == 0
        assert Scene.matins("run", NAME, "--night", last, "--steps", "predictions", "--no-pages") == 0


def name_home(environment: pytest.MonkeyPatch, folder: Path) -> None:
    for variable in ("MATINS_LAKE", "MATINS_LANDING", "MATINS_WAREHOUSE_URL", "MATINS_LEDGER_URL", "MLFLOW_TRACKING_URI", "MATINS_FAIL"):
        environment.delenv(variable, raising=False)
    environment.setenv("MATINS_HOME", str(folder))
    environment.setenv("MATINS_PIPELINES", str(folder / "pipelines"))
    environment.setenv("MATINS_SPARK_PROFILE", "test")


def copy(original: Path, target: Path) -> None:
    """A home like the original; MLflow writes down where its artifacts lie, so that this is corrected."""
    shutil.copytree(original, target, dirs_exist_ok=True)
    with closing(sqlite3.connect(target / "mlflow.db")) as connection, connection:
        for table, column in (
            ("experiments", "artifact_location"),
            ("runs", "artifact_uri"),
            ("model_versions", "source"),
            ("model_versions", "storage_location"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(original), str(target)))
