"""Scoring five million rows to Delta, against an identity pass to Delta plus a bare prediction with the same threads."""

from pathlib import Path

import numpy as np
import pandas as pd
import xgboost
from pyspark.sql import functions as F

from jobs.lake.session import spark_session
from jobs.model.artifact import Artifact
from jobs.model.training.learned import fit
from jobs.predictions.score import score
from tests.benchmarks.measured import Measured, in_turn, settings_in

ROWS, FEATURES, TREES = 5_000_000, 30, 100


def measure(folder: Path) -> list[Measured]:
    """Two workers on either side, so that the bare prediction gets two threads."""
    spark, artifact = spark_session(settings_in(folder)), artifact_of()
    source = str(folder / "rows")
    names = [f"f{n}" for n in range(FEATURES)]
    spark.range(ROWS, numPartitions=8).select("id", *[F.rand(seed).cast("float").alias(name) for seed, name in enumerate(names)]).write.format("delta").save(
        source
    )
    matrix = np.random.default_rng(0).random((ROWS // 10, FEATURES), dtype=np.float32)
    artifact.booster.set_param({"nthread": 2})

    def ours(n: int) -> None:
        score(spark.read.format("delta").load(source), {"score": artifact}, keys=["id"]).write.format("delta").save(str(folder / f"scores{n}"))

    def reference(n: int) -> None:
        rows = spark.read.format("delta").load(source)
        same = rows.mapInArrow(lambda batches: batches, rows.schema).select("id", F.col("f0").cast("double").alias("score"))
        same.write.format("delta").save(str(folder / f"same{n}"))
        for _ in range(10):
            artifact.booster.inplace_predict(matrix)

    return [Measured(f"scoring {ROWS:,} rows × {FEATURES} features, {TREES} trees", in_turn(ours, reference), at_most=1.25)]


def artifact_of() -> Artifact:
    """A model of made-up rows, of the size that the benchmarks speak of."""
    draw = np.random.default_rng(1)
    frame = pd.DataFrame(draw.random((20_000, FEATURES), dtype=np.float32), columns=[f"f{n}" for n in range(FEATURES)])
    label = (frame["f0"] + frame["f1"] + draw.random(len(frame)) > 1.5).astype(int)
    learned = fit(frame, features=list(frame.columns))
    data = xgboost.QuantileDMatrix(learned.matrix(frame), label.to_numpy(), feature_names=learned.names, feature_types=learned.types)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 6, "nthread": 2}, data, TREES)
    return Artifact(bytes(booster.save_raw("ubj")), learned, threads=2)
