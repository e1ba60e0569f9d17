"""Which nights should start by themselves: those that are due, and red ones once their deliveries are not what they were."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger
from jobs.nightly import due_nights, newest_due
from jobs.plan import tasks
from jobs.raw.landing import Landing

ATTEMPTS: Final = 3
"""So often a night is started on the same deliveries where runs end without having said what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNight:
    """A night that nothing has been said of yet, or that is red."""

    night: date
    red: bool
    lacks: tuple[Path, ...] = ()
    """Required deliveries that are not there."""
    has_news: bool = False
    """Whether something lies there that was not ingested."""
    deliveries: str
    """Digest of all that lies there for it."""

    def attempt(self, told: Collection[bool]) -> int | None:
        """The number of the attempt that should begin now; None where none should.

        Args:
            told: of each earlier run of the night on these very deliveries, whether it has said what became of the night.
        """
        nothing_new = self.red and not self.has_news and not told
        if self.lacks or any(told) or nothing_new or len(told) >= ATTEMPTS:
            return None
        return len(told) + 1


def open_nights(pipeline: Pipeline, ledger: Ledger, folder: Path, now: dt.datetime, *, owed: Iterable[date] = ()) -> list[OpenNight]:
    """The nights that are not as they should be, oldest first.

    Args:
        pipeline: whose nights.
        ledger: what has been said of them.
        folder: the landing folder.
        now: decides which are due.
        owed: nights that were due before: a later one may have overtaken them, and then nothing else remembers them.
    """
    said: dict[date, dict[str, str]] = {}
    for state in ledger.night_states(pipeline.pipeline):
        said.setdefault(state["night"], {})[state["table_name"]] = state["outcome"]
    unsaid = {night for night in {*due_nights(pipeline, ledger, now), *owed} if not _outcome(pipeline) <= set(said.get(night, {}))}
    nightly = {task.table for task in tasks(pipeline) if task.step.nightly}
    # A night of the history that was never to be published is no night of the schedule.
    meant = {f"{model}/published" for model in pipeline.models}
    red = {night for night, of in said.items() if meant & set(of) and any(of[table] == "failed" for table in nightly & set(of))}
    landing, first, last = Landing(pipeline, ledger, folder), pipeline.nights.from_, newest_due(pipeline, now)
    return [_seen(landing, night, red=night not in unsaid) for night in sorted(unsaid | red) if first <= night <= last]


def has_told(pipeline: Pipeline, ledger: Ledger, run_id: str, night: date) -> bool:
    """Whether the run has recorded what became of the night, good or bad; one whose process was lost has not."""
    steps = ledger.step_runs(pipeline.pipeline, run_id=run_id)
    return _outcome(pipeline) <= {one["outputs"]["table"] for one in steps if str(night) in (one["outputs"] or {}).get("nights", {})}


def _outcome(pipeline: Pipeline) -> set[str]:
    """The tables that together say what became of a night. A feed's are not among them: not every night has a delivery of each."""
    return {task.table for task in tasks(pipeline) if task.step.nightly and task.step.per != "feed"}


def _seen(landing: Landing, night: date, *, red: bool) -> OpenNight:
    return OpenNight(night=night, red=red, lacks=tuple(landing.lacking(night)), has_news=landing.has_news(night), deliveries=landing.digest(night))
