"""What a run leaves in the ledger, without running: for tests of what others make of it."""

from collections.abc import Collection
from datetime import date
from pathlib import Path

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.plan import tasks
from jobs.raw.deliveries import path_of
from jobs.results import NightResult, Outcome, StepResult


def say(ledger: Ledger, pipeline: Pipeline, run_id: str, nights: Collection[date], outcome: Outcome = "written", *, up_to: str = "") -> None:
    """What a run records that gives all nights one outcome; with `up_to`, of one whose process was killed after that step."""
    for task in tasks(pipeline):
        if task.step.nightly:
            results = tuple(NightResult(night=night, outcome=outcome, problem="broken" if outcome == "failed" else None) for night in sorted(nights))
            record = ledger.begin_step(run_id, pipeline.pipeline, step=task.step.name, item=task.item, nights="")
            done = StepResult(step=task.step.name, item=task.item, table=task.table, nights=results)
            ledger.end_step(record, done, seconds=1, peak_memory_mb=1)
            ledger.record_nights(run_id, pipeline.pipeline, task.table, results)
        if up_to == task.step.name:
            return


def ingest(ledger: Ledger, pipeline: Pipeline, folder: Path, feed: str, nights: Collection[date]) -> None:
    """What the ledger records of deliveries that were taken in as they lie there."""
    stats = {night: path_of(pipeline.feeds[feed], night, folder).stat() for night in nights}
    about = {"generation": 1, "rows": 1, "checksum": "", "fingerprint": "", "version": 0, "run_id": "r"}
    slices = [
        Slice(night=night, known_night=night, detail={"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}, **about)  # type: ignore[arg-type]
        for night, stat in stats.items()
    ]
    ledger.record_slices(pipeline.pipeline, f"raw/{feed}", slices, version=0)
