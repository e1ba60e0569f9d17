"""Dagster for real: a range of nights is one run, its bad nights are red alone, and a torn file beside it harms nobody."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from pyspark.sql import SparkSession

from assets.definitions import defs
from jobs.ledger.ledger import Ledger
from jobs.settings import Settings, read_settings
from tests.tiny import Tiny, write_pipeline

FIRST = date(2024, 1, 1)
HISTORY, AS_OF = 31, date(2024, 1, 31)
NIGHTS = [AS_OF + timedelta(days=n) for n in (1, 2, 3)]
UNDELIVERED = NIGHTS[1]
STEPS = ("predictions", "drift_report", "performance", "published")
# The second version must be far better than the first, which it cannot be: refused.
CHANGES: dict[str, Any] = {
    "feeds": {"weather": None, "shops": None},
    "features": {"lookup": None, "latest": None},
    "models": {"returned": {"gate": {"champion": {"superior": 0.5}}}},
}


@cache
def loaded() -> dg.Definitions:
    return defs()


def night_job() -> dg.JobDefinition:
    return loaded().resolve_job_def("tiny_night")


def training_job() -> dg.JobDefinition:
    training = dg.Definitions(jobs=[dg.define_asset_job("training", selection=[key("returned/model")])])
    return dg.Definitions.merge(loaded(), training).resolve_job_def("training")


class Dagster:
    """An instance of Dagster on a tiny pipeline."""

    def __init__(self, instance: dg.DagsterInstance, tiny: Tiny) -> None:
        self.instance, self.tiny = instance, tiny

    def range(self, first: date, last: date, *steps: str) -> dg.JobExecutionResult:
        """One run over a range of nights, of all steps or of some."""
        tags = {ASSET_PARTITION_RANGE_START_TAG: str(first), ASSET_PARTITION_RANGE_END_TAG: str(last)}
        nightly = night_job().asset_layer.selected_asset_keys
        selection = [key for key in nightly if key.path[-1] in steps or key.path[1] in steps] if steps else None
        config = {"resources": {"tiny_run": {"config": {"pages": False}}}}
        return dg.execute_job(dg.reconstructable(night_job), self.instance, config, tags=tags, asset_selection=selection)

    def train(self, as_of: date, segments: dict[str, int]) -> dg.JobExecutionResult:
        """One training."""
        config = {"ops": {"tiny__returned__model": {"config": {"as_of": str(as_of), "segments": segments}}}}
        return dg.execute_job(dg.reconstructable(training_job), self.instance, config)

    def nights(self, asset: str) -> tuple[set[str], set[str]]:
        """The asset's green and red partitions, as the page shows them."""
        partitions = loaded().resolve_asset_graph().get(key(asset)).partitions_def
        assert partitions
        found = get_and_update_asset_status_cache_value(self.instance, key(asset), partitions)
        assert found
        green, red = found.deserialize_materialized_partition_subsets(partitions), found.deserialize_failed_partition_subsets(partitions)
        return set(green.get_partition_keys()), set(red.get_partition_keys())

    def shown(self, asset: str, night: date) -> dict[str, object]:
        """The metadata of the asset's night."""
        event = self.instance.fetch_materializations(dg.AssetRecordsFilter(key(asset), asset_partitions=[str(night)]), limit=1).records[0]
        assert event.asset_materialization
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def key(asset: str) -> dg.AssetKey:
    return dg.AssetKey(["tiny", *asset.split("/")])


def failed_checks(result: dg.JobExecutionResult) -> dict[tuple[str, str, str | None], str]:
    """(asset, check, night) → severity."""
    events = [event.asset_check_evaluation_data for event in result.all_events if event.event_type_value == "ASSET_CHECK_EVALUATION"]
    return {("/".join(one.asset_key.path[1:]), one.check_name, one.partition): one.severity.value for one in events if not one.passed}


def outcomes(result: dg.JobExecutionResult) -> dict[str, str]:
    events = [event for event in result.all_events if event.is_step_success or event.is_step_failure]
    return {str(event.step_key).removeprefix("tiny__"): event.event_type_value for event in events}


@pytest.fixture(scope="module")
def dagster(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    home = tmp_path_factory.mktemp("dagster")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("instance"))) as instance:
        for name in ("MATINS_LAKE", "MATINS_LANDING", "MATINS_WAREHOUSE_URL", "MATINS_LEDGER_URL", "MLFLOW_TRACKING_URI", "MATINS_FAIL"):
            patch.delenv(name, raising=False)
        for name, value in {"MATINS_HOME": home, "MATINS_PIPELINES": home / "pipelines", "MATINS_SPARK_PROFILE": "test"}.items():
            patch.setenv(name, str(value))
        tiny = write_pipeline(home / "pipelines", home / "landing", nights=HISTORY + len(NIGHTS), rows=60, changes=CHANGES)
        (home / "pipelines" / "torn.yaml").write_text("pipeline: torn\nnights: 3\n", encoding="utf-8")
        tiny.file("orders", UNDELIVERED).unlink()
        loaded.cache_clear()
        yield Dagster(instance, tiny)
    loaded.cache_clear()


@pytest.fixture(scope="module")
def history(dagster: Dagster) -> dg.JobExecutionResult:
    return dagster.range(FIRST, AS_OF, "raw", "validated", "features")


@pytest.fixture(scope="module")
def trained(dagster: Dagster, history: dg.JobExecutionResult) -> dg.JobExecutionResult:
    first = dagster.train(AS_OF, {})
    assert first.success
    return first


@pytest.fixture(scope="module")
def nights(dagster: Dagster, trained: dg.JobExecutionResult) -> dg.JobExecutionResult:
    return dagster.range(NIGHTS[0], NIGHTS[-1])


@pytest.fixture(scope="module")
def refused(dagster: Dagster, nights: dg.JobExecutionResult) -> dg.JobExecutionResult:
    return dagster.train(AS_OF, {"holdout": 6})


def test_a_torn_file_is_shown_and_takes_no_other_down(dagster: Dagster) -> None:
    graph = loaded().resolve_asset_graph()
    torn = graph.get(dg.AssetKey(["torn", "broken"]))
    assert "torn.yaml: " in (torn.description or "")
    assert {"flights", "tiny"} <= {asset.path[0] for asset in graph.get_all_asset_keys()}


def test_a_range_is_one_run_with_metadata_per_night(dagster: Dagster, history: dg.JobExecutionResult) -> None:
    assert history.success
    shown = dagster.shown("validated/orders", AS_OF)
    assert shown["balance"] == "60 in = 60 good + 0 bad + 0 duplicates"
    assert shown["dagster/partition_row_count"] == 60
    assert dagster.nights("features") == ({str(FIRST + timedelta(days=n)) for n in range(HISTORY)}, set())


def test_ledger_and_dagster_meet_in_the_run_id(history: dg.JobExecutionResult) -> None:
    settings: Settings = read_settings()
    recorded = Ledger.of(settings).step_runs("tiny", run_id=history.run_id)
    assert [one["outcome"] for one in recorded] == ["written"] * 5


def test_a_training_shows_its_verdict_and_its_curves(dagster: Dagster, trained: dg.JobExecutionResult) -> None:
    assert trained.success
    shown = trained.asset_materializations_for_node("tiny__returned__model")[0].metadata
    assert "PASS" in str(shown["verdict"].value)
    assert "data:image/png;base64," in str(shown["roc"].value)
    assert "| roc_auc |" in str(shown["metrics"].value)


def test_a_bad_night_is_red_alone_and_the_others_go_all_the_way(dagster: Dagster, nights: dg.JobExecutionResult) -> None:
    assert not nights.success
    good = {str(night) for night in NIGHTS if night != UNDELIVERED}
    for asset in ("raw/orders", "validated/orders", "features", "returned/predictions", "returned/drift_report", "returned/published"):
        green, red = dagster.nights(asset)
        assert (good <= green, red) == (True, {str(UNDELIVERED)}), asset


def test_steps_that_a_bad_night_does_not_touch_are_green(nights: dg.JobExecutionResult) -> None:
    found = outcomes(nights)
    assert len(found) == 12
    looks_back = {"returned__retraining", "alerts", "report"}
    assert {step for step, outcome in found.items() if outcome == "STEP_SUCCESS"} - looks_back == {
        "raw__outcomes",
        "validated__outcomes",
        "returned__performance",
    }


def test_the_checks_of_a_bad_night_are_errors_and_say_which_night(nights: dg.JobExecutionResult) -> None:
    failed = failed_checks(nights)
    assert failed["raw/orders", "night", str(UNDELIVERED)] == "ERROR"
    assert {night for (_, name, night) in failed if name == "night"} == {str(UNDELIVERED), None}


def test_a_check_stays_red_although_the_last_night_is_green(dagster: Dagster, nights: dg.JobExecutionResult) -> None:
    check = dg.AssetCheckKey(key("raw/orders"), "night")
    record = dagster.instance.event_log_storage.get_latest_asset_check_execution_by_key([check])[check]
    assert record.status.value == "FAILED"
    assert record.event
    assert record.event.dagster_event
    said = record.event.dagster_event.asset_check_evaluation_data.description or ""
    assert said.startswith(f"1 of 3 nights\n{UNDELIVERED}: orders: no delivery")


def test_no_failure_of_data_is_tried_again(nights: dg.JobExecutionResult) -> None:
    assert not [event for event in nights.all_events if event.is_step_up_for_retry]


def test_a_night_that_is_mended_turns_green(dagster: Dagster, nights: dg.JobExecutionResult, tmp_path: Path) -> None:
    whole = write_pipeline(tmp_path / "pipelines", tmp_path / "landing", nights=HISTORY + len(NIGHTS), rows=60)
    dagster.tiny.file("orders", UNDELIVERED).write_bytes(whole.file("orders", UNDELIVERED).read_bytes())
    assert dagster.range(UNDELIVERED, UNDELIVERED).success
    assert dagster.nights("returned/published") == ({str(night) for night in NIGHTS}, set())


def test_a_refused_challenger_is_green_with_a_warning_and_makes_nothing_stale(trained: dg.JobExecutionResult, refused: dg.JobExecutionResult) -> None:
    assert refused.success
    assert failed_checks(refused) == {("returned/model", "gate", None): "WARN"}
    before, after = (result.asset_materializations_for_node("tiny__returned__model")[0] for result in (trained, refused))
    assert before.tags["dagster/data_version"] == after.tags["dagster/data_version"]
    assert "REFUSE" in str(after.metadata["verdict"].value)
