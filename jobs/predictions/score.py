"""Batch scores with an XGBoost booster inside Spark's Arrow batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DoubleType, NumericType, StructField, StructType

from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.ledger.ledger import Slice
from jobs.model.artifact import Artifact, load
from jobs.model.decision import Decision
from jobs.model.evaluation.floats import Floats
from jobs.model.registry.version import Version
from jobs.model.training.maps import Map, applied

Batches = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def predicted(features: DataFrame, pipeline: Pipeline, model: str, version: Version) -> DataFrame:
    """One row per row of `features` that the model scores: key, `night`, `score`, `predicted` where it decides, and by which version.

    Raises:
        DataError: as in `score`, or the attribute by whose groups the version decides is not there as it was in training.
    """
    return predicted_by(features, pipeline, model, {"": version})


def predicted_by(features: DataFrame, pipeline: Pipeline, model: str, versions: Mapping[str, Version]) -> DataFrame:
    """The same by several versions beside each other, in one pass over the rows.

    Args:
        features: as they are stored.
        pipeline: names the rows' key.
        model: of which all are versions.
        versions: by what stands before the names of their columns.
    """
    spec, key = pipeline.models[model], pipeline.rows.key
    decisions = {before: Decision.of(pipeline, spec, version.artifact.learned) for before, version in versions.items()}
    attributes = [name for decision in decisions.values() for name in _attribute(features, decision)]
    artifacts = {f"{before}score": version.artifact for before, version in versions.items()}
    scores = score(features.where(spec.population or "true"), artifacts, keys=[*dict.fromkeys([*key, "night", *attributes])])
    own = [column for before, version in versions.items() for column in _own(before, version, decisions[before], key)]
    return scores.select(*key, "night", *own)


def _own(before: str, version: Version, decision: Decision | None, key: list[str]) -> Iterator[Column]:
    yield F.col(f"{before}score")
    if decision:
        yield decision.expression(key, score=f"{before}score").alias(f"{before}predicted")
    yield F.lit(version.version).alias(f"{before}model_version")
    yield F.lit(version.digest).alias(f"{before}model_digest")


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


def score(features: DataFrame, artifacts: Mapping[str, Artifact], *, keys: Sequence[str]) -> DataFrame:
    """One row per row of `features`: its keys and, by each name of `artifacts`, a score: a probability or a quantity.

    Raises:
        DataError: as in `floats_of`.
    """
    floats = {name: floats_of(features, artifact) for name, artifact in artifacts.items()}
    # What several models look at alike is handed over once.
    distinct = [*dict.fromkeys(expression for own in floats.values() for expression in own)]
    places = {name: [len(keys) + distinct.index(expression) for expression in own] for name, own in floats.items()}
    schema = StructType([*[features.schema[name] for name in keys], *[StructField(name, DoubleType(), nullable=False) for name in artifacts]])
    models = [_Scorer(artifact.ubj, artifact.learned.maps, places[name]) for name, artifact in artifacts.items()]
    return features.selectExpr(*keys, *numbered(distinct)).mapInArrow(_through(models, schema.names, len(keys)), schema=schema)


def floats_of(features: DataFrame, artifact: Artifact) -> list[str]:
    """Spark SQL, one expression per feature of the model: what the booster is given.

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
    return [expression.rsplit(" AS ", 1)[0] for expression in artifact.learned.expressions()]


def numbered(expressions: Sequence[str]) -> list[str]:
    """With names that no feature has."""
    return [f"{expression} AS _{place}" for place, expression in enumerate(expressions)]


def require_made(nights: Iterable[Slice], artifact: Artifact) -> None:
    """Every feature of the model is still made; the table keeps the columns of those that are not.

    Raises:
        DataError: one is not.
    """
    for one in nights:
        if gone := sorted({*one.detail.get("lacks", ())} & {*artifact.learned.names}):
            msg = f"The model needs the features {gone[:5]}, which night {one.night} no longer has ({len(gone)} in all); train again, or restore the features."
            raise DataError(msg)


def _kind(found: DataType) -> str:
    """As `jobs.model.training.learned` calls it."""
    if isinstance(found, NumericType):
        return "number"
    return {"string": "text", "boolean": "flag"}.get(found.typeName(), found.typeName())


class _Scorer(NamedTuple):
    ubj: bytes
    maps: tuple[Map, ...]
    places: Sequence[int]
    """Of its features in a batch."""

    def scores(self, batch: pa.RecordBatch) -> Floats:
        # One core per task is Spark's; more threads here would only fight over it.
        booster = booster_of(self.ubj)
        found = applied(self.maps, booster.inplace_predict(matrix_of(batch, self.places))) if batch.num_rows else np.empty(0)
        if not np.isfinite(found).all():
            msg = f"{int((~np.isfinite(found)).sum())} scores of a batch are not finite; nothing was written."
            raise DataError(msg)
        return found


def _through(models: Sequence[_Scorer], names: list[str], keys: int) -> Batches:
    def scored(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.RecordBatch.from_arrays([*batch.columns[:keys], *[pa.array(model.scores(batch)) for model in models]], names=names)

    return scored


def matrix_of(batch: pa.RecordBatch, places: Sequence[int]) -> NDArray[np.float32]:
    """The columns of `floats_of`, which are at these places, as the matrix that the booster is given."""
    matrix = np.empty((batch.num_rows, len(places)), dtype=np.float32)
    for column, place in enumerate(places):
        matrix[:, column] = batch.column(place).to_numpy(zero_copy_only=False)
    return matrix


@cache
def booster_of(ubj: bytes) -> "Booster":  # type: ignore[name-defined]  # noqa: F821
    """Loaded once per worker process."""
    return load(ubj, threads=1)
