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

from jobs.ledger.engines import open_engine

USER = "postgres"


def binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "pg_ctl").exists()), None)


@contextmanager
def running(*, password: str | None = None, certificate: Path | None = None) -> Iterator[str]:
    """The SQLAlchemy URL of a new server, which ends with the block.

    Args:
        password: of the owner, who is let in without one if left out.
        certificate: a folder with `server.crt` and `server.key`; without one the server speaks no TLS.
    """
    bin_ = binaries()
    assert bin_, "PostgreSQL is not installed: apt-get install postgresql"
    folder, port = Path(mkdtemp(prefix="matins-pg-")), _free_port()
    (folder / "password").write_text(password or "none", encoding="utf-8")
    tls = [_owned(shutil.copy(certificate / name, folder)) for name in ("server.crt", "server.key")] if certificate else []
    _owned(folder), _owned(folder / "password")
    try:
        login = ["-A", "scram-sha-256" if password else "trust", f"--pwfile={folder / 'password'}"]
        _as_server_user([bin_ / "initdb", "-D", folder / "data", "-U", USER, *login, "-E", "UTF8", "--locale=C"])
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        options += f" -c ssl=on -c ssl_cert_file={tls[0]} -c ssl_key_file={tls[1]}" if tls else ""
        _as_server_user([bin_ / "pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start"])
        url = f"postgresql+psycopg://{USER}{f':{password}' if password else ''}@127.0.0.1:{port}/postgres"
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


def _owned(path: str | Path) -> Path:
    """The path, as the server wants it: its own, and nobody else's."""
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(path, USER)
    Path(path).chmod(0o700 if Path(path).is_dir() else 0o600)
    return Path(path)


def _as_server_user(command: list[str | Path]) -> None:
    user = pwd.getpwnam(USER).pw_uid if os.geteuid() == 0 else None
    subprocess.run([str(part) for part in command], check=True, capture_output=True, user=user, cwd="/", timeout=120)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
