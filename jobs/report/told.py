"""A night in one word and one line: the very line that its run has printed."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from jobs.nightly import night_lines
from jobs.plan import Task, tasks
from jobs.report.records import Records, Row
from jobs.results import NightResult, StepResult
from jobs.shadow.idle import IDLE

Word = Literal["ok", "look", "red", "part"]
"""Green; green, and somebody should look; red; not scored by every model."""
NO_CONCERN: Final = frozenset({"performance"})
"""Steps whose notes say how things go in any pipeline's first nights."""


@dataclass(frozen=True)
class Told:
    """What is said of a night."""

    word: Word
    line: str
    """Without the pipeline's name and the night."""
    problems: tuple[tuple[str, str], ...] = ()
    """Of every red table: what went wrong."""


def told(records: Records, night: date) -> Told:
    """The night by its newest records.

    Args:
        records: what the ledger has.
        night: of which something is on record.
    """
    states = records.states.get(night, {})
    named = [task for task in tasks(records.pipeline) if task.table in states]
    lines = night_lines(records.pipeline, [_as_said(records, task, night, states[task.table]) for task in named])
    line = lines[0].removeprefix(f"{records.pipeline.pipeline} {night} ").strip() if lines else "nothing is on record"
    problems = tuple((table, str(one["problem"])) for table, one in states.items() if one["outcome"] == "failed")
    return Told(_word(records, night), line, problems)


def open_alerts(records: Records, night: date) -> list[Row]:
    """The episodes that had begun by a night and were not over."""
    return [one for one in records.alerts if one["opened"] <= night and (one["resolved"] is None or one["resolved"] > night)]


def _word(records: Records, night: date) -> Word:
    states = records.states.get(night, {})
    if any(one["outcome"] == "failed" for one in states.values()):
        return "red"
    if any(f"{model}/published" not in states for model in records.pipeline.models):
        return "part"
    noted = any({*(one["notes"] or ())} - {IDLE} for table, one in states.items() if not NO_CONCERN & {*table.split("/")})
    return "look" if noted or open_alerts(records, night) else "ok"


def _as_said(records: Records, task: Task, night: date, state: Row) -> StepResult:
    scored = f"{task.item}/predictions" if task.step.name == "published" else task.table
    one = records.current.get(scored, {}).get(night)
    generation = records.published.get(task.item, {}).get(night) or (one.generation if one else None)
    result = NightResult(
        night=night,
        # Whether the newest run had anything to do is no matter of the night's.
        outcome="written" if state["outcome"] == "unchanged" else state["outcome"],
        generation=generation,
        rows=one.rows if one else 0,
        counts=one.counts if one else {},
        notes=tuple(state["notes"] or ()),
        problem=state["problem"],
        detail=one.detail if one else {},
    )
    return StepResult(step=task.step.name, item=task.item, table=task.table, nights=(result,))
