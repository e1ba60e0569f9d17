"""Published: each night in the warehouse exactly once; what is already there as it should be is left alone."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby, islice
from typing import Any

from pyspark.sql import functions as F

from jobs.failpoints import reached
from jobs.ledger.leases import Lease, lease
from jobs.ledger.ledger import Slice
from jobs.nights import Nights
from jobs.published.warehouse import CHUNK, Warehouse, opened
from jobs.results import NightResult, StepResult
from jobs.work import Work


def run(work: Work, nights: Nights) -> StepResult:
    """Publish the nights whose predictions the warehouse does not show yet."""
    with opened(work.settings.warehouse_url, work.pipeline, work.item) as warehouse:
        return StepResult(step="published", item=work.item, table=work.table, nights=_published(work, warehouse, nights))


def _published(work: Work, warehouse: Warehouse, nights: Nights) -> tuple[NightResult, ...]:
    predictions, drift = work.lake.current(f"{work.item}/predictions"), work.lake.current(f"{work.item}/drift_report")
    with lease(work.ledger, f"warehouse/{warehouse.table.name}") as turn:
        shown = warehouse.published()
        results = {night: _idle(work, night, predictions.get(night), drift.get(night), shown.get(night)) for night in nights}
        pending = [night for night in nights if results[night] is None]
        results |= _publish(work, warehouse, pending, predictions, turn) if pending else {}
    return tuple(result for result in results.values() if result)


def due(work: Work, nights: Nights, shown: Mapping[date, dict[str, Any]]) -> dict[date, str]:
    """The nights that a run of `nights` would publish, and why, when the warehouse shows `shown`."""
    predictions, drift = work.lake.current(f"{work.item}/predictions"), work.lake.current(f"{work.item}/drift_report")
    pending = [night for night in nights if _idle(work, night, predictions.get(night), drift.get(night), shown.get(night)) is None]
    return {night: f"the warehouse shows g{shown[night]['generation']}" if night in shown else "never published" for night in pending}


def _idle(work: Work, night: date, scored: Slice | None, drift: Slice | None, shown: dict[str, Any] | None) -> NightResult | None:
    """The result of a night that cannot or need not be published."""
    if scored is None or (problem := _obstacle(work, scored, drift)):
        return NightResult(night=night, outcome="failed", problem=f"there are no predictions of night {night} to publish." if scored is None else problem)
    if shown and (shown["generation"], shown["checksum"]) == (scored.generation, scored.checksum):
        return NightResult(night=night, outcome="unchanged", generation=scored.generation, rows=scored.rows, detail=scored.detail)
    return None


def _publish(work: Work, warehouse: Warehouse, due: list[date], predictions: Mapping[date, Slice], turn: Lease) -> dict[date, NightResult]:
    columns = [column.name for column in warehouse.table.columns if column.name != "published_at"]
    rows = work.lake.read(f"{work.item}/predictions", due).frame.where(~F.col("restated")).select(*columns)
    results = {}
    for night, found in groupby(rows.orderBy("night", *work.pipeline.rows.key).toLocalIterator(), key=lambda row: row["night"]):
        one = predictions[night]
        reached("published.before_commit")
        # A run that slept through its turn would put older rows in the place of newer ones.
        with turn.commit_lock():
            warehouse.replace(night, batched((row.asDict() for row in found), CHUNK), _entry(one))
        reached("published.after_commit")
        results[night] = NightResult(night=night, outcome="written", generation=one.generation, rows=one.rows, detail=one.detail)
    return results


def _entry(one: Slice) -> dict[str, Any]:
    same = {"generation": one.generation, "rows": one.rows, "checksum": one.checksum, "run_id": one.run_id}
    return {**same, "delta_version": one.version, "model_version": one.detail["champion"]}


def batched(rows: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Lists of at most `size` rows."""
    rows = iter(rows)
    while chunk := list(islice(rows, size)):
        yield chunk


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
