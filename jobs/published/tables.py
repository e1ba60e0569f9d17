"""The warehouse's tables: predictions by generation, the publish ledger, and what each view has promised."""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from jobs.config.feeds import ColumnType
from jobs.config.pipeline import Pipeline

TEXT_LENGTH: Final = 512
TYPES: Final[dict[ColumnType, Any]] = {
    "string": String(TEXT_LENGTH),
    "int": BigInteger(),
    "float": Float(53),
    "bool": Boolean(),
    "date": Date(),
    "timestamp": DateTime(timezone=True),
}


def publish_ledger(metadata: MetaData) -> Table:
    """What has been published: one row per night and generation, written with the rows it speaks of."""
    return Table(
        "matins_publish_ledger",
        metadata,
        Column("table_name", String(128), primary_key=True),
        Column("night", Date, primary_key=True),
        Column("generation", Integer, primary_key=True, comment="1, 2, 3…: how often the night has been published with other content"),
        Column("current", Boolean, nullable=False, comment="Whether the views show this generation"),
        Column("rows", Integer, nullable=False),
        Column("checksum", String(80), nullable=False, comment="Of the rows in the lake"),
        Column("delta_version", Integer, nullable=False, comment="The lake's table version that the rows were read at"),
        Column("model_version", Integer, nullable=False),
        Column("policy", String(16), nullable=False, comment="How the version was chosen: current, as-of or version"),
        Column("restated", Boolean, nullable=False, comment="Whether it was scored with knowledge later than its night"),
        Column("run_id", String(40), nullable=False),
        Column("published_at", DateTime(timezone=True), nullable=False),
        comment="What Matins has published, in the same transaction as the rows",
    )


def contracts(metadata: MetaData) -> Table:
    """What the views' readers were promised."""
    return Table(
        "matins_contracts",
        metadata,
        Column("view_name", String(128), primary_key=True),
        Column("columns", Text, nullable=False, comment="JSON: names and types, in order"),
        Column("definition", Text, nullable=False, comment="The view's query"),
        Column("ends", Date, comment="The last day on which the view is there; NULL: it stays"),
        comment="What the readers of Matins' views were promised",
    )


def suffix_of(view: str) -> str:
    """Of the names that belong to a contract: each has a table and views of its own, so that a new one leaves the old one's alone."""
    return "" if view == "v1" else f"_{view}"


def table_name(pipeline: Pipeline, model: str) -> str:
    """`flights_delayed_predictions`."""
    return f"{pipeline.pipeline}_{model}_predictions{suffix_of(pipeline.models[model].publish.view)}"


def predictions_table(metadata: MetaData, pipeline: Pipeline, model: str) -> Table:
    """The rows' key, and what was predicted by what, for every generation that was ever published; a regression has no `predicted`."""
    name, spec = table_name(pipeline, model), pipeline.models[model]
    said = "Probability that" if spec.type == "binary" else "Guess at"
    return Table(
        name,
        metadata,
        *[Column(key, TYPES[pipeline.rows.columns[key].type], nullable=False, comment="Of the row's key") for key in pipeline.rows.key],
        Column("night", Date, nullable=False, comment="Whose run has scored the row"),
        Column("score", Float(53), nullable=False, comment=f"{said} {spec.label}"),
        *([Column("predicted", Boolean, nullable=False, comment="The score at the model's threshold")] if spec.type == "binary" else []),
        Column("model_version", Integer, nullable=False, comment="Number in the registry"),
        Column("model_digest", String(64), nullable=False, comment="sha256 of the model's files"),
        Column("generation", Integer, nullable=False, comment="1, 2, 3…: how often the night has been published with other content"),
        Column("run_id", String(40), nullable=False, comment="Of the run that scored"),
        Column("published_at", DateTime(timezone=True), nullable=False, comment="UTC"),
        UniqueConstraint(*pipeline.rows.key, "night", "generation", name=f"uq_{name}"),
        Index(f"ix_{name}_night_generation", "night", "generation"),
        comment=pipeline.purpose.goal,
    )
