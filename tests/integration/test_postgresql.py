"""The ledger and its leases on a real PostgreSQL."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from threading import Thread
from time import sleep

import psycopg
import pytest

from jobs.errors import RetryableError
from jobs.ledger import leases
from jobs.ledger.chain import faults
from jobs.ledger.leases import lease
from jobs.ledger.ledger import Ledger, Slice
from tests.integration.postgresql import binaries, emptied, running

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


def test_many_writers_make_one_chain_of_decisions(url: str, tmp_path: Path) -> None:
    """Processes of their own, as nights, people and orchestrators are."""
    emptied(url)
    code = "import sys; from pathlib import Path; from jobs.ledger.ledger import Ledger; ledger = Ledger(sys.argv[1], home=Path(sys.argv[2]))\n"
    code += "for n in range(5): ledger.decide('flights', sys.argv[3], 'promoted', version=n, night=None, by='gate', reason='it', evidence={'loss': n / 3})"
    writers = [subprocess.Popen([sys.executable, "-c", code, url, str(tmp_path / str(n)), f"m{n}"]) for n in range(20)]
    assert [one.wait(timeout=300) for one in writers] == [0] * 20
    rows = Ledger(url, home=tmp_path).every_decision()
    assert (len(rows), list(faults(rows))) == (100, [])
    assert len({row["previous"] for row in rows}) == 100


def test_an_altered_decision_is_found_and_one_in_another_zone_is_not_altered(ledger: Ledger, url: str) -> None:
    emptied(url)
    ledger = Ledger(url, home=ledger.locks.parent)
    for version in range(3):
        ledger.decide("flights", "delayed", "promoted", version=version, night=NIGHT, by="gate", reason="it", evidence={"b": 1e-7, "a": [1.5, None]})
    with closing(psycopg.connect(url.replace("+psycopg", ""), autocommit=True)) as connection:
        connection.execute("ALTER DATABASE postgres SET timezone TO 'Asia/Kathmandu'")
        ledger.engine.dispose()
        rows = ledger.every_decision()
        assert rows[0]["at"].utcoffset() == timedelta(hours=5, minutes=45)
        assert list(faults(rows)) == []
        connection.execute("UPDATE matins_decisions SET at = at + interval '1 microsecond' WHERE version = 1")
        connection.execute("ALTER DATABASE postgres RESET timezone")
    assert [one.id for one in faults(ledger.every_decision())] == [rows[1]["id"]]


def test_a_server_of_an_earlier_release_gets_its_chain_once_whoever_comes_first(url: str, tmp_path: Path) -> None:
    emptied(url)
    Ledger(url, home=tmp_path).decide("flights", "delayed", "promoted", version=1, night=NIGHT, by="gate", reason="it", evidence={})
    with closing(psycopg.connect(url.replace("+psycopg", ""), autocommit=True)) as connection:
        connection.execute("ALTER TABLE matins_decisions DROP COLUMN previous, DROP COLUMN chain")
    opening = [Thread(target=Ledger, args=(url,), kwargs={"home": tmp_path / str(n)}) for n in range(6)]
    for one in opening:
        one.start()
    for one in opening:
        one.join()
    rows = Ledger(url, home=tmp_path).every_decision()
    assert [row["act"] for row in rows] == ["promoted", "chain_begun"]
    assert list(faults(rows)) == []


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
