"""Airflow's workers and others that begin the same night at once, on a real PostgreSQL as the ledger."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Barrier

import pytest

from jobs.ledger.attempts import begin_attempts
from jobs.ledger.ledger import Ledger
from jobs.nights import span
from tests.integration.postgresql import binaries, running

pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed: apt-get install postgresql")
NIGHTS = span(date(2013, 5, 18), date(2013, 5, 20))
MANY = 8


def test_each_gets_a_number_of_its_own(tmp_path: Path) -> None:
    together = Barrier(MANY)
    with running() as url:
        ledger = Ledger(url, home=tmp_path)
        for number in range(MANY):
            ledger.begin_run(str(number), "flights", command="test", code_version="0", config_digest="0")

        def at_once(number: int) -> None:
            together.wait()
            begin_attempts(ledger, "flights", str(number), NIGHTS, by="airflow")

        with ThreadPoolExecutor(MANY) as pool:
            list(pool.map(at_once, range(MANY)))
        found = ledger.attempts("flights")
    for night in NIGHTS:
        mine = [one for one in found if one["night"] == night]
        assert [one["attempt"] for one in mine] == [*range(1, MANY + 1)]
        assert {one["run_id"] for one in mine} == {str(number) for number in range(MANY)}
