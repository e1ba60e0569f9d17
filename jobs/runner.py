"""Walks the plan: one task after the other, each recorded in the ledger with what it read, wrote, took and said."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobs.config.loading import digest_of, to_plain
from jobs.config.pipeline import Pipeline
from jobs.environment import CODE, environment
from jobs.errors import PermanentError, RetryableError, UsageError
from jobs.lake.wording import spark_errors
from jobs.ledger.attempts import Starter, begin_attempts
from jobs.ledger.ledger import Ledger
from jobs.ledger.living import living
from jobs.ledger.origins import Origin, record_origin
from jobs.lineage.restated import record_restated
from jobs.memory import peak_memory_mb
from jobs.nights import Nights, in_words
from jobs.plan import Task
from jobs.results import NightResult, StepResult
from jobs.settings import Settings
from jobs.work import Options, Work, new_run_id

if TYPE_CHECKING:
    from jobs.lake.lake import Lake

Listener = Callable[[Task, StepResult | None], None]
"""Told of each task before it starts (without a result) and after."""


class StoppedError(RetryableError):
    """The run was asked to end."""


@dataclass(frozen=True)
class Run:
    """One run of one pipeline: everything that its tasks share."""

    settings: Settings
    pipeline: Pipeline
    ledger: Ledger
    run_id: str
    options: Options
    by: Starter

    def work(self, task: Task) -> Work:
        """What the task's doorway is given."""
        return Work(self.settings, self.pipeline, task, self._lake(task), self.ledger, self.run_id, self.options)

    def _lake(self, task: Task) -> "Lake":
        from jobs.lake.lake import Lake
        from jobs.lake.session import spark_session
        from jobs.reading import recorded_lake

        if not task.step.spark:
            return recorded_lake(self.settings, self.pipeline, self.ledger)
        return Lake(spark_session(self.settings), self.ledger, root=self.settings.lake, pipeline=self.pipeline.pipeline, run_id=self.run_id)

    def do(self, task: Task, nights: Nights) -> StepResult:
        """Run one task and record what it did.

        An error that concerns the task alone makes its nights red; the caller goes on, and what rests on them finds nothing.

        Raises:
            UsageError: the configuration is wrong.
            RetryableError: trying again may cure it.
        """
        if task.step.nightly:
            begin_attempts(self.ledger, self.pipeline.pipeline, self.run_id, nights, by=self.by)
        record = self.ledger.begin_step(self.run_id, self.pipeline.pipeline, step=task.step.name, item=task.item, nights=in_words(nights))
        started = time.monotonic()
        try:
            result = self._done(task, nights)
        except BaseException as error:
            self.ledger.end_step(record, None, seconds=time.monotonic() - started, peak_memory_mb=peak_memory_mb(), message=str(error))
            raise
        self.ledger.end_step(record, result, seconds=time.monotonic() - started, peak_memory_mb=peak_memory_mb())
        # A night may have several results: a delivery that was refused, and the one that corrected it. The newest is its state.
        newest = {one.night: one for one in sorted(result.nights, key=lambda one: one.generation or 0)}
        self.ledger.record_nights(self.run_id, self.pipeline.pipeline, task.table, newest.values())
        return result

    def _done(self, task: Task, nights: Nights) -> StepResult:
        try:
            with spark_errors():
                return import_module(f"jobs.{task.step.name}.step").run(self.work(task), nights)  # type: ignore[no-any-return]
        except UsageError:
            raise
        except PermanentError as error:
            failed = tuple(NightResult(night=night, outcome="failed", problem=str(error)) for night in nights)
            return StepResult(step=task.step.name, item=task.item, table=task.table, nights=failed)

    def walk(self, tasks: Iterable[Task], nights: Nights, listener: Listener | None = None) -> list[StepResult]:
        """Run the tasks in order."""
        tell = listener or (lambda _task, _result: None)
        results = list[StepResult]()
        try:
            for task in tasks:
                tell(task, None)
                results.append(self.do(task, nights))
                tell(task, results[-1])
        finally:
            if self.options.restate:
                record_restated(self.ledger, self.pipeline, self.run_id, results)
        return results


@contextmanager
def opened(
    settings: Settings, pipeline: Pipeline, *, command: str, options: Options | None = None, run_id: str | None = None, by: Starter = "command"
) -> Iterator[Run]:
    """A recorded run, or the next process of one whose id is given; how it ends is recorded too, also when it is interrupted.

    Raises:
        StoppedError: the process was asked to end by SIGTERM or Ctrl-C.
    """
    ledger = Ledger.of(settings)
    run = Run(settings, pipeline, ledger, run_id or new_run_id(), options or Options(), by)
    with living(ledger, run.run_id):
        digest, here = digest_of(pipeline), environment(pipeline)
        ledger.begin_run(run.run_id, pipeline.pipeline, command=command, code_version=here[CODE], config_digest=digest)
        record_origin(ledger, run.run_id, digest, Origin(to_plain(pipeline), here))
        outcome = "failed"
        try:
            with _stopping_cleanly():
                yield run
            outcome = "done"
        except (KeyboardInterrupt, StoppedError):
            outcome = "canceled"
            msg = "The run was stopped; finished nights stay, the others are as before. Run again to go on."
            raise StoppedError(msg) from None
        finally:
            ledger.end_run(run.run_id, outcome)


@contextmanager
def _stopping_cleanly() -> Iterator[None]:
    """SIGTERM becomes an exception, so that leases and locks are released on the way out."""

    def stop(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: the orchestrator that runs us there has its own ways
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
