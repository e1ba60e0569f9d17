"""The rows behind the pages, from tables of this release, of an earlier one, and from none."""

from datetime import date

import numpy as np
import pytest
from made_year import drift_of, tally_of
from pyspark.sql import SparkSession

from jobs.config.pipeline import Pipeline
from jobs.lake.lake import Draft, Lake
from jobs.ledger.ledger import Ledger
from jobs.plan import tasks
from jobs.reading import ledger_to_read, work_to_read
from jobs.report.step import due
from jobs.report.tables import FARTHEST, drift_rows, farthest, part_rows, worst_parts
from jobs.settings import Settings
from jobs.watch.facts import Facts

NIGHT, BEFORE = date(2024, 1, 9), date(2024, 1, 7)
FACTS = Facts(kind="binary", loss="log_loss")


@pytest.fixture
def lake(spark: SparkSession, home: Settings) -> Lake:
    return Lake(spark, Ledger.of(home), root=home.lake, pipeline="tiny", run_id="r1")


def test_the_farthest_features_come_after_the_score(lake: Lake) -> None:
    made = drift_of([BEFORE, NIGHT]).drop(columns="reach")
    drafts = [Draft(night=night, fingerprint="f") for night in (BEFORE, NIGHT)]
    lake.commit(lake.spark.createDataFrame(made), "returned/drift_report", drafts, step="drift_report")
    rows = drift_rows(lake, "returned", [NIGHT])
    assert set(rows["night"]) == {NIGHT}
    reaches = [one["reach"] for one in farthest(rows)[1:]]
    assert farthest(rows)[0]["name"] == "score"
    assert len(reaches) == FARTHEST
    assert reaches == sorted(reaches, reverse=True)


def test_what_an_earlier_release_has_not_measured_is_missing(lake: Lake) -> None:
    old = [(NIGHT, "score", 0.3, "drifted", 0.0, 0.1, 1)]
    schema = "night date, name string, psi double, state string, missing double, reference_missing double, model_version int"
    lake.commit(lake.spark.createDataFrame(old, schema), "returned/drift_report", [Draft(night=NIGHT, fingerprint="f")], step="drift_report")
    (score,) = farthest(drift_rows(lake, "returned", [NIGHT]))
    assert (score["state"], score["reference_missing"]) == ("drifted", 0.1)
    assert [score[name] for name in ("distance", "mark", "weight", "unseen", "reach")] == [None] * 5
    measured = lake.spark.createDataFrame([(NIGHT, BEFORE, 1, 60)], "night date, scored_night date, model_version int, rows bigint")
    lake.commit(measured, "returned/performance", [Draft(night=NIGHT, fingerprint="f")], step="performance")
    assert part_rows(lake, "returned", [NIGHT]).empty


def test_a_table_that_nobody_has_made_has_no_rows(lake: Lake) -> None:
    assert farthest(drift_rows(lake, "returned", [NIGHT])) == []
    assert worst_parts(part_rows(lake, "returned", [NIGHT]), FACTS) == []


def test_the_worst_part_comes_first_and_handfuls_are_left_out(lake: Lake) -> None:
    few, bad = np.array(tally_of(FACTS, NIGHT, 1)), np.array(tally_of(FACTS, NIGHT, 2))
    few /= 100
    bad[3] *= 2
    parts = {"": tally_of(FACTS, NIGHT), "shop=ada": tally_of(FACTS, NIGHT, 3), "shop=few": few.tolist(), "shop=bad": bad.tolist()}
    rows = [(NIGHT, BEFORE, 1, name, kind, tally) for kind in ("realised", "estimated") for name, tally in parts.items()]
    schema = "night date, scored_night date, model_version int, slice string, kind string, tally array<double>"
    lake.commit(lake.spark.createDataFrame(rows, schema), "returned/performance", [Draft(night=NIGHT, fingerprint="f")], step="performance")
    found = worst_parts(part_rows(lake, "returned", [NIGHT]), FACTS)
    assert [name for name, _ in found] == ["shop=bad", "shop=ada"]
    assert found[0][1].nights == (BEFORE,)


def test_asking_what_is_due_writes_nothing(home: Settings, pipeline: Pipeline) -> None:
    empty = home.model_copy(update={"home": home.root / "empty"})
    task = next(task for task in tasks(pipeline) if task.step.name == "report")
    assert due(work_to_read(empty, pipeline, ledger_to_read(empty), task), [NIGHT]) == {NIGHT: "never written"}
    assert not empty.root.exists()
