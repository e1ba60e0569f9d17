"""Whether a pipeline's sources answer: databases are asked for one row, folders are looked into."""

import os
from collections.abc import Iterator

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from jobs.addresses import database_url
from jobs.config.feeds import Feed, SqlSource
from jobs.config.pipeline import Pipeline
from jobs.raw.deliveries import event_day
from jobs.settings import Settings, value_of


def source_problems(pipeline: Pipeline) -> Iterator[str]:
    """What is wrong with the databases that the feeds query.

    Args:
        pipeline: whose feeds.
    """
    for name, feed in pipeline.feeds.items():
        if feed.sql and (problem := _asked(pipeline, feed, feed.sql)):
            yield f"feeds.{name}.sql: {problem}"


def absent_deliveries(settings: Settings, pipeline: Pipeline) -> Iterator[str]:
    """A note for each feed whose files are not there yet: no problem of the pipeline, but a reader should know."""
    for name, feed in pipeline.feeds.items():
        if feed.path and not any(settings.landing.glob(feed.path.replace("{night}", "*")) if not feed.path.startswith("/") else []):
            yield f"feeds.{name}.path: no delivery yet; looked for {settings.landing / feed.path}"


def unreadable_folders(settings: Settings, pipeline: Pipeline) -> Iterator[str]:
    """A landing folder that is there and may not be read."""
    for name, feed in pipeline.feeds.items():
        folder = (settings.landing / str(feed.path)).parent if feed.path else None
        if folder and "{night}" not in str(folder) and folder.exists() and not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
            yield f"feeds.{name}.path: the folder {folder} cannot be read; give this user access to it"


def _asked(pipeline: Pipeline, feed: Feed, source: SqlSource) -> str | None:
    """Why one row of the pipeline's first night cannot be had; no row is no problem."""
    url, night = value_of(source.url), pipeline.nights.from_
    if not url:
        return f"the variable {source.url} is not set; set it to a SQLAlchemy URL"
    try:
        engine = create_engine(database_url(url))
        with engine.connect() as connection:
            result = connection.execute(text(source.query), {"night": night.isoformat(), "event_day": event_day(feed, night).isoformat()})
            names = set(result.keys())
            result.fetchone()
        engine.dispose()
    except (SQLAlchemyError, ImportError, ValueError) as error:
        # A driver's text may hold the URL and so a password: its first line without it.
        reason = str(getattr(error, "orig", None) or error).splitlines()[0].replace(url, source.url)[:200]
        return f"`{source.query}` failed: {type(error).__name__}: {reason}"
    absent = sorted(set(feed.columns) - names)
    return f"`{source.query}` does not bring {absent}; it brings {sorted(names)}" if absent else None
