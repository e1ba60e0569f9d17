"""Histograms of all columns and nights in one Spark job: every task counts its rows and hands over a few numbers."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from jobs.drift_report.reference import Reference
from jobs.model.evaluation.floats import Floats

Batches = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
Histograms = dict[date, list[Floats]]
"""Per night, the counts of each reference in their order."""


def histograms(frame: DataFrame, references: Sequence[Reference]) -> Histograms:
    """Per night, how many values of each reference's column lie in each of its bins.

    Args:
        frame: `night` and a column per reference.
        references: of the champion.
    """
    columns = frame.select("night", *[one.name for one in references])
    found: dict[date, NDArray[np.int64]] = {}
    for row in columns.mapInArrow(_counting(references), "night date, counts binary").collect():
        counts = np.frombuffer(row["counts"], dtype=np.int64)
        found[row["night"]] = found.get(row["night"], np.zeros(len(counts), dtype=np.int64)) + counts
    ends = np.cumsum([one.width for one in references])[:-1]
    return {night: [part.astype(np.float64) for part in np.split(counts, ends)] for night, counts in sorted(found.items())}


def _counting(references: Sequence[Reference]) -> Batches:
    # Eighty features of ten bins as SQL expressions take Spark longer to compile than a month of nights takes NumPy to count.
    def counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        total: dict[int, NDArray[np.int64]] = {}
        for batch in batches:
            nights, group = np.unique(batch.column(0).cast(pa.int32()).to_numpy(zero_copy_only=False), return_inverse=True)
            parts = [one.counted_arrow(batch.column(place), group, len(nights)) for place, one in enumerate(references, 1)]
            for night, counts in zip(nights.tolist(), np.concatenate(parts, axis=1).astype(np.int64), strict=True):
                total[night] = total[night] + counts if night in total else counts
        names = [pa.array(list(total), pa.int32()).cast(pa.date32()), pa.array([counts.tobytes() for counts in total.values()], pa.binary())]
        yield pa.RecordBatch.from_arrays(names, names=["night", "counts"])

    return counted
