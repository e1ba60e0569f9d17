"""One recorded run, and with it one Spark session, for all assets of a Dagster run; the ledger knows it by Dagster's run id."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from assets.launcher import announce
from jobs.config.pipeline import Pipeline
from jobs.errors import MatinsError, RetryableError
from jobs.nightly import require_night
from jobs.nights import Nights, utc_now
from jobs.plan import Task
from jobs.results import StepResult
from jobs.runner import Run, opened
from jobs.settings import read_settings
from jobs.work import Options, new_run_id

RETRIES, SECONDS_BETWEEN = 2, 20
CONFIG: dict[str, Any] = {
    "champion": dg.Field(str, default_value="current", description="The version that scores: `current`, `as-of` (each night's own champion), or its number."),
    "replace": dg.Field(bool, default_value=False, description="Also nights that were scored under another policy."),
    "pages": dg.Field(bool, default_value=True, description="Great Expectations' and Evidently's pages."),
}


@dataclass
class Session:
    """What the assets of one run share."""

    run: Run
    ended_by: BaseException | None = None

    def do(self, task: Task, nights: Nights, *, segments: tuple[tuple[str, int], ...] = ()) -> StepResult:
        """Run a task, and say in Dagster's words what stops it.

        Raises:
            dg.RetryRequested: trying again may cure it.
            dg.Failure: it would not.
        """
        run = replace(self.run, options=replace(self.run.options, segments=segments))
        try:
            with self._remembering():
                for night in {min(nights), max(nights)}:
                    require_night(run.pipeline, night, utc_now())
                return run.do(task, nights)
        except RetryableError as error:
            raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=SECONDS_BETWEEN) from error
        except MatinsError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error

    def end(self) -> None:
        """Raise what has ended the run, if anything did."""
        if self.ended_by:
            raise self.ended_by

    @contextmanager
    def _remembering(self) -> Iterator[None]:
        self.ended_by = None
        try:
            yield
        except BaseException as error:
            self.ended_by = KeyboardInterrupt() if isinstance(error, DagsterExecutionInterruptedError) else error
            raise


def resource_name(pipeline: Pipeline) -> str:
    """The key of the pipeline's session among Dagster's resources."""
    return f"{pipeline.pipeline}_run"


def session_of(pipeline: Pipeline) -> dg.ResourceDefinition:
    """A resource that opens the run when Dagster's begins and closes it when that ends."""

    @dg.resource(config_schema=CONFIG, description=f"A recorded run of `{pipeline.pipeline}`")
    def session(context: dg.InitResourceContext) -> Iterator[Session]:
        if context.run and context.instance:
            announce(context.instance, context.run)
        yield from recorded(pipeline, run_id=context.run.run_id if context.run else new_run_id(), options=Options(**context.resource_config))

    return session


def recorded(pipeline: Pipeline, *, run_id: str, options: Options, opening: Callable[..., Any] = opened) -> Iterator[Session]:
    """A session; what ended it, if anything did, is recorded as for the command."""
    session = None
    _name_main()
    try:
        with opening(read_settings(), pipeline, command="dagster", options=options, run_id=run_id, by="dagster") as run:
            session = Session(run)
            yield session
            # Dagster never throws into a resource: the ledger would take every run for a good one.
            session.end()
    except BaseException:
        if session is None or session.ended_by is None:
            raise


def _name_main() -> None:
    """Dagster's run workers have a main module without origin; PySpark takes that for a doctest and ends the process (`pyspark/sql/connect/utils.py`)."""
    main = sys.modules["__main__"]
    if main.__spec__ is None and not hasattr(main, "__file__"):
        main.__spec__ = ModuleSpec("__main__", None)
