"""Addresses that may hold a password: whether they can be used, found out without ever saying them."""

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

ENCODED: Final = "with @ : / % in the password percent-encoded"
WEB: Final = re.compile(r"https?://([^/@\s]+@)?(\[[0-9A-Fa-f:]+\]|[^/@:\s]+)(:\d+)?(/[^@\s]*)?")
DATABASE: Final = re.compile(r"(sqlite|postgresql|mysql|mssql)(\+\w+)?://")
"""What MLflow keeps its records in, beside a server of its own."""


def database_url(text: str) -> "URL":
    """A SQLAlchemy URL.

    Raises:
        ValueError: it is none, or cannot be told from one whose password is not encoded.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
        url.get_dialect()
    except (ArgumentError, ValueError, ImportError):
        url = None
    # Where the password has an @ of its own, its end is taken for the host's name, which messages do say.
    if url is None or "@" in (url.host or ""):
        msg = f"is no SQLAlchemy URL, such as postgresql+psycopg://user:password@host/database {ENCODED}"
        raise ValueError(msg)
    return url


def _is_database_url(secret: SecretStr) -> SecretStr:
    database_url(secret.get_secret_value())
    return secret


def _is_tracking_address(secret: SecretStr) -> SecretStr:
    address = secret.get_secret_value()
    if address.startswith("http") and not WEB.fullmatch(address):
        msg = f"is no address, such as http://user:password@host:5000 {ENCODED}"
        raise ValueError(msg)
    return _is_database_url(secret) if DATABASE.match(address) else secret


DatabaseUrl = Annotated[SecretStr, AfterValidator(_is_database_url)]
TrackingAddress = Annotated[SecretStr, Field(min_length=1), AfterValidator(_is_tracking_address)]
