"""Named places at which a test can make this process die, fail or hang: `MATINS_FAIL=<step>.<point>:<how>`."""

import os
import signal
import time

from jobs.errors import RetryableError

HANG_SECONDS = 600


def reached(name: str) -> None:
    """Act out the fault that the environment asks for at `name`; without one, nothing.

    Read straight from the environment, since a failpoint must also work in worker processes that have no settings.

    Raises:
        RetryableError: the fault asked for is `error`.
    """
    point, _, how = os.environ.get("MATINS_FAIL", "").partition(":")
    if point != name:
        return
    if how == "kill9":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        time.sleep(HANG_SECONDS)
    msg = f"Injected fault at {name} (MATINS_FAIL={point}:{how})."
    raise RetryableError(msg)
