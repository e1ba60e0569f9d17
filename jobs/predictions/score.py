"""Batch scores with an XGBoost booster inside Spark's Arrow batches."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DoubleType, NumericType, StructField, StructType

from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.model.artifact import Artifact, load
from jobs.model.decision import Decision
from jobs.model.registry.version import Version
from jobs.model.training.maps import Map, applied

Batches = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def predicted(features: DataFrame, pipeline: Pipeline, model: str, version: Version) -> DataFrame:
    """One row per row of `features` that the model scores: key, `night`, `score`, `predicted` where it decides, and by which version.

    Raises:
        DataError: as in `score`, or the attribute by whose groups the version decides is not there as it was in training.
    """
    spec, key = pipeline.models[model], pipeline.rows.key
    decision = Decision.of(pipeline, spec, version.artifact.learned)
    carried = dict.fromkeys([*key, "night", *_attribute(features, decision)])
    scores = score(features.where(spec.population or "true"), version.artifact, keys=[*carried])
    return scores.select(
        *key,
        "night",
        "score",
        *([decision.expression(key).alias("predicted")] if decision else []),
        F.lit(version.version).alias("model_version"),
        F.lit(version.digest).alias("model_digest"),
    )


def _attribute(features: DataFrame, decision: Decision | None) -> list[str]:
    """The column that the decision needs besides the score, if any."""
    if decision is None or decision.by_group is None:
        return []
    name, kind = decision.by_group.attribute, decision.by_group.kind
    if name not in features.columns:
        msg = f"The model decides by groups of `{name}`, which the table lacks; train again, or restore the column."
        raise DataError(msg)
    if kind not in {None, found := _kind(features.schema[name].dataType)}:
        msg = f"The model decides by groups of `{name}`, which is {found} and was {kind} in training. Train again."
        raise DataError(msg)
    return [name]


def score(features: DataFrame, artifact: Artifact, *, keys: Sequence[str]) -> DataFrame:
    """One row per row of `features`: its keys and `score`, a probability or a quantity.

    Raises:
        DataError: as in `floats_of`.
    """
    floats = floats_of(features, artifact)
    schema = StructType([*[features.schema[name] for name in keys], StructField("score", DoubleType(), nullable=False)])
    return features.selectExpr(*keys, *floats).mapInArrow(_through(artifact.ubj, artifact.learned.maps, len(floats), len(keys)), schema=schema)


def floats_of(features: DataFrame, artifact: Artifact) -> list[str]:
    """Spark SQL, one expression per feature of the model, named `_0`, `_1` and so on: what the booster is given.

    Raises:
        DataError: a feature that the model needs is not in the table, or is of another type than in training.
    """
    if absent := sorted(set(artifact.learned.names) - set(features.columns)):
        msg = f"The model needs the features {absent[:5]}, which the table lacks ({len(absent)} in all); train again, or restore the features."
        raise DataError(msg)
    found = {one.name: _kind(features.schema[one.name].dataType) for one in artifact.learned.features if one.kind != "text" or one.categories}
    if other := [f"`{one.name}` is {found[one.name]}, not {one.kind}" for one in artifact.learned.features if found.get(one.name, one.kind) != one.kind]:
        msg = f"Features changed their type since training: {'; '.join(other)}. Train again."
        raise DataError(msg)
    return [f"{expression.rsplit(' AS ', 1)[0]} AS _{place}" for place, expression in enumerate(artifact.learned.expressions())]


def _kind(found: DataType) -> str:
    """As `jobs.model.training.learned` calls it."""
    if isinstance(found, NumericType):
        return "number"
    return {"string": "text", "boolean": "flag"}.get(found.typeName(), found.typeName())


def _through(ubj: bytes, maps: tuple[Map, ...], width: int, keys: int) -> Batches:
    def scored(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # One core per task is Spark's; more threads here would only fight over it.
        booster = booster_of(ubj)
        for batch in batches:
            matrix = matrix_of(batch, width, first=keys)
            scores = applied(maps, booster.inplace_predict(matrix)) if batch.num_rows else np.empty(0)
            if not np.isfinite(scores).all():
                msg = f"{int((~np.isfinite(scores)).sum())} scores of a batch are not finite; nothing was written."
                raise DataError(msg)
            yield pa.RecordBatch.from_arrays([*batch.columns[:keys], pa.array(scores)], names=[*batch.schema.names[:keys], "score"])

    return scored


def matrix_of(batch: pa.RecordBatch, width: int, *, first: int) -> NDArray[np.float32]:
    """The columns of `floats_of`, from the place `first` on, as the matrix that the booster is given."""
    matrix = np.empty((batch.num_rows, width), dtype=np.float32)
    for place in range(width):
        matrix[:, place] = batch.column(first + place).to_numpy(zero_copy_only=False)
    return matrix


@cache
def booster_of(ubj: bytes) -> "Booster":  # type: ignore[name-defined]  # noqa: F821
    """Loaded once per worker process."""
    return load(ubj, threads=1)
