"""Leases: two processes that write one table take turns, and one that lost its turn cannot commit.

A lease is a row with an owner, an expiry and a token that grows with every turn (a fencing token: Kleppmann 2016,
"How to do distributed locking"). The token is checked while the commit lock is held, so that between the check and the
commit nobody else can start one.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final

from filelock import FileLock, Timeout
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from jobs.errors import RetryableError
from jobs.ledger.ledger import Ledger
from jobs.ledger.tables import leases
from jobs.processes import is_gone, this_process

LEASE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.2
WAIT_SECONDS: Final = 900.0


class Lease:
    """One turn at one resource."""

    def __init__(self, ledger: Ledger, resource: str, owner: str, token: int) -> None:
        self.resource, self.owner, self.token = resource, owner, token
        self._ledger = ledger

    @contextmanager
    def commit_lock(self) -> Iterator[None]:
        """Exclusive right to commit, after proof that the turn is still ours.

        Raises:
            RetryableError: another process has taken the turn meanwhile, or holds the lock.
        """
        with _exclusive(self._ledger, self.resource):
            self.renew()
            yield

    def renew(self) -> None:
        """Extend the turn.

        Raises:
            RetryableError: another process has taken it.
        """
        mine = (leases.c.resource == self.resource, leases.c.token == self.token, leases.c.owner == self.owner)
        with self._ledger.writing() as connection:
            kept = connection.execute(update(leases).where(*mine).values(expires_at=time.time() + LEASE_SECONDS)).rowcount
        if not kept:
            lost = f"The lease on `{self.resource}` (token {self.token}) was taken over by another run"
            msg = f"{lost}; this one commits nothing. Run again if it is still needed."
            raise RetryableError(msg)

    def release(self) -> None:
        """Give the turn back; nothing happens if it was lost."""
        with self._ledger.writing() as connection:
            connection.execute(update(leases).where(leases.c.resource == self.resource, leases.c.token == self.token).values(owner=None, expires_at=None))


@contextmanager
def lease(ledger: Ledger, resource: str, *, wait: float = WAIT_SECONDS) -> Iterator[Lease]:
    """A turn at `resource`, renewed in the background until the block ends.

    Raises:
        RetryableError: another process kept the turn for `wait` seconds.
    """
    held = _acquire(ledger, resource, wait=wait)
    done = threading.Event()
    beat = threading.Thread(target=_keep_renewing, args=(held, done), name=f"lease {resource}", daemon=True)
    beat.start()
    try:
        yield held
    finally:
        done.set()
        beat.join()
        held.release()


def release_those_of_the_dead(ledger: Ledger) -> None:
    """Give back the turns of processes of this host that are no more; whoever comes next need not find them."""
    with ledger.writing() as connection:
        held = connection.execute(select(leases).where(leases.c.owner.is_not(None))).mappings().all()
        for one in (one for one in held if _is_dead(one["owner"])):
            mine = (leases.c.resource == one["resource"], leases.c.token == one["token"])
            connection.execute(update(leases).where(*mine).values(owner=None, expires_at=None))


def _acquire(ledger: Ledger, resource: str, *, wait: float) -> Lease:
    owner, give_up = _this_thread(), time.monotonic() + wait
    while True:
        token = _try_to_take(ledger, resource, owner)
        if token is not None:
            return Lease(ledger, resource, owner, token)
        if time.monotonic() > give_up:
            msg = f"`{resource}` has been in use by {_holder(ledger, resource)} for {wait:.0f} s. Wait for that run, or end it, and run again."
            raise RetryableError(msg)
        time.sleep(POLL_SECONDS)


def _try_to_take(ledger: Ledger, resource: str, owner: str) -> int | None:
    with ledger.engine.connect() as connection:
        row = connection.execute(select(leases).where(leases.c.resource == resource)).mappings().first()
    values = {"owner": owner, "expires_at": time.time() + LEASE_SECONDS}
    if row is None:
        try:
            with ledger.writing() as connection:
                connection.execute(insert(leases).values(resource=resource, token=1, **values))
        except IntegrityError:
            return None
        return 1
    if row["owner"] and row["expires_at"] > time.time() and not _is_dead(row["owner"]):
        return None
    # Compare and swap: of two that saw the same free row, one gets it.
    with ledger.writing() as connection:
        swap = update(leases).where(leases.c.resource == resource, leases.c.token == row["token"]).values(token=row["token"] + 1, **values)
        return int(row["token"]) + 1 if connection.execute(swap).rowcount else None


def _keep_renewing(held: Lease, done: threading.Event) -> None:
    while not done.wait(LEASE_SECONDS / 4):
        try:
            held.renew()
        except RetryableError:
            # Lost, or the ledger is busy: the check under the commit lock decides, and says so.
            continue


def _this_thread() -> str:
    return f"{this_process()}|{threading.get_ident()}"


def _is_dead(owner: str) -> bool:
    """True if the owner was a process of this host that is no more: its turn need not run out first."""
    return is_gone(owner.rpartition("|")[0])


def _holder(ledger: Ledger, resource: str) -> str:
    with ledger.engine.connect() as connection:
        owner = connection.execute(select(leases.c.owner).where(leases.c.resource == resource)).scalar()
    host, pid, *_ = (owner or "nobody|-").split("|")
    return f"process {pid} on {host}"


@contextmanager
def _exclusive(ledger: Ledger, resource: str) -> Iterator[None]:
    """The commit lock: the database's where it is a server, the operating system's where it is a file of this host; both end with the process."""
    number = int.from_bytes(sha256(resource.encode()).digest()[:8], "big", signed=True)
    if ledger.engine.dialect.name == "postgresql":
        with ledger.engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '120s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
            yield
        return
    try:
        with FileLock(ledger.locks / f"{number & (2**64 - 1):016x}.lock", timeout=120):
            yield
    except Timeout:
        msg = f"Another process has held the commit lock of `{resource}` for 120 s. End the run that hangs ({_holder(ledger, resource)}) and run again."
        raise RetryableError(msg) from None
