"""Report: a page for each night and one for all nights, made again where what they say has changed."""

from collections.abc import Collection, Mapping
from datetime import date

from jobs.ledger.leases import lease
from jobs.nights import Nights
from jobs.report.index import Index, index_of
from jobs.report.kept import digest_in, put
from jobs.report.links import Pages
from jobs.report.night import Night, night_of, touched
from jobs.report.page import digest_of, index_page, night_page
from jobs.report.records import Records, read_records
from jobs.results import NightResult, StepResult, written_or_not
from jobs.work import Work


def run(work: Work, nights: Nights) -> StepResult:
    """Write the pages of the nights, those of other nights of which they say something new, and the page of all nights."""
    # One writer at a time, as for a table: two would take each other's halves for their own.
    with lease(work.ledger, f"reports/{work.pipeline.pipeline}"):
        records, pages = _read(work, nights)
        changed = _changed(records, pages, touched(records, pages, nights))
        index = index_of(records, pages)
        is_new = digest_in(pages.index) != digest_of(index)
        written = _write(records, pages, changed, index) if changed or is_new else []
    results = tuple(_result(night, pages, changed) for night in nights)
    return StepResult(step="report", item="", table=work.table, nights=results, reports=tuple(written))


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights whose page a run of `nights` would write, and why."""
    records, pages = _read(work, nights)
    return {night: "what it says changed" if pages.path(night).is_file() else "never written" for night in _changed(records, pages, nights)}


def _read(work: Work, nights: Nights) -> tuple[Records, Pages]:
    folder = work.settings.reports / work.pipeline.pipeline
    return read_records(work.ledger, work.pipeline, work.settings), Pages.of(folder, nights)


def _changed(records: Records, pages: Pages, nights: Nights) -> dict[date, Night]:
    views = {night: night_of(records, pages, night) for night in nights}
    return {night: view for night, view in views.items() if digest_in(pages.path(night)) != digest_of(view)}


def _write(records: Records, pages: Pages, changed: Mapping[date, Night], index: Index) -> list[str]:
    written = [put(pages.path(night), night_page(view, records)) for night, view in changed.items()]
    # Last, so that it never leads to a page that is not there yet.
    return [str(path) for path in [*written, put(pages.index, index_page(index, records))]]


def _result(night: date, pages: Pages, written: Collection[date]) -> NightResult:
    return NightResult(night=night, outcome=written_or_not(night, written), detail={"page": str(pages.path(night))})
