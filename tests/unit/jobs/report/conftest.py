"""A year of two models, and a few nights of one, each as its ledger tells it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from made_year import write_year

from jobs.config.loading import load_pipeline, read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger
from jobs.report.records import Records, read_records
from jobs.settings import Settings
from tests.tiny import write_pipeline


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> Records:
    settings = Settings(home=tmp_path_factory.mktemp("year"))
    ledger, pipeline = Ledger.of(settings), load_pipeline("flights", settings)
    write_year(ledger, pipeline)
    return read_records(ledger, pipeline, settings)


@pytest.fixture
def pipeline(home: Settings) -> Pipeline:
    return read_pipeline(write_pipeline(home.root / "pipelines", home.landing, nights=0).path)


@pytest.fixture
def ledger(home: Settings) -> Ledger:
    return Ledger.of(home)


@pytest.fixture
def records(home: Settings, pipeline: Pipeline, ledger: Ledger) -> Callable[[], Records]:
    """What the ledger says by now."""
    return lambda: read_records(ledger, pipeline, home)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "tiny"
