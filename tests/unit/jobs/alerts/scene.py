"""A pipeline with rules and a ledger that tests write into, as the steps before the alerts would."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from jobs.config.loading import read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.plan import Task, tasks
from jobs.reading import work_to_read
from jobs.results import NightResult, Outcome, StepResult
from jobs.runner import opened
from jobs.settings import Settings
from jobs.work import Work
from tests.tiny import spec_of, write_pipeline

FIRST = date(2024, 5, 1)
VARIABLE = "SHOP_ALERTS_URL"


def night(number: int) -> date:
    return FIRST + timedelta(days=number - 1)


def nights(first: int, last: int) -> list[date]:
    return [night(number) for number in range(first, last + 1)]


class Scene:
    """The tiny pipeline with a second model, `kept`, which is a regression."""

    def __init__(self, home: Settings, rules: Mapping[str, Any], *, webhook: str | None = None) -> None:
        self.home, self.ledger = home, Ledger.of(home)
        self.pipeline = self.with_rules(rules, webhook=webhook)

    def with_rules(self, rules: Mapping[str, Any], *, webhook: str | None = None) -> Pipeline:
        """The pipeline with other rules, which is the scene's from now on."""
        kept = {"label": "outcomes.refund", "type": "regression", "segments": spec_of()["models"]["returned"]["segments"]}
        models = {"kept": {**kept, "gate": {"champion": {"non_inferior": 0.1}}}}
        changes = {"alerts": {"rules": rules, "webhook": webhook}, "models": models}
        self.pipeline = read_pipeline(write_pipeline(Path(self.home.root) / "pipelines", self.home.landing, nights=1, changes=changes).path)
        return self.pipeline

    def state(self, table: str, *of: date, outcome: Outcome = "failed") -> None:
        """What a step has recorded of nights."""
        found = [NightResult(night=one, outcome=outcome, problem="broken" if outcome == "failed" else None) for one in of]
        self.ledger.record_nights("run", self.pipeline.pipeline, table, found)

    def slices(self, table: str, counts: Mapping[date, Mapping[str, float]], *, rows: int = 0, detail: Mapping[str, Any] | None = None) -> None:
        """Generations of nights, in the place of any before."""
        about = {"generation": 1, "checksum": "", "fingerprint": "", "version": 1, "run_id": "run", "rows": rows, "detail": detail or {}}
        found = [Slice(night=one, known_night=one, counts=given, **about) for one, given in counts.items()]
        self.ledger.record_slices(self.pipeline.pipeline, table, found, version=1)

    def drift(self, values: Mapping[date, float], model: str = "returned") -> None:
        """How far the score has drifted, by night."""
        self.slices(f"{model}/drift_report", {one: {"score_drift": value} for one, value in values.items()})

    def champion(self, since: date, model: str = "returned", version: int = 1) -> None:
        """A version goes live."""
        about = {"version": version, "former": None, "by": "gate", "reason": "", "evidence": {}, "run_id": None}
        self.ledger.decide(self.pipeline.pipeline, model, "promoted", night=since, **about)

    @property
    def task(self) -> Task:
        """The alerts."""
        return next(task for task in tasks(self.pipeline) if task.step.name == "alerts")

    @property
    def work(self) -> Work:
        """As a command that only looks is given it."""
        return work_to_read(self.home, self.pipeline, self.ledger, self.task)

    def run(self, *of: date) -> StepResult:
        """The step, as the runner runs and records it."""
        with opened(self.home, self.pipeline, command="test") as run:
            return run.do(self.task, of)

    @property
    def episodes(self) -> list[dict[str, Any]]:
        """As recorded, without the pipeline's name."""
        return [{key: value for key, value in row.items() if key != "pipeline"} for row in self.ledger.alerts(self.pipeline.pipeline)]
