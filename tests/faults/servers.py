"""What happens to a PostgreSQL: it restarts, or the connection to it breaks around a COMMIT."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import Any

from sqlalchemy import make_url

from tests.faults.polling import connected
from tests.integration.postgresql import _as_server_user, binaries


def restart(url: str, mode: str) -> None:
    """`fast` ends the sessions, `immediate` is a crash. When this returns, the server answers again."""
    bin_ = binaries()
    assert bin_
    with connected(url) as ask:
        ((folder,),) = ask("SHOW data_directory")
    _as_server_user([bin_ / "pg_ctl", "-D", folder, "-m", mode, "-l", Path(folder).parent / "log", "-w", "restart"])


@contextmanager
def cut_at_commit(url: str, *, after: bool, times: int) -> Iterator[str]:
    """The URL of a way to the server on which the first COMMITs of a publication, or the answers to them, are lost with their connection."""
    to, left = make_url(url), [times]

    class Way(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((to.host, to.port)) as server:
                _pass_on(self.request, server, left, after=after)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Way) as way:
        way.daemon_threads = True
        threading.Thread(target=way.serve_forever, args=(0.05,), daemon=True).start()
        yield to.set(port=way.server_address[1]).render_as_string()
        way.shutdown()


def _pass_on(client: Any, server: socket.socket, left: list[int], *, after: bool) -> None:
    publishes = False
    while True:
        for one in select([client, server], [], [])[0]:
            data = one.recv(1 << 16)
            publishes = publishes or b"INSERT INTO matins_publish_ledger" in data
            if not data:
                return
            if one is client and publishes and left[0] and b"COMMIT\0" in data:
                left[0] -= 1
                if after:
                    server.sendall(data)
                    assert b"COMMIT\0" in server.recv(1 << 16), "the server's answer says what it has done"
                return
            (server if one is client else client).sendall(data)
