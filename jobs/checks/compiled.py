"""The compiled features as a whole, on empty frames: names, joins, plug-in, and what models say about them."""

from collections import Counter

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from jobs.checks.expressions import Expressions, declared, one_line
from jobs.config.feeds import Feed
from jobs.config.pipeline import Pipeline
from jobs.drift_report.judged import SCORE
from jobs.errors import MatinsError
from jobs.features.compile import coverage_columns
from jobs.features.frame import feature_frame
from jobs.ledger.ledger import Slice


def compiled_problems(spark: SparkSession, pipeline: Pipeline) -> list[str]:
    """What is wrong with the features as a whole and with what the models say about them.

    Args:
        spark: analyses; no job is started.
        pipeline: its single expressions are sound.
    """
    names = [*pipeline.rows.key, *(name for name in pipeline.features.names if name not in pipeline.rows.key), *coverage_columns(pipeline)]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        return [f"features: the names {twice} arise twice; rename a column or an aggregate"]
    try:
        frame = _frame(spark, pipeline)
    except PySparkException as error:
        return [f"features: {one_line(error)}"]
    except MatinsError as error:
        return [str(error)]
    except Exception as error:
        if pipeline.features.plug_in is None:
            raise
        # A team's own code may raise anything.
        return [f"features.plug_in: `{pipeline.features.plug_in}` raised {type(error).__name__}: {error}"]
    return [*_model_problems(spark, pipeline, frame), *_unusable(frame)]


def _model_problems(spark: SparkSession, pipeline: Pipeline, frame: DataFrame) -> list[str]:
    look, there = Expressions(spark), sorted(set(frame.columns) - {"night"})
    flat = look.empty({field.name: field.dataType.simpleString() for field in frame.schema})
    for name, model in pipeline.models.items():
        for path, named in (
            ("leave_out", model.leave_out),
            ("fairness.attributes", model.fairness.attributes if model.fairness else []),
            ("fill", list(model.fill)),
            ("drift.methods", [one for one in model.drift.methods if one != SCORE]),
        ):
            if absent := [one for one in named if one not in there]:
                look.problems.append(f"models.{name}.{path}: {absent} are no features; there are {', '.join(there)}")
        if model.population:
            look.require(flat, model.population, f"models.{name}.population", boolean=True)
    return look.problems


def _unusable(frame: DataFrame) -> list[str]:
    kinds = {field.name: field.dataType.typeName() for field in frame.schema}
    unfit = [f"{name} ({kind})" for name, kind in kinds.items() if kind in {"array", "map", "struct", "binary", "variant", "void"}]
    return [f"features: {unfit} are of types that no model can use; make numbers, texts or booleans of them"] if unfit else []


def _frame(spark: SparkSession, pipeline: Pipeline) -> DataFrame:
    """The features of the first night, on which one empty delivery of each feed is known."""
    night, feeds = pipeline.nights.from_, pipeline.features.feeds
    delivery = Slice(night=night, generation=1, known_night=night, rows=0, checksum="", fingerprint="", version=0, run_id="")
    coverage = {name.removesuffix("_coverage"): 0.0 for name in coverage_columns(pipeline)}
    frames = {feed: _validated(spark, pipeline.feeds[feed]) for feed in feeds}
    with feature_frame(spark, pipeline, frames, {feed: [delivery] for feed in feeds}, {night: coverage}, [night]) as frame:
        return frame


def _validated(spark: SparkSession, feed: Feed) -> DataFrame:
    """No rows, with the columns of the feed's validated table."""
    look = Expressions(spark)
    own = {"night": "date", "generation": "int", "known_night": "date", "row": "bigint"}
    return look.added(look.empty({**own, **declared(feed)}), feed.derive, "derive")
