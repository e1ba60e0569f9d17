"""Processes that are started together and end together, each by its own recorded id."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.error import URLError
from urllib.request import urlopen

from jobs.errors import RetryableError, UsageError

LOOPBACK: Final = "127.0.0.1"
PATIENCE: Final = 20.0
STARTING: Final = 180.0


@dataclass(frozen=True)
class Child:
    """A command of this environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: tuple[int, str] | None = None
    """The port and path that answer once it is ready."""


class Children:
    """The running ones. Leaving the block ends them and whatever they have started."""

    def __init__(self, children: Sequence[Child], *, logs: Path) -> None:
        self.children, self.logs = children, logs
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def has(self, name: str) -> bool:
        """Whether it is one of them."""
        return any(child.name == name for child in self.children)

    def __enter__(self) -> Self:
        """Start them."""
        for child in self.children:
            with (self.logs / f"{child.name}.log").open("wb") as log:
                # A group of its own: Ctrl-C reaches us alone, and we end them in order.
                self.running[child.name] = subprocess.Popen(  # noqa: S603 - our own commands
                    [str(Path(sys.executable).with_name(child.command[0])), *child.command[1:]],
                    env={**os.environ, **child.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End them. A second Ctrl-C or SIGTERM would leave the rest alive."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        _end(self.running.values())

    def wait_until_ready(self) -> None:
        """Until every port answers.

        Raises:
            RetryableError: one has ended, or takes too long.
        """
        deadline = time.monotonic() + STARTING
        waiting = [child for child in self.children if child.ready]
        while waiting := [child for child in waiting if not _answers(child)]:
            self._require_all()
            if time.monotonic() > deadline:
                msg = f"{waiting[0].name} does not answer after {STARTING:.0f} seconds; see {self.logs / waiting[0].name}.log."
                raise RetryableError(msg)
            time.sleep(0.5)

    def wait(self) -> None:
        """For ever.

        Raises:
            RetryableError: one has ended.
        """
        while True:
            self._require_all()
            time.sleep(1)

    def _require_all(self) -> None:
        for name, process in self.running.items():
            if process.poll() is not None:
                log = self.logs / f"{name}.log"
                last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
                msg = f"{name} has ended (status {process.returncode}): {''.join(last)} All of {log} says more."
                raise RetryableError(msg)


def _end(running: Collection[subprocess.Popen[bytes]]) -> None:
    for process in running:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    for process in running:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()
    for process in running:  # what a child left behind in its group
        _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _answers(child: Child) -> bool:
    port, path = child.ready or (0, "")
    try:
        with urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def require_free(name: str, port: int, *, option: str) -> None:
    """Refuse a port on which something listens.

    Raises:
        UsageError: it is in use; the text names the option that chooses another.
    """
    with socket.socket() as probe:
        if probe.connect_ex((LOOPBACK, port)) == 0:
            msg = f"{name}'s port {port} is in use. End what uses it, or choose another with {option}."
            raise UsageError(msg)


def free_port() -> int:
    """One that nothing uses now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
