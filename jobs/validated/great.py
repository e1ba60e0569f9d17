"""Great Expectations on the rows of a batch, once."""

import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import DataFrame

from jobs.config.expectations import Expectation
from jobs.config.feeds import Feed
from jobs.errors import DataError
from jobs.validated.counts import Counts
from jobs.validated.literals import arguments, rule_names
from jobs.validated.opinion import ROW_COUNT, Opinion, opinion_of
from jobs.validated.tables import AN_EXTREME, TableResult

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

# BOOLEAN_ONLY gives no counts. BASIC does, and with no examples asked for its extra queries are `LIMIT 0`, which Spark never runs.
RESULT_FORMAT: Final = {"result_format": "BASIC", "partial_unexpected_count": 0, "exclude_unexpected_values": True}


def second_opinion(rows: DataFrame, feed: Feed, *, ours: list[Counts]) -> Opinion:
    """Runs Great Expectations once over a batch.

    Args:
        rows: typed or judged rows, before the split; read several times, so worth persisting.
        feed: the contract.
        ours: our counts of the same rows. Table expectations are asked for when these are of one delivery only.

    Raises:
        DataError: the batch is empty, a result is missing, unreadable or of other rows than ours, or a metric raised.
        UsageError: an expectation's value does not fit its column.
    """
    total = sum(night.rows for night in ours)
    if not total:
        msg = "Great Expectations was given no rows; an empty delivery passes every row expectation, so it is red."
        raise DataError(msg)
    asked = _asked(feed, single_delivery=sum(night.rows > 0 for night in ours) == 1)
    calls = {rule: (expectation.name, arguments(expectation, feed)) for rule, expectation in asked.items()}
    delivered = rows.select(*(name for name in rows.columns if name in feed.kept))
    return opinion_of(_run(delivered, calls, total), asked, total)


def agree(ours: Iterable[Counts], tables: Iterable[TableResult], theirs: Opinion) -> None:
    """Asserts that both engines found the same.

    Args:
        ours: our counts of the batch's deliveries.
        tables: our results of the table expectations.
        theirs: Great Expectations' of the same rows.

    Raises:
        DataError: they differ; the text names each rule with both numbers.
    """
    counted = [night.unexpected for night in ours if night.rows]
    passed = {result.rule: result.passed for result in tables}
    pairs: list[tuple[str, object, object]] = [
        *((rule, sum(night.get(rule, -1) for night in counted), seen) for rule, seen in theirs.unexpected.items()),
        *((rule, passed.get(rule), seen) for rule, seen in theirs.passed.items()),
    ]
    if different := [f"`{rule}`: {mine} by Spark, {seen} by Great Expectations" for rule, mine, seen in pairs if mine != seen]:
        msg = f"The two engines disagree, so neither is believed: {'; '.join(different)}. This is a fault of the product: report it."
        raise DataError(msg)


def _asked(feed: Feed, *, single_delivery: bool) -> dict[str, Expectation]:
    rules = rule_names(feed).items()
    return {rule: expectation for rule, expectation in rules if expectation.of_rows or (single_delivery and _can_judge(expectation, feed))}


def _can_judge(expectation: Expectation, feed: Feed) -> bool:
    # It collects timestamps in the host's time zone and compares them with the bound as if they were UTC.
    return expectation.name not in AN_EXTREME or feed.kept[expectation.columns[0]].type != "timestamp"


def _run(rows: DataFrame, calls: Mapping[str, tuple[str, dict[str, Any]]], total: int) -> "ExpectationSuiteValidationResult":
    with quiet():
        import great_expectations as gx
        from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

        own = {ROW_COUNT: ("expect_table_row_count_to_equal", {"value": total})}
        suite = [ExpectationConfiguration(type=name, kwargs=given, meta={"rule": rule}) for rule, (name, given) in {**own, **calls}.items()]
        # Left to itself it makes a temporary folder per run for pages that nobody asked for.
        stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
        config = DataContextConfig(store_backend_defaults=stores, progress_bars=ProgressBarsConfig(globally=False))
        context = gx.get_context(mode="ephemeral", project_config=config)
        # It would persist the frame and never let go of it.
        asset = context.data_sources.add_spark("rows", persist=False).add_dataframe_asset("rows")
        batch = asset.add_batch_definition_whole_dataframe("rows")
        rules = context.suites.add(gx.ExpectationSuite("rules", expectations=suite))
        definition = context.validation_definitions.add(gx.ValidationDefinition(name="rows", data=batch, suite=rules))
        return definition.run(batch_parameters={"dataframe": rows}, result_format=dict(RESULT_FORMAT))


@contextmanager
def quiet() -> Iterator[None]:
    """Great Expectations leaves loggers and warnings as they were."""
    # It logs as an error what we raise as one, and importing it sends the whole process's warnings to a logger.
    log = logging.getLogger("great_expectations")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)
        logging.captureWarnings(capture=False)
