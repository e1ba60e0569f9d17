"""A night with reasons for a twentieth of its rows, against scoring it plus a bare `pred_contribs` of those rows with the same threads."""

from pathlib import Path
from typing import Final

import numpy as np
import xgboost
from pyspark.sql import functions as F

from jobs.config.reasons import Reasons
from jobs.lake.session import spark_session
from jobs.predictions.score import score
from jobs.reasons.chosen import chosen
from jobs.reasons.explained import explained
from tests.benchmarks.measured import Measured, in_turn, settings_in
from tests.benchmarks.scoring import FEATURES, TREES, artifact_of

ROWS: Final = 500_000
EXPLAINED: Final = ROWS // 20
TOP: Final = 3


def measure(folder: Path) -> list[Measured]:
    """Two workers on either side, so that the bare contributions get two threads; the night lies in as many files as a commit makes of it."""
    spark, artifact = spark_session(settings_in(folder)), artifact_of()
    source, names = str(folder / "rows"), [f"f{n}" for n in range(FEATURES)]
    made = spark.range(ROWS, numPartitions=8).select("id", *[F.rand(seed).cast("float").alias(name) for seed, name in enumerate(names)])
    made.write.format("delta").save(source)
    matrix = np.random.default_rng(0).random((EXPLAINED, FEATURES), dtype=np.float32)
    artifact.booster.set_param({"nthread": 2})
    # The score from which a twentieth of the rows is explained.
    above = float(np.quantile(artifact.score_matrix(np.random.default_rng(1).random((100_000, FEATURES), dtype=np.float32)), 0.95))
    asked = Reasons(top=TOP, above=above)

    def scored(path: str) -> None:
        score(spark.read.format("delta").load(source), {"score": artifact}, keys=["id"]).write.format("delta").save(path)

    def ours(n: int) -> None:
        scored(str(folder / f"scores{n}"))
        features, scores = (spark.read.format("delta").load(str(path)) for path in (source, folder / f"scores{n}"))
        rows = chosen(features, scores, asked, key=["id"], few=True)
        explained(rows, artifact, keys=["id"], top=TOP).write.format("delta").save(str(folder / f"reasons{n}"))

    def reference(n: int) -> None:
        scored(str(folder / f"plain{n}"))
        artifact.booster.predict(xgboost.DMatrix(matrix, feature_names=names, feature_types=artifact.learned.types), pred_contribs=True)

    pairs = in_turn(ours, reference)
    count = spark.read.format("delta").load(str(folder / "reasons1")).count()
    return [Measured(f"scoring {ROWS:,} rows with reasons for {count:,}, {FEATURES} features, {TREES} trees", pairs, at_most=1.2)]
