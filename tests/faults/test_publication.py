"""Faults 20 to 23: a server that loses connections, restarts, is locked, or is sent what it cannot take; each night is published once or not at all."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any

import psycopg
import pytest

from jobs.lake.lake import Draft
from jobs.published import loading, warehouse
from jobs.published.warehouse import opened
from tests.faults.polling import connected
from tests.faults.prepared import LEFT_TO_DO, MODEL, NAME, Scene
from tests.faults.servers import cut_at_commit, restart
from tests.integration.postgresql import binaries, emptied, running

pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed: apt-get install postgresql")
NIGHT = LEFT_TO_DO["published"]
NEXT = "2024-02-06"
ROWS = 60
Capture = pytest.CaptureFixture[str]


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
    with connected(url) as ask:
        return [(str(night), *told) for night, *told in ask(f"SELECT night, generation, count(*) FROM {NAME}_{MODEL}_history GROUP BY 1, 2 ORDER BY 1, 2")]


@pytest.mark.parametrize("after", [False, True], ids=["with the COMMIT", "with the answer"])
def test_a_connection_that_is_lost_around_its_commit_leaves_one_publication(
    scene: Scene, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture, *, after: bool
) -> None:
    with cut_at_commit(url, after=after, times=1) as way:
        monkeypatch.setenv("MATINS_WAREHOUSE_URL", way)
        assert scene.do("published") == 0
        assert f"{NAME} {NIGHT} OK published g1" in capsys.readouterr().out
        assert entries(url) == [(NIGHT, 1, ROWS)]
        assert scene.do("published") == 0
    assert "nothing changed" in capsys.readouterr().out


def test_a_server_that_stays_away_is_left_to_the_next_run(scene: Scene, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr("jobs.published.step.ATTEMPTS", 2)
    with cut_at_commit(url, after=False, times=9) as way, monkeypatch.context() as away:
        away.setenv("MATINS_WAREHOUSE_URL", way)
        assert scene.do("published") == 3
    assert "The warehouse cannot be written (" in capsys.readouterr().err
    assert entries(url) == []
    assert scene.do("published") == 0
    assert entries(url) == [(NIGHT, 1, ROWS)]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_restarts_in_the_midst_of_a_copy_is_waited_for(
    scene: Scene, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture, mode: str
) -> None:
    restarts = [mode]
    monkeypatch.setattr(loading, "reached", lambda _: restart(url, restarts.pop()) if restarts else None)
    assert scene.do("published") == 0
    assert restarts == []
    assert f"{NAME} {NIGHT} OK published g1" in capsys.readouterr().out
    assert entries(url) == [(NIGHT, 1, ROWS)]


@pytest.mark.parametrize("table", [f"{NAME}_{MODEL}_predictions", "matins_publish_ledger", "matins_contracts"])
def test_a_lock_that_somebody_keeps_is_said_in_the_end_and_nobody_stays_waiting(
    scene: Scene, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture, table: str
) -> None:
    monkeypatch.setattr(warehouse, "LOCK_SECONDS", 1)
    monkeypatch.setattr("jobs.published.step.ATTEMPTS", 2)
    with opened(url, scene.pipeline, MODEL), closing(psycopg.connect(url.replace("+psycopg", ""))) as idle:
        idle.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        assert scene.do("published") == 3
        assert "The warehouse cannot be written (canceling statement due to lock timeout" in capsys.readouterr().err
        with connected(url) as ask:
            assert ask("SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock' OR (state LIKE 'idle in%' AND query NOT LIKE 'LOCK%')") == []
    assert entries(url) == []
    assert scene.do("published") == 0
    assert entries(url) == [(NIGHT, 1, ROWS)]


@pytest.mark.parametrize(
    ("score", "key", "told"),
    [
        ("DOUBLE('NaN')", "id", "night 2024-02-06, the row day='2024-02-06', order_id='1': `score` is 'nan'; allowed is a finite number below"),
        ("DOUBLE('-Infinity')", "id", "the row day='2024-02-06', order_id='1': `score` is '-inf'; allowed is a finite number below"),
        ("DOUBLE(0)", "id DIV 2", "Key (day, order_id, night, generation)=(2024-02-06, 0, 2024-02-06, 1) already exists."),
    ],
    ids=["NaN", "infinite", "a key twice"],
)
def test_a_row_that_does_not_fit_is_named_and_its_night_stays_out(scene: Scene, url: str, capsys: Capture, score: str, key: str, told: str) -> None:
    scored(scene, f"IF(id = 1, {score}, 0.5)", key)
    assert scene.do("published") == 0
    capsys.readouterr()
    assert scene.matins("run", NAME, "--night", NEXT, "--steps", "published", "--no-pages") == 1
    assert told in " ".join(capsys.readouterr().out.split())
    assert entries(url) == [(NIGHT, 1, ROWS)]


def scored(scene: Scene, score: str, key: str) -> None:
    """The next night in the lake, past all that the step `predictions` checks."""
    rows = scene.lake.spark.range(ROWS).selectExpr(
        f"DATE'{NEXT}' AS day",
        f"{key} AS order_id",
        f"DATE'{NEXT}' AS night",
        f"{score} AS score",
        "true AS predicted",
        "1 AS model_version",
        "'d' AS model_digest",
        "1 AS features_version",
        "'look' AS run_id",
    )
    draft = Draft(night=date.fromisoformat(NEXT), fingerprint="f", detail={"champion": 1, "digest": "d"})
    scene.lake.commit(rows, f"{MODEL}/predictions", [draft], step="predictions")
