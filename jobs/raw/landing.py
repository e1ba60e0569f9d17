"""What lies in the landing folder for a night, by name, size and time of change alone: cheap enough to be asked twice a minute."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger
from jobs.nights import Nights, span
from jobs.raw.deliveries import path_of
from jobs.work import fingerprint


class State(NamedTuple):
    """By which a file is taken for the same."""

    size: int
    mtime_ns: int


class File(NamedTuple):
    """A delivery as it lies there."""

    feed: str
    night: date
    path: Path
    state: State
    declared: State | None
    """Of the `.ok` file beside it."""


class Landing:
    """The files of a pipeline's feeds, beside what the ledger says was ingested of them."""

    def __init__(self, pipeline: Pipeline, ledger: Ledger, folder: Path) -> None:
        self.pipeline, self.folder = pipeline, folder
        self.feeds = {name: pipeline.feeds[name] for name in pipeline.features_and_label_feeds if pipeline.feeds[name].path}
        self.ingested = {
            name: {one.night: State(one.detail["size"], one.detail["mtime_ns"]) for one in ledger.slices(pipeline.pipeline, f"raw/{name}")}
            for name in self.feeds
        }

    def lacking(self, night: date) -> list[Path]:
        """The files without which the night would be red. One that was ingested may have been cleared away since."""
        found = []
        for name, feed in self.feeds.items():
            own = self.pipeline.nights.from_ if feed.undated else night
            expected = feed.undated or (not feed.missing.tolerate and night >= self.pipeline.first_delivery(name))
            path = path_of(feed, own, self.folder)
            if expected and own not in self.ingested[name] and not path.exists():
                found.append(path)
        return found

    def files(self, night: date) -> Iterator[File]:
        """Every file that the night looks at: its own, and those of its windows."""
        for name, feed in self.feeds.items():
            for one in self._nights(name, night):
                path = path_of(feed, one, self.folder)
                if state := _state(path):
                    yield File(name, one, path, state, _state(path.with_name(f"{path.name}.ok")))

    def digest(self, night: date) -> str:
        """Changes when one of its files comes, goes or is replaced."""
        return fingerprint(*self.files(night))

    def has_news(self, night: date) -> bool:
        """Whether one of its files is not as it was ingested."""
        return any(self.ingested[one.feed].get(one.night) != one.state for one in self.files(night))

    def _nights(self, name: str, night: date) -> Nights:
        if self.feeds[name].undated:
            return [self.pipeline.nights.from_]
        first = self.pipeline.first_delivery(name)
        return span(max(first, night - timedelta(days=self.pipeline.nights_back(name))), night)


def _state(path: Path) -> State | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return State(stat.st_size, stat.st_mtime_ns)
