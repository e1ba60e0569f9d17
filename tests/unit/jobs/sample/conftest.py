"""A month of real deliveries to spoil."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.pipelines.flights import deliveries

FIRST, LAST = date(2013, 5, 1), date(2013, 5, 31)


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    list(deliveries(folder, FIRST, LAST))
    return folder


@pytest.fixture
def landing(clean: Path, tmp_path: Path) -> Path:
    return shutil.copytree(clean, tmp_path / "landing")


@pytest.fixture(scope="session")
def nights() -> list[date]:
    return [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
