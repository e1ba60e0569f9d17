"""Every SQL expression of a pipeline, analysed by Spark against empty frames of the declared columns; no job is started."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from jobs.config.features import AGGREGATE
from jobs.config.feeds import Feed
from jobs.config.pipeline import Pipeline
from jobs.features.history import MONEY
from jobs.validated.typed import SQL_TYPES

CLOCK: Final = re.compile(r"\b(now|curdate|current_date|current_timestamp|localtimestamp|current_timezone|current_user)\b", re.IGNORECASE)
OTHER_ROWS: Final = {"Window", "Aggregate", "Generate"}
"""Nodes of a plan that look beyond one row, or make several of it."""


class Expressions:
    """Analyses expressions and keeps what is wrong with them."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self.problems: list[str] = []

    def empty(self, columns: Mapping[str, str]) -> DataFrame:
        """A frame without rows."""
        return self._spark.createDataFrame([], ", ".join(f"`{name}` {kind}" for name, kind in columns.items()) or "nothing_ int")

    def added(self, frame: DataFrame, expressions: Mapping[str, str], path: str) -> DataFrame:
        """The frame with a column for each expression that can be computed; each sees the columns before it."""
        for name, text in expressions.items():
            kind = self.type_of(frame, text, f"{path}.{name}")
            frame = frame.withColumn(name, F.expr(text) if kind else F.lit(None))
        return frame

    def type_of(self, frame: DataFrame, text: str, path: str, *, shown: str = "") -> T.DataType | None:
        """The expression's type; None where it is a problem, which is noted."""
        try:
            found = frame.select("*", F.expr(text).alias("value_"))
        except PySparkException as error:
            known = ", ".join(frame.columns) if "UNRESOLVED" in str(error) else ""
            self.problems.append(f"{path}: `{shown or text}`: {one_line(error)}{f' Known columns: {known}.' if known else ''}")
            return None
        if unfit := _unfit(found, text):
            self.problems.append(f"{path}: `{shown or text}`: {unfit}")
            return None
        return found.schema["value_"].dataType

    def require(self, frame: DataFrame, text: str, path: str, *, boolean: bool) -> None:
        """Note a condition that is none, or a label that is neither boolean nor a number."""
        kind = self.type_of(frame, text, path)
        # A column whose own expression is a problem has no type; it was told already.
        fits = isinstance(kind, T.BooleanType | T.NullType) or (not boolean and isinstance(kind, T.NumericType))
        if kind is not None and not fits:
            self.problems.append(f"{path}: `{text}` is a {kind.simpleString()}; it must be {'boolean' if boolean else 'boolean, or a number that is 0 or 1'}")


def expression_problems(spark: SparkSession, pipeline: Pipeline) -> list[str]:
    """What is wrong with the pipeline's SQL, each with its path in the file, the expression and Spark's reason.

    Args:
        spark: analyses.
        pipeline: valid otherwise.
    """
    look = Expressions(spark)
    look.problems += _regex_problems(spark, pipeline)
    feeds = {name: look.added(look.empty(declared(feed)), feed.derive, f"feeds.{name}.derive") for name, feed in pipeline.feeds.items()}
    rows = look.added(feeds[pipeline.features.rows], pipeline.features.columns, "features.columns")
    _look_at_history(look, pipeline, feeds, rows)
    for name, model in pipeline.models.items():
        look.require(feeds[model.label_feed], model.label_column, f"models.{name}.label", boolean=False)
    return look.problems


def _regex_problems(spark: SparkSession, pipeline: Pipeline) -> Iterator[str]:
    """By Java's own compiler: its syntax is not quite Python's."""
    jvm: Any = spark._jvm
    for name, feed in pipeline.feeds.items():
        for expectation in feed.expect:
            try:
                jvm.java.util.regex.Pattern.compile(str(expectation.arguments.get("regex", "")))
            except PySparkException as error:
                yield f"feeds.{name}.expect: `{expectation.rule}`: {expectation.arguments['regex']!r} is no regular expression of Java's: {one_line(error)}"


def declared(feed: Feed) -> dict[str, str]:
    """The feed's kept columns with their types in Spark."""
    return {name: SQL_TYPES[column.type] for name, column in feed.kept.items()}


def one_line(error: Exception) -> str:
    """Spark's reason without its stack, its plan and its codes."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return re.sub(r"^\[[\w.]+\] *|\s*SQLSTATE: \w+.*$", "", first)[:400]


def _look_at_history(look: Expressions, pipeline: Pipeline, feeds: Mapping[str, DataFrame], rows: DataFrame) -> None:
    for feed, history in pipeline.features.history.items():
        past = feeds[feed]
        if pipeline.feeds[feed].key == pipeline.rows.key:
            for field in rows.schema:
                past = past if field.name in past.columns else past.withColumn(field.name, F.lit(None).cast(field.dataType))
        for name, text in history.take.items():
            matched = AGGREGATE.match(text.strip())
            inner = matched.group(2).strip() if matched else text
            if inner != "*":
                counted = matched is not None and matched.group(1) == "count"
                look.type_of(past, inner if counted else f"try_cast(({inner}) AS {MONEY})", f"features.history.{feed}.take.{name}", shown=text)


def _unfit(found: DataFrame, text: str) -> str | None:
    """Why an expression that Spark accepts is none over one row, or not the same each time."""
    plan = found._jdf.queryExecution().analyzed()
    if CLOCK.search(text) or not plan.deterministic():
        return "gives another value each time (the clock, chance or the order of rows); a night computed again must be the same."
    if OTHER_ROWS & set(_nodes(plan)) or not plan.subqueries().isEmpty():
        return "looks at other rows (a window, an aggregate, a subquery) or makes several of one; only the columns of one row are allowed."
    return None


def _nodes(plan: Any) -> Iterator[str]:
    """The names of the plan's nodes; the plan is Java's own object, for which Spark has no Python."""
    yield plan.nodeName()
    children = plan.children()
    for place in range(children.size()):
        yield from _nodes(children.apply(place))
