"""A web server on this machine that takes messages as Slack would, or does not."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "canary-4f1d9"


class Receiver:
    """What it has taken, and how it answers: the next of `answers`, then 200; `hang` keeps every answer back, `delay` for a while."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        self.answers: list[int] = []
        self.always: int | None = None
        self.delay = 0.0
        self.hang = threading.Event()
        self.released = threading.Event()
        self.elsewhere = ""
        self.address = ""


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver that answers for the time of the block; its address holds `SECRET`."""
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(receiver))
    receiver.address = f"http://127.0.0.1:{server.server_port}/services/{SECRET}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.asked += 1
            if receiver.hang.is_set():
                receiver.released.wait()
                return
            receiver.released.wait(receiver.delay)
            status = receiver.always or (receiver.answers.pop(0) if receiver.answers else 200)
            if status == 200:
                assert self.headers["Content-Type"] == "application/json"
                receiver.taken.append(json.loads(body))
            self.send_response(status)
            if receiver.elsewhere:
                self.send_header("Location", receiver.elsewhere)
            self.end_headers()

        def do_GET(self) -> None:
            receiver.asked += 1
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler
