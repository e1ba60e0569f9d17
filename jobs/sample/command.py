"""Writes a pipeline's sample deliveries, with trouble mixed in where asked."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from jobs import console
from jobs.config.pipeline import Pipeline
from jobs.config.plug_ins import plug_in
from jobs.errors import UsageError
from jobs.nights import span
from jobs.sample.dirty import mix
from jobs.settings import Settings


def write_sample(settings: Settings, pipeline: Pipeline, first: date, last: date, *, seed: int | None, later: timedelta = timedelta()) -> int:
    """Let the pipeline's `sample` write the nights from `first` to `last` into the landing folder.

    Args:
        settings: names the landing folder.
        pipeline: whose sample.
        first: the first night.
        last: the last night.
        seed: of the trouble to mix in; None leaves the deliveries clean.
        later: by how many days everything happens later than in the data, for a sample that can do so.

    Returns:
        How many nights were written.

    Raises:
        UsageError: the pipeline has no sample, the function cannot be used, or the range is not in its data.
    """
    if pipeline.sample is None:
        msg = f"`{pipeline.pipeline}` has no sample: deliver its files to {settings.landing}, or name a function with `sample: module:function`."
        raise UsageError(msg)
    nights = _called(pipeline.sample, settings.landing, first, last, **({"later": later} if later else {}))
    with console.counting(f"{pipeline.pipeline} sample", total=(last - first).days + 1) as count:
        written = 0
        for night in nights:
            written += 1
            count(f"{night}")
    if seed is not None:
        feeds = {name: feed for name, feed in pipeline.feeds.items() if feed.path and feed.path.endswith(".csv") and not feed.undated}
        paths = {name: str(feed.path) for name, feed in feeds.items()}
        mix(settings.landing, paths, span(first, last), seed=seed, keys={name: feed.key for name, feed in feeds.items()})
    return written


def _called(name: str, landing: Path, first: date, last: date, **options: timedelta) -> Iterator[date]:
    nights = plug_in(name, "sample")(landing, first, last, **options)
    if not isinstance(nights, Iterator):
        msg = f"sample: `{name}` returned {type(nights).__name__}; it must yield each night that it has written."
        raise UsageError(msg)
    return nights
