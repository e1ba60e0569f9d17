"""The memory that this process and Spark's have taken, and what is left."""

from pathlib import Path

import psutil


def peak_memory_mb() -> float:
    """The most memory, in MiB, that this process and its children have held; on systems without /proc what they hold now."""
    return round(sum(_peak(process) for process in [psutil.Process(), *psutil.Process().children(recursive=True)]), 1)


def available_memory_mb() -> float:
    """The memory, in MiB, that the machine can still give without swapping."""
    return float(psutil.virtual_memory().available) / 2**20


def _peak(process: psutil.Process) -> float:
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0
