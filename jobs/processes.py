"""Processes, by a name that stays theirs: a number alone is given to others in time."""

import os
import socket

import psutil


def this_process() -> str:
    """`host|number|born`."""
    return f"{socket.gethostname()}|{os.getpid()}|{_born(psutil.Process())}"


def is_gone(name: str) -> bool:
    """True if the name was a process of this host that is no more. Of other hosts nothing is known; without `born` the number decides."""
    host, number, born = name.split("|")
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(number))
        # A child that nobody has waited for is dead, too.
        return process.status() == psutil.STATUS_ZOMBIE or (bool(born) and _born(process) != born)
    except psutil.NoSuchProcess:
        return True


def _born(process: psutil.Process) -> str:
    # Linux counts from the boot, whose time of day moves when the clock is set: the living must not seem another for that.
    return f"{process.create_time() - (psutil.boot_time() if psutil.LINUX else 0):.2f}"
