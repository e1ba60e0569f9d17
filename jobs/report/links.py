"""Which pages there are, and how to get to them from another."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from jobs.nights import span

SPANS: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:_to_(\d{4}-\d\d-\d\d))?")


@dataclass(frozen=True)
class Pages:
    """A pipeline's folder of reports. Addresses are relative to it, and only of files that exist."""

    folder: Path
    nights: tuple[date, ...]
    """That have a page of their own or are about to get one, oldest first."""

    @classmethod
    def of(cls, folder: Path, nights: Iterable[date]) -> Self:
        """What lies in the folder, and what is about to."""
        there = {date.fromisoformat(path.stem) for path in (folder / "nights").glob("*.html") if SPANS.fullmatch(path.stem)}
        return cls(folder, tuple(sorted({*there, *nights})))

    @property
    def index(self) -> Path:
        """The page of all nights."""
        return self.folder / "index.html"

    def path(self, night: date) -> Path:
        """The page of a night."""
        return self.folder / "nights" / f"{night}.html"

    def night(self, night: date | None) -> str | None:
        """The address of a night's page."""
        return f"nights/{night}.html" if night in self._nights else None

    def before(self, night: date) -> date | None:
        """The newest night before that has a page."""
        return max((one for one in self.nights if one < night), default=None)

    def after(self, night: date) -> date | None:
        """The oldest night after that has a page."""
        return min((one for one in self.nights if one > night), default=None)

    def verdict(self, model: str, version: object) -> str | None:
        """What the gate said of a version."""
        return self._address(f"{model}/model/v{version}.html")

    def evidently(self, model: str, recorded: str | None) -> str | None:
        """Evidently's page, wherever the folder lay when it was recorded."""
        return self._address(f"{model}/drift_report/{Path(recorded).name}") if recorded else None

    def expectations(self, feed: str, night: date) -> str | None:
        """Great Expectations' page of the fewest nights that has this one."""
        found = [(len(nights), name) for name, nights in self._expectations(feed).items() if night in nights]
        return self._address(f"validated/{feed}/{min(found)[1]}") if found else None

    @cached_property
    def _nights(self) -> frozenset[date]:
        return frozenset(self.nights)

    @cached_property
    def _found(self) -> dict[str, dict[str, set[date]]]:
        return {}

    def _expectations(self, feed: str) -> dict[str, set[date]]:
        """The nights of each page, by its name."""
        if feed not in self._found:
            self._found[feed] = {path.name: _nights_in(path.stem) for path in (self.folder / "validated" / feed).glob("*.html")}
        return self._found[feed]

    def _address(self, name: str) -> str | None:
        return quote(name) if (self.folder / name).is_file() else None


def _nights_in(name: str) -> set[date]:
    ranges = [(date.fromisoformat(first), date.fromisoformat(last or first)) for first, last in SPANS.findall(name)]
    return {night for first, last in ranges for night in span(first, last)}
