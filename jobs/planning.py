"""What a run of one night would do, and why: asked of the doorways themselves, on what the ledger records; nothing is computed or written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from importlib import import_module
from typing import Any, NamedTuple

from jobs.config.pipeline import Pipeline
from jobs.errors import MatinsError
from jobs.ledger.ledger import Slice
from jobs.model.registry.version import Version
from jobs.plan import Task, needed_by, tasks
from jobs.reading import entries, is_there, ledger_to_read, work_to_read
from jobs.settings import Settings
from jobs.work import Work


class Outlook(NamedTuple):
    """Whether a task would run, why or why not, and whether what rests on it must go without."""

    runs: bool
    why: str
    blocks: bool = False
    nights: frozenset[date] = frozenset()
    """The nights it would work on; more than the one planned where a window lacks some."""


def planned(settings: Settings, pipeline: Pipeline, night: date) -> list[dict[str, Any]]:
    """Each task of the plan with `step`, `runs` and `why`, in the order of the plan.

    Args:
        settings: where things are kept.
        pipeline: whose tasks.
        night: the night that would run.
    """
    plan = Planning(settings, pipeline, night)
    for task in tasks(pipeline):
        plan.add(task)
    return [{"step": table, "runs": one.runs, "why": one.why} for table, one in plan.outlooks.items()]


class Planning:
    """The outlook of each task, which the tasks after it go by."""

    def __init__(self, settings: Settings, pipeline: Pipeline, night: date) -> None:
        self.settings, self.pipeline, self.night = settings, pipeline, night
        self.ledger = ledger_to_read(settings)
        self.outlooks: dict[str, Outlook] = {}

    def add(self, task: Task) -> None:
        """Take one more task into the plan; those that it needs must be there."""
        work = work_to_read(self.settings, self.pipeline, self.ledger, task)
        look: Callable[[Work], Outlook] = getattr(self, f"_{task.step.name}", self._watching)
        self.outlooks[task.table] = look(work)

    def _raw(self, work: Work) -> Outlook:
        from jobs.raw.deliveries import path_of

        due, night = self._due(work), self._night_of(work)
        recorded = {one.night for one in work.lake.slices(work.table)}
        if due:
            return Outlook(True, _told(due, night), blocks=night not in recorded | set(due), nights=frozenset(due))
        if night in recorded:
            return Outlook(False, "up to date")
        if night < (first := self.pipeline.first_delivery(work.item)):
            return Outlook(False, f"its first delivery is that of {first}")
        where = path_of(work.feed, night, self.settings.landing) if work.feed.path else work.feed.sql and work.feed.sql.url
        tolerated = bool(work.feed.missing.tolerate) and not work.feed.undated
        return Outlook(False, f"no delivery: expected {where}{' (tolerated)' if tolerated else ''}", blocks=not tolerated)

    def _validated(self, work: Work) -> Outlook:
        raw, due, night = self._before(work, "raw")[0], self._due(work), self._night_of(work)
        if raw.runs or due:
            why = _told(due, night) if due else f"raw/{work.item} would run"
            return Outlook(True, why, raw.blocks, frozenset(due) | raw.nights)
        if night in work.lake.current(work.table):
            return Outlook(False, "up to date")
        return Outlook(False, f"nothing to validate: {raw.why}", raw.blocks)

    def _features(self, work: Work) -> Outlook:
        from jobs.features.readiness import Readiness

        before = self._before(work, "validated")
        expected = {feed: self._with_expected(work, feed) for feed in self.pipeline.features.feeds}
        if problem := Readiness.of(self.pipeline, self.night, expected).problem:
            return Outlook(False, problem, blocks=True)
        return self._after(before, self._due(work))

    def _model(self, work: Work) -> Outlook:
        return Outlook(False, f"on demand: matins train {work.model_name} --as-of {self.night}")

    def _predictions(self, work: Work) -> Outlook:
        from jobs.predictions.step import due

        versions = self._champion(work)
        if isinstance(versions, str):
            return Outlook(False, versions, blocks=True)
        return self._after(self._before(work, "features"), due(work, [self.night], versions))

    def _drift_report(self, work: Work) -> Outlook:
        return self._after(self._before(work, "predictions"), self._due(work))

    def _reasons(self, work: Work) -> Outlook:
        return self._after(self._before(work, "predictions"), self._due(work))

    def _shadow(self, work: Work) -> Outlook:
        from jobs.model.registry.reign import waiting
        from jobs.shadow.idle import IDLE

        if waiting(work.ledger.decisions(self.pipeline.pipeline, work.item)) is None:
            return Outlook(False, IDLE)
        before = [self.outlooks[task.table] for task in needed_by(work.task, self.pipeline)]
        return self._after([one._replace(blocks=False) for one in before], self._due(work))

    def _performance(self, work: Work) -> Outlook:
        labels, scores = self._before(work, "validated"), self._before(work, "predictions")
        if not work.lake.slices(f"{work.item}/predictions") and not any(one.runs for one in scores):
            return Outlook(False, "nothing has been scored whose labels could have come")
        return self._after([one._replace(blocks=False) for one in [*labels, *scores]], self._due(work))

    def _published(self, work: Work) -> Outlook:
        from jobs.published.step import due

        shown = entries(self.settings, self.pipeline, work.item)
        scored = work.lake.current(f"{work.item}/predictions")
        looked = self._after(self._before(work, "predictions"), due(work, [self.night], shown))
        if not looked.runs and not looked.blocks and (self.night not in scored or self.night not in shown):
            return Outlook(False, f"night {self.night} may not be published: see its drift report and `stop_publishing_above`")
        return looked

    def _watching(self, work: Work) -> Outlook:
        """What looks back on the night runs also where the night went wrong."""
        before = [self.outlooks[task.table] for task in needed_by(work.task, self.pipeline)]
        return self._after([one._replace(blocks=False) for one in before], self._due(work))

    def _after(self, before: Sequence[Outlook], due: Mapping[date, str]) -> Outlook:
        """A task that works on the planned night alone, by what it rests on and by what its doorway says."""
        if lacking := [one.why for one in before if one.blocks]:
            return Outlook(False, f"cannot run: {lacking[0]}", blocks=True)
        if why := due.get(self.night):
            return Outlook(True, why)
        if any(one.runs for one in before):
            return Outlook(True, "what it rests on would run")
        return Outlook(False, "up to date")

    def _before(self, work: Work, step: str) -> list[Outlook]:
        return [self.outlooks[task.table] for task in needed_by(work.task, self.pipeline) if task.step.name == step]

    def _due(self, work: Work) -> dict[date, str]:
        found: dict[date, str] = import_module(f"jobs.{work.task.step.name}.step").due(work, [self.night])
        return found

    def _night_of(self, work: Work) -> date:
        """An undated feed has one night, the pipeline's first."""
        return self.pipeline.nights.from_ if work.feed.undated else self.night

    def _with_expected(self, work: Work, feed: str) -> list[Slice]:
        """The feed's slices as they would be once the steps before have run."""
        have = work.lake.slices(f"validated/{feed}")
        blank = Slice(night=self.night, generation=1, known_night=self.night, rows=0, checksum="", fingerprint="", version=0, run_id="")
        expected = self.outlooks[f"validated/{feed}"].nights - {one.night for one in have}
        return [*have, *[replace(blank, night=night, known_night=min(night, self.night)) for night in expected]]

    def _champion(self, work: Work) -> Mapping[date, Version] | str:
        from jobs.model.registry.champion import scoring_versions

        absent = f"{work.model_name} has no champion: matins train {work.model_name} --as-of NIGHT"
        if not is_there(self.settings.mlflow_uri):
            return absent
        try:
            return scoring_versions(work, [self.night])
        except MatinsError as error:
            return str(error)


def _told(due: Mapping[date, str], night: date) -> str:
    """The night's own reason first; the others as a number."""
    others = len(set(due) - {night})
    earlier = f"{others} earlier night{'s' if others > 1 else ''}: {next(why for one, why in due.items() if one != night)}" if others else ""
    return "; ".join(part for part in (due.get(night, ""), earlier) if part)
