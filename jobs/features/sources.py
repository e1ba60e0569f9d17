"""Which feeds each feature is made from, and what it looks like on a night when one of them has no row at all."""

import re
from collections.abc import Iterator

from jobs.config.features import History
from jobs.config.pipeline import Pipeline
from jobs.config.references import columns_of


def sources(pipeline: Pipeline) -> dict[str, tuple[str, ...]]:
    """Feature → the feeds whose rows its value is computed from, for every feature that SQL computes; a plug-in's are not known here.

    What is read off the scored row itself comes from the feed of the rows. A history that is joined to earlier scored rows, for their
    columns, comes from both.
    """
    features = pipeline.features
    found: dict[str, tuple[str, ...]] = dict.fromkeys(features.names, (features.rows,))
    found |= {f"{feed}_{name}": (feed,) for part in (features.lookup, features.latest) for feed, one in part.items() for name in one.take}
    for feed, history in features.history.items():
        found |= dict(_of_history(pipeline, feed, history))
    return found


def without(pipeline: Pipeline, feed: str) -> dict[str, int | None]:
    """The features that come from `feed`, as they are where it has no row: a count is 0, anything else is missing."""
    history = pipeline.features.history.get(feed)
    counts = {name for take, _, name in _named(feed, history) if history.take[take].strip().startswith("count(")} if history else set()
    return {name: 0 if name in counts else None for name, feeds in sources(pipeline).items() if feed in feeds}


def of_the_past(pipeline: Pipeline, column: str) -> set[str]:
    """The features that are aggregates over past rows with the row's own value of `column`."""
    return {name for feed, history in pipeline.features.history.items() for _, by, name in _named(feed, history) if column in by}


def _of_history(pipeline: Pipeline, feed: str, history: History) -> Iterator[tuple[str, tuple[str, ...]]]:
    rows, own = pipeline.features.rows, columns_of(pipeline.feeds[feed])
    # Where the keys agree, a past row brings along what its own delivery does not say.
    is_joined = feed != rows and pipeline.feeds[feed].key == pipeline.rows.key
    brought = {*columns_of(pipeline.rows), *pipeline.features.columns} - own if is_joined else set()
    for take, by, name in _named(feed, history):
        used = {*by, *re.findall(r"\w+", history.take[take])}
        yield name, (feed, rows) if used & brought else (feed,)


def _named(feed: str, history: History) -> Iterator[tuple[str, list[str], str]]:
    """What is taken, by which columns, and the feature's name."""
    for by in history.by:
        yield from ((take, by, history.name(feed, by, take, window)) for window in history.windows for take in history.take)
