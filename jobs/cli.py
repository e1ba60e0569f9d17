"""The command `matins`. Exit status: 0 done; 1 the data or a gate said no; 2 wrong use or configuration; 3 a retry may cure it."""

import sys
from collections.abc import Callable
from typing import Any, NoReturn

from sqlalchemy.exc import OperationalError

from jobs import console
from jobs.commands import (  # noqa: F401 - importing them adds their commands
    auditing,
    cards,
    deciding,
    keeping,
    lineage,
    models,
    nights,
    pipelines,
    simulations,
    warehouses,
    watching,
    why,
)
from jobs.commands.options import app
from jobs.errors import MatinsError, RetryableError

__all__ = ["app", "guarded", "main"]


def guarded(command: Callable[[], Any]) -> int:
    """The exit status of a command; what went wrong as one message on standard error."""
    try:
        command()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except MatinsError as error:
        console.warn(f"matins: {error}")
        return error.exit_status
    except OperationalError as error:
        console.warn(f"matins: A database does not answer: {' '.join(str(error.orig).split())} See that it runs and can be reached, then run again.")
        return RetryableError.exit_status
    except OSError as error:
        console.warn(f"matins: {error.filename or ''}: {error.strerror}. Free the disk or give this user access, then run again.")
        return RetryableError.exit_status
    return 0


def main() -> NoReturn:
    """The entry point."""
    sys.exit(guarded(app))
