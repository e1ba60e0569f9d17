"""`matins check`: everything that can be known to be wrong with a pipeline before its first night; nothing is written."""

from collections.abc import Iterator
from pathlib import Path

from jobs import console
from jobs.checks.leaks import check_leaks
from jobs.checks.sources import absent_deliveries, source_problems, unreadable_folders
from jobs.config.loading import pipeline_files, read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.config.plug_ins import plug_in
from jobs.errors import UsageError
from jobs.settings import Settings
from jobs.validated import literals

__all__ = ["check_all", "check_leaks"]


def check_all(settings: Settings, name_or_file: str | None) -> dict[str, list[str]]:
    """Every problem of every pipeline, or of one.

    Args:
        settings: where own pipelines and deliveries lie.
        name_or_file: a pipeline's name or its file; None for all that are found.

    Returns:
        Pipeline or file → problems, each with its path in the file. Absent deliveries are told on standard error.

    Raises:
        UsageError: there is no such pipeline, or Spark cannot start here.
    """
    return {name: _checked(settings, path) for name, path in _files(settings, name_or_file).items()}


def _files(settings: Settings, name_or_file: str | None) -> dict[str, Path]:
    if name_or_file and name_or_file.endswith((".yaml", ".yml")):
        return {name_or_file: Path(name_or_file)}
    known = {path.stem: path for path in pipeline_files(settings)}
    if name_or_file is None:
        return known
    if name_or_file not in known:
        msg = f"There is no pipeline `{name_or_file}`; known are {sorted(known)}, and a path that ends in .yaml."
        raise UsageError(msg)
    return {name_or_file: known[name_or_file]}


def _checked(settings: Settings, path: Path) -> list[str]:
    try:
        pipeline = read_pipeline(path)
    except UsageError as error:
        lines = str(error).splitlines()
        return [line.strip() for line in lines[1:]] or lines
    for note in absent_deliveries(settings, pipeline):
        console.warn(f"{pipeline.pipeline}: note: {note}")
    before = [*_plug_in_problems(pipeline), *_literal_problems(pipeline), *source_problems(pipeline), *unreadable_folders(settings, pipeline)]
    return [*before, *_sql_problems(settings, pipeline)]


def _plug_in_problems(pipeline: Pipeline) -> Iterator[str]:
    for where, name in (("features.plug_in", pipeline.features.plug_in), ("sample", pipeline.sample)):
        try:
            if name:
                plug_in(name, where)
        except UsageError as error:
            yield str(error)


def _literal_problems(pipeline: Pipeline) -> Iterator[str]:
    for name, feed in pipeline.feeds.items():
        yield from (f"feeds.{name}.expect: {problem}" for problem in literals.problems(feed))


def _sql_problems(settings: Settings, pipeline: Pipeline) -> list[str]:
    """The single expressions first: where one is wrong, the whole would only say so again."""
    from jobs.checks.compiled import compiled_problems
    from jobs.checks.expressions import expression_problems
    from jobs.lake.session import spark_session

    spark = spark_session(settings)
    return expression_problems(spark, pipeline) or compiled_problems(spark, pipeline)
