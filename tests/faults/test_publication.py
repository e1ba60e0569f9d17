"""Fault 20: a server that is gone for a moment, before the rows or with the answer to the COMMIT; each night is published once."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from pyspark.sql import SparkSession

from jobs.published.warehouse import OutOfReachError, Warehouse
from tests.faults.prepared import LEFT_TO_DO, MODEL, NAME, Scene
from tests.integration.postgresql import binaries, emptied, running

pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed: apt-get install postgresql")
ROWS = 60


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture
def url(server: str, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty warehouse that the scene publishes into."""
    monkeypatch.setenv("MATINS_WAREHOUSE_URL", server)
    return emptied(server)


def entries(url: str) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(url.replace("+psycopg", ""))) as connection:
        found = connection.execute(f"SELECT night, generation, count(*) FROM {NAME}_{MODEL}_history GROUP BY 1, 2")
        return [(str(row[0]), *row[1:]) for row in found]


def cut_off(times: int, *, after: bool) -> Callable[..., None]:
    """Publication whose first times end in an answer that never comes."""
    publish, left = Warehouse.publish, [times]

    def cut(self: Warehouse, *given: Any, **about: Any) -> None:
        if left[0] <= 0 or after:
            publish(self, *given, **about)
        left[0] -= 1
        if left[0] >= 0:
            msg = "The warehouse cannot be written (server closed the connection unexpectedly)"
            raise OutOfReachError(msg)

    return cut


@pytest.mark.parametrize("after", [False, True], ids=["before the rows", "with the answer"])
def test_a_connection_that_breaks_once_leaves_one_publication(
    scene: Scene, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spark: SparkSession, *, after: bool
) -> None:
    monkeypatch.setattr(Warehouse, "publish", cut_off(1, after=after))
    assert scene.do("published") == 0
    assert f"{NAME} {LEFT_TO_DO['published']} OK published g1" in capsys.readouterr().out
    assert entries(url) == [(LEFT_TO_DO["published"], 1, ROWS)]
    assert scene.do("published") == 0
    assert "nothing changed" in capsys.readouterr().out


def test_a_server_that_stays_away_is_left_to_the_next_run(scene: Scene, url: str, monkeypatch: pytest.MonkeyPatch, spark: SparkSession) -> None:
    monkeypatch.setattr("jobs.published.step.ATTEMPTS", 2)
    with monkeypatch.context() as away:
        away.setattr(Warehouse, "publish", cut_off(9, after=False))
        assert scene.do("published") == 3
    assert entries(url) == []
    assert scene.do("published") == 0
    assert entries(url) == [(LEFT_TO_DO["published"], 1, ROWS)]
