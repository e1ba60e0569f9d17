"""The ledger and its leases on a real PostgreSQL."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Thread
from time import sleep

import pytest

from jobs.errors import RetryableError
from jobs.ledger import leases
from jobs.ledger.leases import lease
from jobs.ledger.ledger import Ledger, Slice
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
