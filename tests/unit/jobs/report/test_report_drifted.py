"""Drift feature by feature, and the parts of a model's rows, from records of this release and of an earlier one."""

from dataclasses import replace
from datetime import date, timedelta

from made_year import YEAR, measured_of, part_of

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.plan import tasks
from jobs.reading import ledger_to_read, work_to_read
from jobs.report.drifted import FARTHEST, drift_rows, farthest
from jobs.report.records import Records
from jobs.report.standing import Standing
from jobs.report.step import due
from jobs.settings import Settings
from jobs.watch.facts import Facts
from jobs.watch.on_record import read_facts

NIGHT, BEFORE = YEAR[100], YEAR[98]


def report_of(night: date, **detail: object) -> Slice:
    return Slice(night=night, generation=1, known_night=night, rows=81, checksum="c", fingerprint="f", version=1, run_id="r1", detail=detail)


def test_the_farthest_features_come_after_the_score() -> None:
    reports = {night: report_of(night, measured=measured_of(night)) for night in (BEFORE, NIGHT)}
    rows = drift_rows(reports, [NIGHT])
    assert set(rows["night"]) == {NIGHT}
    reaches = [one["reach"] for one in farthest(rows)[1:]]
    assert farthest(rows)[0]["name"] == "score"
    assert len(reaches) == FARTHEST
    assert reaches == sorted(rows[rows["name"] != "score"]["reach"], reverse=True)[:FARTHEST]


def test_what_an_earlier_release_measured_has_no_features_on_record() -> None:
    assert farthest(drift_rows({NIGHT: report_of(NIGHT, state="steady")}, [NIGHT])) == []
    assert farthest(drift_rows({}, [NIGHT])) == []


def parts_on_record(ledger: Ledger, pipeline: Pipeline, nights: list[date]) -> Facts:
    facts = Facts(kind="binary", loss="log_loss")
    for night in nights:
        scored = night - timedelta(days=2)
        parts = {
            "shop=ada": part_of(facts, scored, 1, 3),
            "shop=few": part_of(facts, scored, 1, 1, all=0.001),
            "shop=bad": part_of(facts, scored, 1, 2, log_loss=2),
        }
        one = replace(report_of(night, realised={}, parts=parts), rows=3)
        ledger.record_slices("tiny", "returned/performance", [one], version=1)
    return read_facts(ledger, pipeline, "returned")


def test_the_worst_part_comes_first_with_an_interval_and_handfuls_are_left_out(ledger: Ledger, pipeline: Pipeline) -> None:
    facts = parts_on_record(ledger, pipeline, YEAR[60:101])
    found = Standing(facts, NIGHT, champion=1).parts()
    assert [name for name, _ in found] == ["shop=bad", "shop=ada"]
    (_, bad), (_, ada) = found
    assert bad.nights == tuple(YEAR[71:99])
    for one in (bad, ada):
        loss = one.metrics["log_loss"]
        assert loss.low is not None
        assert loss.high is not None
        assert loss.low < loss.value < loss.high
    assert Standing(facts, NIGHT, champion=2).parts() == []


def test_a_single_night_has_no_interval(ledger: Ledger, pipeline: Pipeline) -> None:
    ((_, one), _) = Standing(parts_on_record(ledger, pipeline, [NIGHT]), NIGHT, champion=1).parts()
    assert (one.nights, one.metrics["log_loss"].low) == ((BEFORE,), None)


def test_the_page_is_made_again_where_the_nights_behind_its_parts_changed(year: Records) -> None:
    night = date(2013, 6, 20)
    standing = Standing(year.facts["delayed"], night, champion=2)
    known = {one.night for one in year.facts["delayed"].parts["carrier=AA"][date(2013, 6, 12)]}
    assert known <= standing.consulted


def test_asking_what_is_due_writes_nothing(home: Settings, pipeline: Pipeline) -> None:
    empty = home.model_copy(update={"home": home.root / "empty"})
    task = next(task for task in tasks(pipeline) if task.step.name == "report")
    assert due(work_to_read(empty, pipeline, ledger_to_read(empty), task), [date(2024, 1, 9)]) == {date(2024, 1, 9): "never written"}
    assert not empty.root.exists()
