"""A temporary folder that goes with its process, and is swept by a later one where the process was killed."""

import fcntl
import shutil
import tempfile
from pathlib import Path
from typing import Final

PREFIX: Final = "matins-spark-"
LOCK: Final = "lock"


class Scratch:
    """A folder under the system's temporary folder, held by a file lock for as long as its process lives."""

    def __init__(self) -> None:
        """Makes the folder, and removes those that killed processes left.

        Raises:
            OSError: no folder can be written there.
        """
        sweep(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = (self.path / "taken").open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Renamed once it is locked, so that no sweep finds it free in between.
        (self.path / "taken").rename(self.path / LOCK)

    def remove(self) -> None:
        """Removes the folder with all in it; what cannot be removed is left to a later sweep."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def sweep(place: Path) -> None:
    """Removes the folders in `place` whose process is gone.

    A lock and not a process id tells, since several containers may share a temporary folder and not their ids.
    """
    for lock in place.glob(f"{PREFIX}*/{LOCK}"):
        if _is_free(lock):
            shutil.rmtree(lock.parent, ignore_errors=True)


def _is_free(lock: Path) -> bool:
    try:
        with lock.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
