"""Whether a night has what its features rest on."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Slice
from jobs.nights import span


class Readiness:
    """Whether a night has what it rests on, and how much of each window was delivered."""

    def __init__(self, problem: str | None, coverage: Mapping[str, float], short: Mapping[str, int]) -> None:
        self.problem, self.coverage, self.short = problem, coverage, short

    @classmethod
    def of(cls, pipeline: Pipeline, night: date, slices: Mapping[str, Sequence[Slice]]) -> "Readiness":
        """What `night` finds in the validated slices of each feed."""
        problems: list[str] = []
        coverage: dict[str, float] = {}
        short: dict[str, int] = {}
        for feed in pipeline.features.feeds:
            have = {one.night for one in slices[feed] if one.known_night <= night}
            if pipeline.feeds[feed].undated:
                problems += [] if have else [f"{feed} has no validated version"]
            elif feed == pipeline.features.rows and night not in have:
                problems.append(f"{feed} has no validated delivery for {night}")
            if back := pipeline.features.days_back(feed):
                absent, share = _window(pipeline, feed, night, back, have)
                coverage[feed] = share
                short |= {feed: len(absent)} if absent else {}
                if len(absent) > (allowed := pipeline.feeds[feed].missing.tolerate):
                    problems.append(f"{feed} lacks {len(absent)} of the {back} nights before {night}, tolerated are {allowed}; first {absent[0]}")
        return cls("; ".join(problems) or None, coverage, short)

    @property
    def notes(self) -> tuple[str, ...]:
        """For the line that the person on call reads."""
        return tuple(f"{feed} {count} night{'s' if count > 1 else ''} short" for feed, count in self.short.items())


def _window(pipeline: Pipeline, feed: str, night: date, back: int, have: set[date]) -> tuple[list[date], float]:
    wanted = span(night - timedelta(days=back - 1), night)
    expected = [one for one in wanted if one >= pipeline.first_delivery(feed)]
    return [one for one in expected if one not in have], sum(one in have for one in wanted) / back
