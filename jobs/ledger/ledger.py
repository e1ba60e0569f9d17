"""The ledger: what ran, on which versions, what was decided."""

import getpass
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

from filelock import FileLock
from sqlalchemy import Connection, Table, Update, delete, insert, select, update
from sqlalchemy.exc import OperationalError

from jobs.errors import RetryableError, UsageError
from jobs.ledger import tables as t
from jobs.ledger.decisions import append, set_up
from jobs.ledger.engines import open_engine
from jobs.nights import utc_now
from jobs.results import NightResult, StepResult
from jobs.settings import Settings

DIED: Final = "its process died"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One generation of one night of one table, as committed."""

    night: date
    generation: int
    known_night: date
    restated: bool = False
    rows: int
    checksum: str
    fingerprint: str
    """Digest of everything that the content rests on: inputs and configuration."""
    version: int
    """The Delta version that brought it."""
    run_id: str
    counts: Mapping[str, float] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)


class Ledger:
    """A database of records; every write is one short transaction."""

    def __init__(self, url: str, *, home: Path) -> None:
        self.engine = open_engine(url)
        self.locks = home / "locks"
        self.locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self.locks / "ledger-setup.lock"), _in_words("opened"):
            set_up(self.engine)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The ledger that the settings name."""
        return cls(settings.ledger_url, home=settings.root)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction.

        Raises:
            RetryableError: the database is busy, full or out of reach.
        """
        with _in_words("written"), self.engine.begin() as connection:
            yield connection

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        with _in_words("read"), self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def begin_run(self, run_id: str, pipeline: str, **about: str) -> None:
        """Record that a run has started, or that a later process goes on with it; `about` has command, code_version and config_digest.

        Raises:
            UsageError: the run is another pipeline's.
        """
        who = {"user": getpass.getuser(), "host": socket.gethostname()}
        row = {"ended_at": None, "outcome": "started", **who, **about}
        with self.writing() as connection:
            whose = connection.execute(select(t.runs.c.pipeline).where(t.runs.c.run_id == run_id)).scalar()
            if whose is None:
                connection.execute(insert(t.runs).values(run_id=run_id, pipeline=pipeline, started_at=utc_now(), **row))
            elif whose != pipeline:
                msg = f"The run {run_id!r} is one of `{whose}`, not of `{pipeline}`; give each pipeline's run an id of its own, or none."
                raise UsageError(msg)
            else:
                # Its processes take turns, so that a step which is open was another's, and that one is gone.
                connection.execute(_lost(t.step_runs, run_id, message=DIED))
                connection.execute(update(t.runs).where(t.runs.c.run_id == run_id).values(row))

    def end_run(self, run_id: str, outcome: str) -> None:
        """Record how a run ended."""
        with self.writing() as connection:
            connection.execute(update(t.runs).where(t.runs.c.run_id == run_id).values(ended_at=utc_now(), outcome=outcome))

    def unended_runs(self, host: str) -> list[str]:
        """The runs of a host that have not recorded their end."""
        return [row["run_id"] for row in self._rows(select(t.runs.c.run_id).where(t.runs.c.outcome == "started", t.runs.c.host == host))]

    def end_lost_run(self, run_id: str) -> None:
        """Record that the run's process is gone, and with it the step that it was at."""
        with self.writing() as connection:
            connection.execute(_lost(t.runs, run_id))
            connection.execute(_lost(t.step_runs, run_id, message=DIED))

    def attempts(self, pipeline: str) -> list[dict[str, Any]]:
        """Who has begun each night, and how that run stands; by night, the first attempt first."""
        c = t.attempts.c
        query = select(c.night, c.attempt, c.by, c.run_id, t.runs.c.outcome).join_from(t.attempts, t.runs, t.runs.c.run_id == c.run_id)
        return self._rows(query.where(c.pipeline == pipeline).order_by(c.night, c.attempt))

    def begin_step(self, run_id: str, pipeline: str, *, step: str, item: str, nights: str) -> int:
        """Record that a step has started; returns the record's id."""
        values = {"run_id": run_id, "pipeline": pipeline, "step": step, "item": item, "nights": nights, "started_at": utc_now(), "outcome": "started"}
        with self.writing() as connection:
            return int(connection.execute(insert(t.step_runs).values(values).returning(t.step_runs.c.id)).scalar_one())

    def end_step(self, record: int, result: StepResult | None, *, seconds: float, peak_memory_mb: float, message: str = "") -> None:
        """Record what a step did; without a result, that it failed with `message`."""
        values: dict[str, Any] = {"ended_at": utc_now(), "seconds": seconds, "peak_memory_mb": peak_memory_mb, "message": message, "outcome": "failed"}
        if result:
            outputs = {"table": result.table, "version": result.version, "nights": {str(n.night): n.outcome for n in result.nights}}
            message = message or "\n".join(f"{night.night}: {night.problem}" for night in result.failed)
            values |= {
                "rows": result.rows,
                "device": result.device,
                "outcome": result.outcome,
                "inputs": dict(result.inputs),
                "outputs": outputs,
                "message": message,
            }
        with self.writing() as connection:
            connection.execute(update(t.step_runs).where(t.step_runs.c.id == record).values(values))

    def step_runs(self, pipeline: str, *, run_id: str | None = None) -> list[dict[str, Any]]:
        """Step runs, oldest first."""
        query = select(t.step_runs).where(t.step_runs.c.pipeline == pipeline).order_by(t.step_runs.c.id)
        return self._rows(query.where(t.step_runs.c.run_id == run_id) if run_id else query)

    def record_nights(self, run_id: str, pipeline: str, table: str, nights: Iterable[NightResult]) -> None:
        """The newest state of each night of a table, for `status` and the orchestrators."""
        c = t.night_states.c
        rows = [
            {
                "pipeline": pipeline,
                "table_name": table,
                "night": n.night,
                "outcome": n.outcome,
                "problem": n.problem,
                "notes": list(n.notes),
                "run_id": run_id,
                "at": utc_now(),
            }
            for n in nights
        ]
        if rows:
            with self.writing() as connection:
                connection.execute(delete(t.night_states).where(c.pipeline == pipeline, c.table_name == table, c.night.in_([row["night"] for row in rows])))
                connection.execute(insert(t.night_states), rows)

    def night_states(self, pipeline: str) -> list[dict[str, Any]]:
        """The newest recorded state of every night of every table."""
        return self._rows(select(t.night_states).where(t.night_states.c.pipeline == pipeline).order_by(t.night_states.c.night))

    def slices(self, pipeline: str, table: str) -> list[Slice]:
        """Every slice of a table, oldest night and generation first."""
        c = t.slices.c
        rows = self._rows(select(t.slices).where(c.pipeline == pipeline, c.table_name == table).order_by(c.night, c.restated, c.generation))
        return [Slice(**{key: value for key, value in row.items() if key not in {"pipeline", "table_name"}}) for row in rows]

    def known_version(self, pipeline: str, table: str) -> int:
        """The newest Delta version of the table that the ledger has taken in; -1 before the first."""
        c = t.table_versions.c
        rows = self._rows(select(c.version).where(c.pipeline == pipeline, c.table_name == table))
        return int(rows[0]["version"]) if rows else -1

    def record_slices(self, pipeline: str, table: str, slices: Sequence[Slice], *, version: int, replace_all: bool = False) -> None:
        """Add or replace slices, and the table version up to which the ledger is complete."""
        c, v = t.slices.c, t.table_versions.c
        whose = (c.pipeline == pipeline, c.table_name == table)
        with self.writing() as connection:
            if replace_all:
                connection.execute(delete(t.slices).where(*whose))
            for one in slices:
                connection.execute(delete(t.slices).where(*whose, c.night == one.night, c.generation == one.generation, c.restated == one.restated))
            if slices:
                connection.execute(insert(t.slices), [{"pipeline": pipeline, "table_name": table, **asdict(one)} for one in slices])
            connection.execute(delete(t.table_versions).where(v.pipeline == pipeline, v.table_name == table))
            connection.execute(insert(t.table_versions).values(pipeline=pipeline, table_name=table, version=version))

    def decide(self, pipeline: str, model: str, act: str, **about: Any) -> None:
        """Record a decision; `about` has version, former, night, by, reason, evidence and run_id."""
        self.decide_together(pipeline, model, [{"act": act, **about}])

    def decide_together(self, pipeline: str, model: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Record decisions of which one brings the other, all or none; each has `act` and what `decide` takes."""
        with self.writing() as connection:
            append(connection, [{"pipeline": pipeline, "model": model, **row} for row in rows])

    def decisions(self, pipeline: str, model: str | None = None) -> list[dict[str, Any]]:
        """Decisions, oldest first."""
        query = select(t.decisions).where(t.decisions.c.pipeline == pipeline).order_by(t.decisions.c.id)
        return self._rows(query.where(t.decisions.c.model == model) if model else query)

    def every_decision(self) -> list[dict[str, Any]]:
        """Those of all pipelines with their links, as they follow each other."""
        return self._rows(select(t.decisions).order_by(t.decisions.c.id))

    def record_retraining(self, pipeline: str, model: str, night: date, **about: Any) -> None:
        """Record what a night has decided, in the place of what it had decided before; `about` has act, reason, inputs, fingerprint and run_id."""
        c = t.retrainings.c
        with self.writing() as connection:
            connection.execute(delete(t.retrainings).where(c.pipeline == pipeline, c.model == model, c.night == night))
            connection.execute(insert(t.retrainings).values(pipeline=pipeline, model=model, night=night, at=utc_now(), **about))

    def retrainings(self, pipeline: str, model: str) -> list[dict[str, Any]]:
        """Each night's decision to retrain or not, oldest night first."""
        c = t.retrainings.c
        return self._rows(select(t.retrainings).where(c.pipeline == pipeline, c.model == model).order_by(c.night))

    def record_alert(self, pipeline: str, rule: str, subject: str, opened: date, **about: Any) -> None:
        """Record the state of an episode; `about` has severity, sentence, last, resolved, told and told_resolved."""
        c = t.alerts.c
        with self.writing() as connection:
            connection.execute(delete(t.alerts).where(c.pipeline == pipeline, c.rule == rule, c.subject == subject, c.opened == opened))
            connection.execute(insert(t.alerts).values(pipeline=pipeline, rule=rule, subject=subject, opened=opened, **about))

    def alerts(self, pipeline: str) -> list[dict[str, Any]]:
        """Episodes of alerts, oldest first."""
        return self._rows(select(t.alerts).where(t.alerts.c.pipeline == pipeline).order_by(t.alerts.c.opened, t.alerts.c.rule, t.alerts.c.subject))


def _lost(table: Table, run_id: str, **more: str) -> Update:
    return update(table).where(table.c.run_id == run_id, table.c.outcome == "started").values(ended_at=utc_now(), outcome="died", **more)


@contextmanager
def _in_words(act: str) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        msg = f"The ledger cannot be {act}: {error.orig}. Nothing was recorded; free the disk, the lock or the permission and run again."
        raise RetryableError(msg) from error
