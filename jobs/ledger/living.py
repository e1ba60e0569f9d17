"""Which runs live: each holds a file lock, which the system takes away with the process."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from jobs.ledger.leases import release_those_of_the_dead
from jobs.ledger.ledger import Ledger


@contextmanager
def living(ledger: Ledger, run_id: str) -> Iterator[None]:
    """Shows for the time of the block that the run's process lives; what processes of this host that are gone have left open is closed."""
    with FileLock(_lock(ledger, run_id)):
        for other in ledger.unended_runs(socket.gethostname()):
            if _is_dead(_lock(ledger, other)):
                ledger.end_lost_run(other)
        release_those_of_the_dead(ledger)
        try:
            yield
        finally:
            _lock(ledger, run_id).unlink(missing_ok=True)


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
