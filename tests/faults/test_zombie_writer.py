"""Fault 7: a writer that sleeps through its turn finds it taken, and commits nothing; a dead one keeps nobody waiting."""

import os
import signal
import time

import pytest

from jobs import processes
from jobs.errors import RetryableError
from jobs.lake.lake import Lake
from jobs.ledger import leases
from jobs.ledger.leases import lease
from tests.faults import invariants
from tests.faults.processes import child
from tests.faults.tables import NIGHT, ROWS, TABLE, commit, contents


def test_a_writer_stopped_past_its_lease_is_refused_by_its_token(lake: Lake) -> None:
    commit(lake, 1.0)
    with child("late", 2.0) as zombie:
        token = int(zombie.line())
        zombie.send(signal.SIGSTOP)
        time.sleep(1.5)
        assert commit(lake, 3.0).written == {NIGHT}, "its lease has run out, although it lives"
        zombie.tell()
        zombie.send(signal.SIGCONT)
        status, said = zombie.end()
    assert status == 3
    assert f"(token {token}) was taken over by another run; this one commits nothing. Run again if it is still needed." in said
    assert contents(lake) == {NIGHT: [(3.0, 2, ROWS)]}
    invariants.table_is_whole(lake, TABLE)


def test_a_dead_owners_lease_is_taken_at_once(lake: Lake) -> None:
    with child("hold", "a table", 3600) as owner:
        token = int(owner.line())
        owner.send(signal.SIGKILL)
        owner.end()
    started = time.monotonic()
    with lease(lake.ledger, "a table", wait=30) as turn:
        assert turn.token == token + 1
    assert time.monotonic() - started < 20


def test_a_living_owners_lease_is_waited_for_and_the_owner_named(lake: Lake) -> None:
    with child("hold", "a table", 3600) as owner:
        owner.line()
        with (
            pytest.raises(RetryableError, match=rf"`a table` has been in use by process {owner.process.pid} on .* for 1 s\. Wait for that run"),
            lease(lake.ledger, "a table", wait=1),
        ):
            pass


@pytest.mark.parametrize("shift", [-3600.0, 86400.0], ids=["back an hour", "forward a day"])
def test_a_clock_that_is_set_makes_no_living_owner_seem_dead(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel tells of the boot moves with the clock, and with it the time at which every process seems born."""
    owner, boot = leases._this_thread(), processes.psutil.boot_time()
    assert not leases._is_dead(owner)
    monkeypatch.setattr("psutil.boot_time", lambda: boot + shift)
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + shift)
    assert not leases._is_dead(owner)


@pytest.mark.parametrize("shift", [-3600.0, 86400.0], ids=["back an hour", "forward a day"])
def test_tokens_grow_whatever_the_clock_says_and_the_older_one_cannot_commit(lake: Lake, shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    with lease(lake.ledger, "a table") as first:
        monkeypatch.setattr(leases.time, "time", lambda: real() + shift)
        if shift > 0:
            with lease(lake.ledger, "a table", wait=5) as second:
                assert second.token > first.token
                with pytest.raises(RetryableError, match="commits nothing"), first.commit_lock():
                    pytest.fail("an older token has committed")
        else:
            with pytest.raises(RetryableError, match="has been in use"), lease(lake.ledger, "a table", wait=0.5):
                pytest.fail("a living owner was robbed")
            first.renew()
    with lease(lake.ledger, "a table", wait=5) as last:
        assert last.token > first.token


def test_a_process_with_a_used_number_is_another_process() -> None:
    host, _, born, thread = leases._this_thread().split("|")
    assert leases._is_dead("|".join([host, "1", born, thread]))
    assert not leases._is_dead("|".join(["elsewhere", str(os.getppid()), born, thread])), "of another host nothing is known: its lease has to run out"
