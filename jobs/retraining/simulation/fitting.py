"""Segments for a night that has too few nights before it: the file's, in proportion shorter."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import count
from typing import Final

from jobs.config.models import Segments
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.model.segments import Span, cut

LEAST: Final[Mapping[str, int]] = {"train": 7, "tune": 3, "calibrate": 1, "holdout": 1}


def spans_at(pipeline: Pipeline, model: str, as_of: date) -> dict[str, Span]:
    """The nights of a model's segments, as long as they fit, for a version made in the night `as_of`.

    Raises:
        UsageError: as in `fitting`.
    """
    spec = pipeline.models[model]
    lag = pipeline.feeds[spec.label_feed].lag - pipeline.rows.lag
    return cut(fitting(spec.segments, as_of=as_of, lag=lag, first=pipeline.nights.from_), as_of=as_of, lag=lag)


def fitting(segments: Segments, *, as_of: date, lag: int, first: date) -> Segments:
    """The segments themselves where they fit between `first` and `as_of`; else each but `train` by the share that there is room for, and `train` the rest.

    Args:
        segments: as the file has them.
        as_of: the night in which a version is to be made.
        lag: label lag in nights, which lies before each segment and after the last.
        first: the first night that there can be.

    Raises:
        UsageError: there is not even room for the shortest.
    """
    wanted = {name: nights for name in LEAST if (nights := getattr(segments, name))}
    room = (as_of - first).days + 1 - lag * len(wanted)
    if room >= sum(wanted.values()):
        return segments
    if (shorter := _shared(room, wanted)) is None:
        earliest = as_of + timedelta(days=next(more for more in count(1) if _shared(room + more, wanted)))
        msg = f"As of {as_of} the nights since {first} are too few to train and to examine a version, however short its segments. Begin with --from {earliest}."
        raise UsageError(msg)
    return segments.model_copy(update=shorter)


def _shared(room: int, wanted: Mapping[str, int]) -> dict[str, int] | None:
    """So many nights in the proportions of others; None if too few are left for `train`."""
    found = {name: max(LEAST[name], nights * room // sum(wanted.values())) for name, nights in wanted.items() if name != "train"}
    left = room - sum(found.values())
    return {**found, "train": left} if left >= LEAST["train"] else None
