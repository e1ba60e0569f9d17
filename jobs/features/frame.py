"""Features as a frame: the compiled queries over validated rows, and the pipeline's own function."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DateType, DoubleType, StructField, StructType

from jobs.config.pipeline import Pipeline
from jobs.config.plug_ins import plug_in
from jobs.errors import UsageError
from jobs.features.compile import compiled, coverage_columns
from jobs.features.knowledge import DELIVERIES_SCHEMA, deliveries
from jobs.lake.lake import cached
from jobs.ledger.ledger import Slice
from jobs.nights import Nights, among


@contextmanager
def feature_frame(
    spark: SparkSession,
    pipeline: Pipeline,
    validated: Mapping[str, DataFrame],
    slices: Mapping[str, Sequence[Slice]],
    coverage: Mapping[date, Mapping[str, float]],
    nights: Nights,
) -> Iterator[DataFrame]:
    """The features of `nights`, from validated rows that may reach beyond them; to be used within the block.

    Args:
        spark: gets the views that the compiled queries name.
        pipeline: whose features.
        validated: each feed's validated rows.
        slices: each feed's validated slices, which say when a delivery was replaced.
        coverage: per night and feed, the share of the window that was delivered.
        nights: distinct nights, oldest first.

    Yields:
        A row per entity to score: key, `night`, features, coverage.

    Raises:
        UsageError: the plug-in cannot be loaded, loses rows' keys or returns no frame.
    """
    for feed, frame in validated.items():
        frame.createOrReplaceTempView(f"validated_{feed}")
        spark.createDataFrame(deliveries(slices[feed]), DELIVERIES_SCHEMA).createOrReplaceTempView(f"deliveries_{feed}")
    _coverage_frame(spark, pipeline, coverage).createOrReplaceTempView("coverage_")
    *steps, last = compiled(pipeline, min(nights), max(nights)).items()
    with ExitStack() as kept:
        for name, query in steps:
            frame = spark.sql(query)
            if name == "rows_" or name.startswith("history_"):
                kept.enter_context(cached(frame))  # others read it several times
            frame.createOrReplaceTempView(name)
        frame = spark.sql(last[1]).where(among(nights))
        yield with_plug_in(frame, pipeline) if pipeline.features.plug_in else frame


def _coverage_frame(spark: SparkSession, pipeline: Pipeline, coverage: Mapping[date, Mapping[str, float]]) -> DataFrame:
    names = coverage_columns(pipeline)
    schema = StructType([StructField("night", DateType()), *[StructField(name, DoubleType()) for name in names]])
    return spark.createDataFrame([(night, *[shares[name.removesuffix("_coverage")] for name in names]) for night, shares in coverage.items()], schema)


def with_plug_in(frame: DataFrame, pipeline: Pipeline) -> DataFrame:
    """The frame after the pipeline's own function.

    Raises:
        UsageError: it cannot be loaded, or what it returns lacks columns it was given.
    """
    name = str(pipeline.features.plug_in)
    function = plug_in(name, "features.plug_in")
    try:
        result = function(frame)
    except (ImportError, AttributeError, TypeError) as error:
        msg = f"features.plug_in: `{name}` cannot be used ({error}); name a function frame → frame on the Python path."
        raise UsageError(msg) from error
    if lost := sorted(set(frame.columns) - set(getattr(result, "columns", ()))):
        msg = f"features.plug_in: `{name}` must return the frame with columns added; {lost} are gone."
        raise UsageError(msg)
    return result  # type: ignore[no-any-return]
