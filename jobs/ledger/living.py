"""Which runs live: each holds a file lock, which the system takes away with the process."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from jobs.errors import RetryableError
from jobs.ledger.leases import release_those_of_the_dead
from jobs.ledger.ledger import Ledger

TURN_SECONDS: Final = 120.0


@contextmanager
def living(ledger: Ledger, run_id: str) -> Iterator[None]:
    """Shows for the time of the block that the run's process lives; what processes of this host that are gone have left open is closed.

    Raises:
        RetryableError: another process of the run is at work and does not end.
    """
    with _turn(ledger, run_id):
        for other in ledger.unended_runs(socket.gethostname()):
            if _is_dead(_lock(ledger, other)):
                ledger.end_lost_run(other)
        release_those_of_the_dead(ledger)
        try:
            yield
        finally:
            _lock(ledger, run_id).unlink(missing_ok=True)


@contextmanager
def _turn(ledger: Ledger, run_id: str) -> Iterator[None]:
    try:
        held = FileLock(_lock(ledger, run_id)).acquire(timeout=TURN_SECONDS)
    except Timeout:
        msg = f"Another process has been at the run {run_id} for {TURN_SECONDS:.0f} s. Wait for it, or end it, and run again."
        raise RetryableError(msg) from None
    with held:
        yield


def _lock(ledger: Ledger, run_id: str) -> Path:
    return ledger.locks / f"run-{run_id}.lock"


def _is_dead(lock: Path) -> bool:
    # Without a file it is a run of another home that shares the ledger: not ours to judge.
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            lock.unlink(missing_ok=True)
    except Timeout:
        return False
    return True
