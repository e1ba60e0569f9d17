"""Published: each night in the warehouse exactly once; what is already there as it should be is left alone."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Any, Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from jobs.errors import DataError
from jobs.failpoints import reached
from jobs.ledger.leases import Lease, lease
from jobs.ledger.ledger import Slice
from jobs.nights import Nights
from jobs.published.loading import Load, loads
from jobs.published.sums import Sums, sums_of
from jobs.published.warehouse import OutOfReachError, Warehouse, opened
from jobs.results import NightResult, StepResult
from jobs.work import Work

ATTEMPTS: Final = 4
"""At a server; between them 1, 2 and 4 seconds."""


def run(work: Work, nights: Nights) -> StepResult:
    """Publish the nights whose predictions the warehouse does not show yet."""
    results: dict[date, NightResult] = {}
    with opened(work.settings.warehouse_url, work.pipeline, work.item) as warehouse, lease(work.ledger, f"warehouse/{warehouse.table.name}") as turn:
        attempts = 1 if warehouse.is_file else ATTEMPTS  # a file's lock has been waited for already
        for attempt in Retrying(retry=retry_if_exception_type(OutOfReachError), stop=stop_after_attempt(attempts), wait=wait_exponential(), reraise=True):
            with attempt:
                _publish_all(work, warehouse, nights, turn, results)
    return StepResult(step="published", item=work.item, table=work.table, nights=tuple(results[night] for night in nights))


def _publish_all(work: Work, warehouse: Warehouse, nights: Nights, turn: Lease, results: dict[date, NightResult]) -> None:
    """What the publish ledger does not show yet; it also knows whether a COMMIT came true whose answer was lost."""
    predictions, drift = _scored(work), work.lake.current(f"{work.item}/drift_report")
    shown = warehouse.published()
    idle = {night: _idle(work, night, predictions.get(night), drift.get(night), shown.get(night)) for night in nights}
    results |= {night: one for night, one in idle.items() if one and night not in results}
    pending = [night for night, one in idle.items() if one is None]
    for night, one in _publish(work, warehouse, pending, predictions, turn) if pending else ():
        results[night] = one


def due(work: Work, nights: Nights, shown: Mapping[date, dict[str, Any]]) -> dict[date, str]:
    """The nights that a run of `nights` would publish, and why, when the warehouse shows `shown`."""
    predictions, drift = _scored(work), work.lake.current(f"{work.item}/drift_report")
    pending = [night for night in nights if _idle(work, night, predictions.get(night), drift.get(night), shown.get(night)) is None]
    return {night: f"the warehouse shows g{shown[night]['generation']}" if night in shown else "never published" for night in pending}


def _scored(work: Work) -> dict[date, Slice]:
    return work.lake.current(f"{work.item}/predictions", restated=work.options.restate)


def _idle(work: Work, night: date, scored: Slice | None, drift: Slice | None, shown: dict[str, Any] | None) -> NightResult | None:
    """The result of a night that cannot or need not be published."""
    if scored is None or (problem := _obstacle(work, scored, drift)):
        return NightResult(night=night, outcome="failed", problem=f"there are no predictions of night {night} to publish." if scored is None else problem)
    if shown and (shown["generation"], shown["checksum"]) == (scored.generation, scored.checksum):
        return NightResult(night=night, outcome="unchanged", generation=scored.generation, rows=scored.rows, detail=scored.detail)
    if shown and shown["restated"] and shown["generation"] > scored.generation:
        # It was asked for, after these scores were made: a run that goes by must not take it back.
        return NightResult(night=night, outcome="unchanged", generation=shown["generation"], rows=shown["rows"], notes=("shown as restated",))
    return None


def _publish(work: Work, warehouse: Warehouse, due: list[date], predictions: Mapping[date, Slice], turn: Lease) -> Iterator[tuple[date, NightResult]]:
    rows = work.lake.read(f"{work.item}/predictions", due).frame.where(F.col("restated") == F.lit(work.options.restate))
    with ThreadPoolExecutor(1) as beside:
        sums: Future[dict[date, Sums]] | None = None
        for night, load in loads(warehouse.engine.dialect.name, rows, warehouse.table, {night: predictions[night] for night in due}):
            # Only now, with rows on their way: Spark adds them up while the database takes them in.
            sums = sums or beside.submit(_sums, work, rows, due, predictions)
            one = predictions[night]
            # Said before it is done: if the answer is lost, the ledger says that it was, and this run that it did it.
            yield night, NightResult(night=night, outcome="written", generation=one.generation, rows=one.rows, detail=one.detail)
            reached("published.before_commit")
            # A run that slept through its turn would put older rows in the place of newer ones.
            with turn.commit_lock():
                _put(warehouse, night, load, sums, _entry(one))
            reached("published.after_commit")
        if sums is None:
            _sums(work, rows, due, predictions)


def _put(warehouse: Warehouse, night: date, load: Load, sums: Future[dict[date, Sums]], entry: dict[str, Any]) -> None:
    try:
        warehouse.publish(night, load, lambda: sums.result()[night], entry)
    except DataError:
        sums.result()  # where a row does not fit, this says which
        raise


def _sums(work: Work, rows: DataFrame, due: list[date], predictions: Mapping[date, Slice]) -> dict[date, Sums]:
    found = sums_of(rows, work.pipeline)
    if lost := [night for night in due if night not in found]:
        rows_then = predictions[lost[0]].rows
        msg = f"{work.item}/predictions has no rows of night {lost[0]}, though {rows_then} were committed; nothing was published. Score it again."
        raise DataError(msg)
    return found


def _entry(one: Slice) -> dict[str, Any]:
    same = {"generation": one.generation, "checksum": one.checksum, "run_id": one.run_id, "delta_version": one.version}
    return {**same, "model_version": one.detail["champion"], "policy": one.detail.get("policy", "current"), "restated": one.restated}


def _obstacle(work: Work, scored: Slice, drift: Slice | None) -> str | None:
    night, limit = scored.night, work.model.drift.stop_publishing_above
    if not scored.rows:
        return f"night {night} has no predictions to publish."
    if limit is None:
        return None
    if drift is None:
        return f"the drift of night {night} was not measured, and `stop_publishing_above: {limit}` needs it."
    if drift.counts["score_psi"] > limit:
        return f"the score of night {night} has drifted by {drift.counts['score_psi']:.2f}, above `stop_publishing_above: {limit}`; look at the drift report."
    return None
