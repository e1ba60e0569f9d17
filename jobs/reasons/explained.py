"""Why scores are what they are: contributions of features inside Spark's Arrow batches, those that count most by name."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import DoubleType, StringType, StructField, StructType

from jobs.errors import DataError
from jobs.model.artifact import Artifact
from jobs.model.contributions import Contributions, contributions
from jobs.model.evaluation.floats import Floats
from jobs.model.training.maps import applied
from jobs.predictions.score import booster_of, floats_of, matrix_of, numbered

Batches = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def explained(rows: DataFrame, artifact: Artifact, *, keys: Sequence[str], top: int) -> DataFrame:
    """One row per row of `rows`: keys, `score`, `margin`, `base`, `reason_1`, `reason_1_value`, `reason_1_effect` and so on, `other_effect`.

    margin = base + the effects of all reasons + other_effect.

    Args:
        rows: the rows to explain: their keys, features as they are stored, and `score` as it is stored.
        artifact: what gave the scores.
        keys: columns that name a row.
        top: how many reasons.

    Raises:
        DataError: more reasons than features; a feature is not as in training. From within the job: effects that do not add up, scores of other features.
    """
    names = artifact.learned.names
    require_enough(artifact, top)
    floats = numbered(floats_of(rows, artifact))
    values = f"array({', '.join(f'CAST(`{name}` AS STRING)' for name in names)}) AS _values"
    schema = _schema(rows, keys, top)
    return rows.selectExpr(*keys, "score", "score AS _score", values, *floats).mapInArrow(_through(artifact, schema, len(keys), top), schema=schema)


def require_enough(artifact: Artifact, top: int) -> None:
    """A version has at least as many features as reasons are asked for.

    Raises:
        DataError: it has fewer.
    """
    if top > (count := len(artifact.learned.names)):
        msg = f"`reasons: {{top: {top}}}` asks for more reasons than the version has features, which is {count}; ask for {count} or fewer."
        raise DataError(msg)


def ranked(effects: Floats, top: int) -> NDArray[np.intp]:
    """Per row, the places of the `top` largest absolute effects, the largest first; of equal ones the earlier feature."""
    return np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :top]


def _schema(rows: DataFrame, keys: Sequence[str], top: int) -> StructType:
    named = [
        field
        for place in range(1, top + 1)
        for field in (
            StructField(f"reason_{place}", StringType()),
            StructField(f"reason_{place}_value", StringType()),
            StructField(f"reason_{place}_effect", DoubleType(), nullable=False),
        )
    ]
    numbers = [StructField(name, DoubleType(), nullable=False) for name in ("score", "margin", "base", "other_effect")]
    return StructType([*[rows.schema[name] for name in keys], *numbers[:3], *named, numbers[3]])


def _through(artifact: Artifact, schema: StructType, keys: int, top: int) -> Batches:
    ubj, maps, names = artifact.ubj, artifact.learned.maps, pa.array(artifact.learned.names, type=pa.string())
    columns = to_arrow_schema(schema)

    def with_reasons(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        booster = booster_of(ubj)
        for batch in batches:
            matrix = matrix_of(batch, range(keys + 3, keys + 3 + len(names)))
            stored = batch.column(keys).to_numpy(zero_copy_only=False)
            if batch.num_rows:
                require_same(stored, applied(maps, booster.inplace_predict(matrix)))
            found, values = contributions(booster, matrix), batch.column(keys + 2).flatten()
            yield pa.RecordBatch.from_arrays([*batch.columns[: keys + 1], *_columns(found, values, names, top)], schema=columns)

    return with_reasons


def require_same(stored: Floats, again: Floats) -> None:
    """What is explained is what was scored.

    Raises:
        DataError: the features give other scores.
    """
    # Another processor may round the last bit of a 32-bit float otherwise.
    if not np.allclose(stored, again, rtol=1e-5, atol=1e-7):
        msg = "The stored features do not give the stored scores, so that they cannot explain them; run the step predictions again, then reasons."
        raise DataError(msg)


def _columns(found: Contributions, values: pa.Array, names: pa.Array, top: int) -> Iterator[pa.Array]:
    best, rows = ranked(found.effects, top), np.arange(len(found.margin))
    yield pa.array(found.margin)
    yield pa.array(found.base)
    for place in range(top):
        feature = best[:, place]
        effect = found.effects[rows, feature]
        # What moved nothing is no reason.
        none = effect == 0
        yield names.take(pa.array(feature, mask=none))
        yield values.take(pa.array(rows * len(names) + feature, mask=none))
        yield pa.array(effect)
    yield pa.array(found.effects.sum(axis=1) - found.effects[rows[:, None], best].sum(axis=1))
