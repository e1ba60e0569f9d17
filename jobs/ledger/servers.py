"""Servers that will not have us: a wrong password or certificate stays wrong, and no retry cures it."""

import re
from typing import Final

from sqlalchemy import Engine, ExceptionContext, event

from jobs.errors import UsageError

# libpq knows no code for what goes wrong before a session is there, only these sentences.
REFUSED: Final = re.compile(
    r"SSL|certificate|authentication failed|no password supplied|no pg_hba\.conf entry|(role|database) \"[^\"]*\" does not exist", re.IGNORECASE
)


def plain_about_refusals(engine: Engine) -> Engine:
    """The engine, which from now on raises UsageError where the server refuses a connection for how it is asked for."""

    @event.listens_for(engine, "handle_error")
    def _refused(context: ExceptionContext) -> None:
        said, url = " ".join(str(context.original_exception).split()), engine.url
        if context.connection is None and REFUSED.search(said):
            msg = f"The database {url.database} at {url.host} refuses the connection: {said}. Correct user, password or sslmode, or what the server allows."
            raise UsageError(msg)

    return engine
