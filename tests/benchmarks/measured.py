"""Pairs of figures: ours and a reference, taken in turn so that a machine that slows down slows both."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from jobs.settings import Settings

ROUNDS = 3


@dataclass(frozen=True)
class Measured:
    """One row of the table."""

    what: str
    pairs: list[tuple[float, float]]
    unit: str = "CPU s"
    at_most: float | None = None
    note: str = ""


def cpu_seconds() -> float:
    """CPU time of this process and its children so far: less noisy than the clock on a shared machine."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in [own, *own.children(recursive=True)])


def cost(work: Callable[[], Any]) -> float:
    """CPU seconds that `work` takes."""
    before = cpu_seconds()
    work()
    return cpu_seconds() - before


def seconds(work: Callable[[], Any]) -> float:
    """Seconds by the clock."""
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def in_turn(ours: Callable[[int], Any], reference: Callable[[int], Any], *, rounds: int = ROUNDS) -> list[tuple[float, float]]:
    """Both after one another, several times; round 0 warms up and is left out."""
    pairs = [(cost(lambda n=n: ours(n)), cost(lambda n=n: reference(n))) for n in range(rounds + 1)]
    return pairs[1:]


def settings_in(folder: Path) -> Settings:
    """Settings with everything under `folder`."""
    return Settings(home=folder)
