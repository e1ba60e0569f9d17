"""Other processes that a test starts, watches, stops and kills; none outlives its test, and no wait is without an end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, cast

import psutil

REPOSITORY: Final = Path(__file__).parents[2]
PATIENCE: Final = 240.0


class Child:
    """A process of `child.py`, in a group of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        """The next line it prints."""
        return cast("IO[str]", self.process.stdout).readline().strip()

    def tell(self, what: str = "") -> None:
        """A line to its standard input."""
        stdin = cast("IO[str]", self.process.stdin)
        stdin.write(f"{what}\n")
        stdin.flush()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill_group(self) -> None:
        """Kills it and all that it started."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def group_is_gone(self) -> bool:
        """Whether nothing that it started lives."""
        self.process.poll()
        return not any(_lives(process, self.process.pid) for process in psutil.process_iter())

    def end(self, *, patience: float = PATIENCE) -> tuple[int, str]:
        """Its exit status, negative for a signal, and what it printed."""
        out, err = self.process.communicate(timeout=patience)
        return self.process.returncode, out + err


@contextmanager
def child(*arguments: object, **environment: str) -> Iterator[Child]:
    """A process that does one act of `child.py`; at the end all of its group is gone."""
    command = [sys.executable, "-m", "tests.faults.child", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=REPOSITORY, env={**os.environ, **environment}, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            yield Child(process)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _lives(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def wait_for(happened: Callable[[], bool], *, seconds: float = PATIENCE, pause: float = 0.002) -> None:
    """Looks again and again until it has happened."""
    give_up = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < give_up, f"did not happen within {seconds} s"
        time.sleep(pause)
