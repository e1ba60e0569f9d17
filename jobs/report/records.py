"""What the ledger has on a pipeline, read once for as many pages as are wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy.exc import OperationalError

from jobs.config.pipeline import Pipeline
from jobs.errors import RetryableError
from jobs.ledger.ledger import Ledger, Slice
from jobs.plan import placed, tasks
from jobs.reading import entries
from jobs.settings import Settings
from jobs.watch.facts import Facts
from jobs.watch.on_record import read_facts
from jobs.watch.soundness import Soundness

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Records:
    """Records of one pipeline; restated generations have no part."""

    pipeline: Pipeline
    states: Mapping[date, Mapping[str, Row]]
    """By night and table, in the order of the plan, what the newest run said."""
    slices: Mapping[str, Sequence[Slice]]
    """By table, oldest night and generation first."""
    facts: Mapping[str, Facts]
    """By model."""
    retrainings: Mapping[str, Mapping[date, Row]]
    """By model and night."""
    published: Mapping[str, Mapping[date, int]]
    """By model and night, the generation that the warehouse shows."""
    decisions: Sequence[Row]
    """Oldest first."""
    alerts: Sequence[Row]
    """Episodes, oldest first."""
    began: Mapping[str, datetime]
    """By run, when its first step began."""

    @cached_property
    def current(self) -> Mapping[str, Mapping[date, Slice]]:
        """By table and night, the newest slice."""
        return {table: {one.night: one for one in found} for table, found in self.slices.items()}

    @property
    def soundness(self) -> Soundness:
        """The pipeline's data by night."""
        return next(iter(self.facts.values())).soundness

    @cached_property
    def nights(self) -> Sequence[date]:
        """Those of which anything is on record, oldest first."""
        return sorted(self.states)


def read_records(ledger: Ledger, pipeline: Pipeline, settings: Settings) -> Records:
    """Everything that the pages rest on but the rows of tables; nothing is written.

    Args:
        ledger: where it is records.
        pipeline: whose.
        settings: name the warehouse.

    Raises:
        RetryableError: the ledger or the warehouse is out of reach.
    """
    name, models = pipeline.pipeline, list(pipeline.models)
    tables = [task.table for task in tasks(pipeline) if task.step.nightly]
    return Records(
        pipeline=pipeline,
        states=_states(ledger, pipeline, [table for table in tables if table != "report"]),
        slices={table: [one for one in ledger.slices(name, table) if not one.restated] for table in tables},
        facts={model: read_facts(ledger, pipeline, model) for model in models},
        retrainings={model: {one["night"]: one for one in ledger.retrainings(name, model)} for model in models},
        published={model: _published(settings, pipeline, model) for model in models},
        decisions=ledger.decisions(name),
        alerts=ledger.alerts(name),
        began={one["run_id"]: one["started_at"] for one in reversed(ledger.step_runs(name))},
    )


def _states(ledger: Ledger, pipeline: Pipeline, tables: Sequence[str]) -> dict[date, dict[str, Row]]:
    order, found = {table: place for place, table in enumerate(tables)}, dict[date, dict[str, Row]]()
    standing = [one for one in ledger.night_states(pipeline.pipeline) if one["table_name"] in order]
    for night, one in placed(sorted(standing, key=lambda one: order[one["table_name"]]), pipeline):
        found.setdefault(night, {})[one["table_name"]] = one
    return found


def _published(settings: Settings, pipeline: Pipeline, model: str) -> dict[date, int]:
    try:
        return {night: int(entry["generation"]) for night, entry in entries(settings, pipeline, model).items()}
    except OperationalError as error:
        msg = f"The warehouse cannot be read ({error.orig}); no page was written. Free the lock, the disk or the permission and run again."
        raise RetryableError(msg) from error
