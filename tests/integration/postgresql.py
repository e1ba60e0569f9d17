"""A real PostgreSQL for tests: its own folder and port, on loopback, ended with the test process that started it."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psycopg

from jobs.ledger.ledger import open_engine

USER = "postgres"


def binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "pg_ctl").exists()), None)


@contextmanager
def running() -> Iterator[str]:
    """The SQLAlchemy URL of a new server, which ends with the block."""
    bin_ = binaries()
    assert bin_, "PostgreSQL is not installed: apt-get install postgresql"
    folder, port = Path(mkdtemp(prefix="matins-pg-")), _free_port()
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, USER)
    try:
        _as_server_user([bin_ / "initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"])
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        _as_server_user([bin_ / "pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start"])
        url = f"postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres"
        yield url
        open_engine(url).dispose()  # the process keeps its connections, and this server is about to go
    finally:
        _as_server_user([bin_ / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"])
        shutil.rmtree(folder)


def emptied(url: str) -> str:
    """The same server with nothing in it."""
    with closing(psycopg.connect(url.replace("+psycopg", ""), autocommit=True)) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url


def _as_server_user(command: list[str | Path]) -> None:
    user = pwd.getpwnam(USER).pw_uid if os.geteuid() == 0 else None
    subprocess.run([str(part) for part in command], check=True, capture_output=True, user=user, cwd="/", timeout=120)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
