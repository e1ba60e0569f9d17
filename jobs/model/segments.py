"""Segments: which nights a version is trained, tuned and examined on."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from jobs.config.models import Segments
from jobs.errors import DataError, UsageError


class Span(NamedTuple):
    """Nights from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def nights(self) -> int:
        """How many nights it has."""
        return (self.last - self.first).days + 1

    def shared(self, other: "Span") -> "Span | None":
        """The nights that both have."""
        first, last = max(self.first, other.first), min(self.last, other.last)
        return Span(first, last) if first <= last else None

    def __str__(self) -> str:
        """`2013-04-19 to 2013-05-16`."""
        return f"{self.first} to {self.last}"


def cut(segments: Segments, *, as_of: date, lag: int, first: date | None = None) -> dict[str, Span]:
    """The nights of each segment, oldest segment first, for a version made in the night `as_of`.

    That night knows labels up to `as_of` less `lag`, where the holdout ends. Before a segment lie `lag` nights that belong to none:
    whoever had predicted the segment's first night would not have known their labels (an embargo, as in López de Prado 2018,
    Advances in Financial Machine Learning, 7.4.2). A segment of 0 nights is left out and takes no gap.

    Args:
        segments: how many nights each segment has.
        as_of: the night in which the version is made.
        lag: label lag in nights.
        first: the pipeline's first night, if there is a limit.

    Raises:
        UsageError: the oldest segment would begin before `first`.
    """
    spans: dict[str, Span] = {}
    last = as_of - timedelta(days=lag)
    for name in ("holdout", "calibrate", "tune", "train"):
        if nights := getattr(segments, name):
            spans[name] = Span(last - timedelta(days=nights - 1), last)
            last = spans[name].first - timedelta(days=lag + 1)
    begin = spans["train"].first
    if first is not None and begin < first:
        earliest = as_of + (first - begin)
        msg = (
            f"As of {as_of}, training would begin on {begin}, before the pipeline's first night {first}. "
            f"The earliest night that works is --as-of {earliest}; or make `segments` shorter."
        )
        raise UsageError(msg)
    return dict(reversed(spans.items()))


def to_plain(spans: Mapping[str, Span]) -> dict[str, list[str]]:
    """For JSON: `{"train": ["2013-01-01", "2013-03-31"], …}`."""
    return {name: [span.first.isoformat(), span.last.isoformat()] for name, span in spans.items()}


def from_plain(plain: Mapping[str, list[str]]) -> dict[str, Span]:
    """The segments that `to_plain` wrote.

    Raises:
        DataError: that is not what it wrote.
    """
    try:
        return {name: Span(date.fromisoformat(first), date.fromisoformat(last)) for name, (first, last) in plain.items()}
    except (AttributeError, TypeError, ValueError) as error:
        msg = f"Recorded segments cannot be read: {error}."
        raise DataError(msg) from None
