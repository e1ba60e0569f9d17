"""What each feature is, in words and by the pipeline's own file: for whoever has not written it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.config.features import CALENDAR
from jobs.config.pipeline import Pipeline
from jobs.features.sources import sources


@dataclass(frozen=True)
class Meaning:
    """Of one feature."""

    words: str
    feeds: tuple[str, ...]
    """From whose rows it is computed; none: from the calendar, or by the pipeline's own function."""


def meanings(pipeline: Pipeline) -> dict[str, Meaning]:
    """Feature → what it is, for all that SQL computes."""
    feeds = sources(pipeline)
    return {name: Meaning(words, () if name in CALENDAR else feeds.get(name, ())) for name, words in _words(pipeline)}


def meaning(known: dict[str, Meaning], name: str) -> Meaning:
    """That of one feature; one that is not known here was added by the pipeline's own function, or is not in the file that is told by."""
    return known.get(name, Meaning("not described in the pipeline's file: its own function may add it", ()))


def _words(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    features = pipeline.features
    yield from ((name, f"as delivered in {features.rows}") for name in features.take)
    yield from ((name, text) for name, text in features.columns.items())
    if features.calendar:
        country, day = features.calendar.holidays, features.calendar.day
        told = (f"whether {day} is a holiday ({country})", f"days to the next holiday ({country}), 14 at most", f"days since a holiday ({country}), 14 at most")
        yield from zip(CALENDAR, told, strict=True)
    for feed, lookup in features.lookup.items():
        yield from ((f"{feed}_{name}", f"{name} in {feed}, looked up by {_listed(list(lookup.on))}") for name in lookup.take)
    for feed, latest in features.latest.items():
        yield from ((f"{feed}_{name}", f"{name} in the newest row of {feed}{_same(latest.by)}") for name in latest.take)
    for feed, history in features.history.items():
        for by in history.by:
            for window in history.windows:
                for take, text in history.take.items():
                    yield history.name(feed, by, take, window), f"{text} over the newest {_days(window)} of {feed}{_same(by)}"


def _days(window: int) -> str:
    return "day" if window == 1 else f"{window} days"


def _same(by: Sequence[str]) -> str:
    return f" with the same {_listed(by)}" if by else ""


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
