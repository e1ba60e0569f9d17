"""Nights: days of the calendar, in order."""

import datetime as dt
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from jobs.errors import UsageError

Nights = Sequence[date]
"""Distinct days, oldest first."""


def parse_night(text: str) -> date:
    """The day written as `2013-05-18`.

    Raises:
        UsageError: it is not such a day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        msg = f"{text!r} is not a night; write a day as 2013-05-18."
        raise UsageError(msg) from None


def span(first: date, last: date) -> list[date]:
    """Every night from `first` to `last`, both included; none if `last` is earlier."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def ranges(nights: Iterable[date]) -> list[tuple[date, date]]:
    """The same nights as (first, last) of each unbroken range, oldest first."""
    found: list[tuple[date, date]] = []
    for night in sorted(set(nights)):
        if found and night - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], night)
        else:
            found.append((night, night))
    return found


def among(nights: Iterable[date], column: str = "night") -> str:
    """A SQL condition that is true for exactly these nights; short for long ranges, and false for none."""
    parts = [f"{column} BETWEEN DATE'{first}' AND DATE'{last}'" for first, last in ranges(nights)]
    return f"({' OR '.join(parts)})" if parts else "false"


def in_words(nights: Iterable[date]) -> str:
    """For people: `2013-05-18`, `2013-05-18 to 2013-05-31`, several with commas."""
    return ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in ranges(nights))


def utc_now() -> dt.datetime:
    """The instant, with its zone: the only place where the product reads the clock for a decision."""
    return dt.datetime.now(dt.UTC)
