"""A home with three validated nights of orders, and a fourth whose delivery a test writes as badly as it likes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from pyspark.sql import SparkSession

from jobs.lake.lake import Lake
from jobs.settings import read_settings
from tests.faults.prepared import CHANGES, NAME, Scene, name_home
from tests.faults.tables import ledger_of
from tests.tiny import HEADERS, rows_of, write_pipeline

NIGHT: Final = date(2024, 1, 4)
HEADER: Final = HEADERS["orders"]


@dataclass(frozen=True)
class Shop:
    """The home that the environment names while the shop is open."""

    lake: Lake
    landing: Path

    @property
    def orders(self) -> Path:
        """The fourth night's delivery."""
        return self.file(NIGHT)

    def file(self, night: date, feed: str = "orders") -> Path:
        return self.landing / feed / f"{night}.csv"

    def run(self, steps: str = "raw,validated", *more: str, night: date = NIGHT) -> int:
        return Scene.matins("run", NAME, "--night", str(night), "--steps", steps, "--no-pages", *more)

    def contents(self) -> dict[str, object]:
        """Of every table that a bad delivery must leave alone: nights, generations, checksums."""
        return {table: self.lake.current(table) for table in ("raw/orders", "validated/orders", "quarantine/orders")}

    def validated(self) -> object:
        return self.lake.current("validated/orders")

    def counts(self, night: date = NIGHT) -> dict[str, float]:
        return dict(self.lake.current("validated/orders")[night].counts)


@contextmanager
def opened(home: Path, spark: SparkSession) -> Iterator[Shop]:
    made = write_pipeline(home / "pipelines", home / "landing", name=NAME, nights=4, changes=CHANGES)
    write_pipeline(home / "pipelines", home / "elsewhere", name="endless", nights=0, changes={**CHANGES, "nights": {"to": None}})
    with pytest.MonkeyPatch.context() as environment:
        name_home(environment, home)
        made.file("orders", NIGHT).unlink()
        assert Scene.matins("backfill", NAME, "--from", "2024-01-01", "--to", "2024-01-03", "--steps", "raw,validated", "--no-pages") == 0
        settings = read_settings()
        yield Shop(Lake(spark, ledger_of(settings), root=settings.lake, pipeline=NAME, run_id="look"), made.landing)


def orders(night: date = NIGHT) -> list[list[object]]:
    """The rows of a sound delivery, to be spoilt."""
    return [list(row) for row in rows_of("orders", night)]


def text(rows: Sequence[Sequence[object]], header: Sequence[str] = HEADER) -> str:
    return "".join(",".join(map(str, line)) + "\n" for line in [header, *rows])


def write(path: Path, content: bytes | None) -> None:
    """The file anew; without content there is none."""
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
