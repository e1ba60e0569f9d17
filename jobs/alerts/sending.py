"""Sending: JSON to the address that an environment variable holds. The address may be a secret, so nothing here says it."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import SecretStr
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from jobs.errors import RetryableError, UsageError
from jobs.settings import value_of

TIMEOUT: Final = 10.0
ATTEMPTS: Final = 3
FIRST_WAIT: Final = 1.0


class NotSentError(RetryableError):
    """Nobody took the message."""


class _NoRedirect(HTTPRedirectHandler):
    """An answer that points elsewhere is no success: what was meant for one host is not for another."""

    def redirect_request(self, *_: Any) -> None:
        """Nothing is asked anew; the answer stands as the error that it is."""


def address_in(variable: str) -> SecretStr:
    """The address that an environment variable holds.

    Raises:
        UsageError: it is not set, or holds no address of the web.
    """
    address = value_of(variable)
    if not address:
        msg = f"The alerts go to the address in {variable}, which is not set; set it, or leave `alerts.webhook` out."
        raise UsageError(msg)
    if not _is_of_the_web(address):
        msg = f"The alerts go to the address in {variable}, which does not hold one; set it to https://… (http:// is allowed too)."
        raise UsageError(msg)
    return SecretStr(address)


def send(payload: Mapping[str, Any], address: SecretStr) -> None:
    """Post the payload, three times at most.

    Raises:
        NotSentError: with what the last attempt met.
    """
    again = Retrying(stop=stop_after_attempt(ATTEMPTS), wait=wait_exponential(multiplier=FIRST_WAIT), retry=retry_if_exception_type(NotSentError), reraise=True)
    again(_post, json.dumps(payload).encode(), address)


def _post(body: bytes, address: SecretStr) -> None:
    # Raised out here, since the libraries' own errors, which may hold the address, would come along as context.
    if problem := _problem(body, address):
        raise NotSentError(problem)


def _problem(body: bytes, address: SecretStr) -> str | None:
    try:
        headers = {"Content-Type": "application/json", "User-Agent": "matins"}
        request = Request(address.get_secret_value(), data=body, headers=headers)  # noqa: S310 - `address_in` has looked at the scheme
        with build_opener(_NoRedirect).open(request, timeout=TIMEOUT):
            return None
    except HTTPError as error:
        error.close()
        return f"the answer was HTTP {error.code}{' (it points elsewhere)' if 300 <= error.code < 400 else ''}"
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        return f"no answer within {TIMEOUT:g} s" if isinstance(reason, TimeoutError) else f"no answer ({type(reason).__name__})"


def _is_of_the_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
