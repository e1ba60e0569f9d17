"""Every pipeline file found, the shipped ones and those in `MATINS_PIPELINES`."""

import dagster as dg

from assets.factory import EXECUTOR, pipeline_definitions
from jobs.config.loading import find_pipelines
from jobs.settings import read_settings


@dg.definitions
def pipelines() -> dg.Definitions:
    """Their assets, jobs, schedules and resources."""
    return dg.Definitions.merge(*map(pipeline_definitions, find_pipelines(read_settings())), dg.Definitions(executor=EXECUTOR))
