"""What can go wrong, and whether trying again can help.

Exit status of the command: 0 done, 1 the data or a gate said no, 2 wrong use or configuration, 3 a retry may cure it.
"""

from typing import ClassVar


class MatinsError(Exception):
    """Anything this product reports in its own words; the text names what, where, the value, what is allowed, what next."""

    exit_status: ClassVar[int] = 1


class PermanentError(MatinsError):
    """Trying the same again gives the same: an orchestrator must not retry."""


class RetryableError(MatinsError):
    """A busy table, a lost executor, a full disk: the same call may succeed later."""

    exit_status = 3


class UsageError(PermanentError):
    """A wrong argument, setting or pipeline file."""

    exit_status = 2


class DataError(PermanentError):
    """The data does not meet its contract."""


class DeliveryError(DataError):
    """A delivery that is absent, damaged or not what its feed declares."""


class RefusedError(PermanentError):
    """A gate said no."""
