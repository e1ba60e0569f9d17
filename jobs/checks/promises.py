"""Whether a changed pipeline file keeps what readers of its views were promised by the file as it was; publication would refuse the same."""

from pathlib import Path

from sqlalchemy import MetaData
from sqlalchemy.engine.default import DefaultDialect

from jobs.acting import pipeline_at
from jobs.config.loading import read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.published import contract
from jobs.published.tables import predictions_table
from jobs.published.views import view_name
from jobs.settings import Settings


def held_against(settings: Settings, name_or_file: str | None, before: str) -> dict[str, list[str]]:
    """The problems of one pipeline, under its name or file.

    Args:
        settings: where own pipelines lie.
        name_or_file: a pipeline's name or its file.
        before: the file as it was.

    Raises:
        UsageError: one of the two is not there or not valid.
    """
    if name_or_file is None:
        msg = f"--against {before} needs the pipeline that is to be held against it: matins check PIPELINE --against {before}."
        raise UsageError(msg)
    return {name_or_file: broken_promises(read_pipeline(Path(before)), pipeline_at(name_or_file, settings))}


def broken_promises(before: Pipeline, now: Pipeline) -> list[str]:
    """A problem per view whose columns would go, be renamed or change their types; what declares another view breaks nothing.

    Args:
        before: the pipeline that has published, or would have.
        now: the one that is to take its place.
    """
    shared = [model for model in now.models if model in before.models and view_name(before, model) == view_name(now, model)]
    return [problem for model in shared if (problem := _broken(before, now, model))]


def _broken(before: Pipeline, now: Pipeline, model: str) -> str | None:
    then, today = (contract.columns_of(predictions_table(MetaData(), pipeline, model), DefaultDialect()) for pipeline in (before, now))
    try:
        contract.require_kept(view_name(now, model), then, today)
    except UsageError as error:
        return f"models.{model}.publish: {error}"
    return None
