"""Whether a night's data was whole: what broken deliveries do to scores is no reason to retrain."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median
from typing import Any, Final

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.plan import placed, tasks

MISSING_HISTORY: Final = 0.2
"""From this share of a window on that was not delivered, features say more of the deliveries than of the world."""
QUARANTINED: Final = 0.1
USUAL_NIGHTS: Final = 28


@dataclass(frozen=True, slots=True)
class Soundness:
    """The pipeline's data by night."""

    red: Mapping[date, tuple[str, ...]] = field(default_factory=dict)
    """Tables whose night is red."""
    quarantined: Mapping[date, float] = field(default_factory=dict)
    """Share of the delivered rows, over all feeds."""
    missing_history: Mapping[date, float] = field(default_factory=dict)
    """Of the features' windows, the feed that lacks most."""
    rows: Mapping[date, int] = field(default_factory=dict)
    """To score."""

    def problem(self, night: date) -> str | None:
        """Why the night's features are not to be believed, if they are not."""
        if tables := [table for table in self.red.get(night, ()) if table == "features" or table.startswith(("raw/", "validated/"))]:
            return f"{', '.join(tables)} of {night} is red"
        if (share := self.missing_history.get(night, 0.0)) >= MISSING_HISTORY:
            return f"{share:.0%} of the history that {night} looks at was not delivered"
        if (share := self.quarantined.get(night, 0.0)) >= QUARANTINED:
            return f"{share:.0%} of the rows delivered for {night} are in quarantine"
        return None

    def volume(self, night: date) -> float | None:
        """The rows to score by their median over the four weeks before."""
        before = [self.rows[day] for n in range(1, USUAL_NIGHTS + 1) if (day := night - timedelta(days=n)) in self.rows]
        usual = median(before) if before else 0
        return self.rows[night] / usual if night in self.rows and usual else None


def soundness_of(ledger: Ledger, pipeline: Pipeline) -> Soundness:
    """What the ledger has on the pipeline's data."""
    name = pipeline.pipeline
    features = {one.night: one for one in ledger.slices(name, "features") if not one.restated}
    feeds = [feed for feed in pipeline.features_and_label_feeds if not pipeline.feeds[feed].undated]
    return Soundness(
        red=_red(ledger.night_states(name), pipeline),
        quarantined=_quarantined(one for feed in feeds for one in _own_deliveries(ledger.slices(name, f"validated/{feed}"))),
        missing_history={night: 1 - min(one.detail.get("coverage", {}).values(), default=1.0) for night, one in features.items()},
        rows={night: one.rows for night, one in features.items()},
    )


def _red(states: Sequence[Mapping[str, Any]], pipeline: Pipeline) -> dict[date, tuple[str, ...]]:
    """A table without nights is red in the newest night, until a sound delivery comes; trainings are no part of a night."""
    nightly = {task.table for task in tasks(pipeline) if task.step.nightly}
    found: dict[date, tuple[str, ...]] = {}
    for night, one in placed([one for one in states if one["table_name"] in nightly], pipeline):
        if one["outcome"] == "failed":
            found[night] = (*found.get(night, ()), one["table_name"])
    return found


def _own_deliveries(slices: Iterable[Slice]) -> Iterable[Slice]:
    """What each night knew of its own delivery: one that replaces it later changes nothing of that."""
    return {one.night: one for one in slices if one.known_night == one.night}.values()


def _quarantined(slices: Iterable[Slice]) -> dict[date, float]:
    rows: dict[date, float] = {}
    out: dict[date, float] = {}
    for one in slices:
        rows[one.night] = rows.get(one.night, 0.0) + one.counts.get("rows", 0)
        out[one.night] = out.get(one.night, 0.0) + one.counts.get("bad", 0) + one.counts.get("duplicates", 0)
    return {night: out[night] / rows[night] for night in rows if rows[night]}
