"""The ledger, its leases and the warehouse on a real PostgreSQL."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import DataError, RetryableError
from jobs.ledger import leases
from jobs.ledger.leases import lease
from jobs.ledger.ledger import Ledger, Slice
from jobs.published.warehouse import Warehouse
from jobs.settings import Settings
from tests.integration.postgresql import binaries, running

pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed: apt-get install postgresql")
NIGHT = date(2013, 5, 18)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as found:
        yield found


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(url, home=tmp_path)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def pipeline() -> Pipeline:
    return load_pipeline("flights", Settings())


def test_a_ledger_keeps_slices_and_decisions(ledger: Ledger) -> None:
    one = Slice(night=NIGHT, generation=1, known_night=NIGHT, rows=3, checksum="3:1", fingerprint="f", version=4, run_id="r", detail={"path": "a.csv"})
    ledger.record_slices("flights", "raw/schedule", [one], version=4)
    ledger.record_slices("flights", "raw/schedule", [one], version=4)
    ledger.decide("flights", "delayed", "promoted", version=1, by="gate", reason="all rules hold", evidence={"log_loss": 0.5})
    assert ledger.slices("flights", "raw/schedule") == [one]
    assert ledger.known_version("flights", "raw/schedule") == 4
    assert [row["act"] for row in ledger.decisions("flights", "delayed")] == ["promoted"]


def test_two_take_turns_and_tokens_grow(ledger: Ledger) -> None:
    order: list[str] = []

    def second() -> None:
        with lease(ledger, "table", wait=30) as turn:
            order.append(f"second {turn.token}")

    with lease(ledger, "table") as turn:
        waiting = Thread(target=second)
        waiting.start()
        sleep(0.5)
        order.append(f"first {turn.token}")
    waiting.join()
    assert order == ["first 1", "second 2"]


def test_who_lost_the_turn_commits_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.0)
    zombie = leases._acquire(ledger, "other", wait=1)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 60.0)
    with lease(ledger, "other", wait=5), pytest.raises(RetryableError, match="was taken over by another run"), zombie.commit_lock():
        pytest.fail("a zombie got the commit lock")


def test_the_commit_lock_keeps_others_out(ledger: Ledger) -> None:
    inside: list[str] = []

    def other() -> None:
        with leases._exclusive(ledger, "third"):
            inside.append("other")

    with leases._exclusive(ledger, "third"):
        waiting = Thread(target=other)
        waiting.start()
        sleep(0.5)
        inside.append("own")
    waiting.join()
    assert inside == ["own", "other"]


@pytest.fixture
def warehouse(url: str, pipeline: Pipeline) -> Iterator[Warehouse]:
    opened = Warehouse(create_engine(url), pipeline, "delayed")
    yield opened
    opened.engine.dispose()


def rows(count: int) -> list[dict[str, Any]]:
    made = {"model_version": 1, "model_digest": "d", "generation": 1, "run_id": "r", "predicted": True, "score": 0.5}
    return [{"day": NIGHT, "carrier": "UA", "flight": n, "origin": "EWR", "night": NIGHT, **made} for n in range(count)]


def entry(count: int) -> dict[str, Any]:
    return {"generation": 1, "rows": count, "checksum": "c", "delta_version": 2, "model_version": 1, "run_id": "r"}


def test_a_night_is_replaced_with_its_ledger_row(warehouse: Warehouse) -> None:
    for _ in range(2):
        warehouse.replace(NIGHT, [rows(3)], entry(3))
    assert warehouse.row_counts() == {NIGHT: 3}
    assert warehouse.published()[NIGHT]["delta_version"] == 2
    with warehouse.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM flights_delayed_v1")).scalar_one() == 3


def test_a_night_of_which_rows_are_missing_is_not_published(warehouse: Warehouse) -> None:
    warehouse.replace(NIGHT, [rows(3)], entry(3))
    with pytest.raises(DataError, match=r"2 rows of night 2013-05-18 arrived, 9 were committed"):
        warehouse.replace(NIGHT, [rows(2)], entry(9))
    assert warehouse.row_counts() == {NIGHT: 3}
