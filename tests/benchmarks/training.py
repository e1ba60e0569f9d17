"""Training as the product does it, against a bare xgb.train and one read of the joined frame."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost

from jobs.config.loading import load_pipeline
from jobs.lake.session import spark_session
from jobs.model.training.training import train
from tests.benchmarks.measured import Measured, in_turn, settings_in

ROWS, FEATURES, NIGHTS, TREES = 300_000, 85, 330, 100


def measure(folder: Path) -> list[Measured]:
    """Generated rows of the size of the real year, with a label that can be learned."""
    settings = settings_in(folder)
    # Fewer trees than it may have: what is measured is what the product adds, and more trees only hide it.
    model = load_pipeline("flights", settings).models["delayed"].model_copy(update={"max_trees": TREES})
    spark = spark_session(settings)
    frame = _rows()
    spark.createDataFrame(frame).write.format("delta").save(str(folder / "rows"))
    names = [f"f{n}" for n in range(FEATURES)]

    def read() -> tuple[pd.DataFrame, pd.DataFrame]:
        rows = spark.read.format("delta").load(str(folder / "rows")).toPandas().sort_values("row", ignore_index=True)
        edge = int(len(rows) * 0.9)
        return rows.iloc[:edge].reset_index(drop=True), rows.iloc[edge:].reset_index(drop=True)

    trees = []

    def ours(_: int) -> None:
        made_from, tune = read()
        trained = train(made_from, tune, model=model, features=names)
        trees.append((trained.params, trained.best_iteration))

    def reference(_: int) -> None:
        made_from, tune = read()
        params = {name: value for name, value in trees[-1][0].items() if name not in {"max_trees", "early_stopping"}}
        matrix = xgboost.QuantileDMatrix(made_from[names].to_numpy(np.float32), made_from["label"].to_numpy(), nthread=params["nthread"])
        other = xgboost.QuantileDMatrix(tune[names].to_numpy(np.float32), tune["label"].to_numpy(), ref=matrix, nthread=params["nthread"])
        xgboost.train(params, matrix, model.max_trees, evals=[(other, "tune")], early_stopping_rounds=model.early_stopping, verbose_eval=False)

    return [Measured("training, the year", in_turn(ours, reference), at_most=1.3, note=f"{ROWS} rows, {FEATURES} features, {TREES} trees")]


def _rows() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(ROWS, FEATURES))
    frame = pd.DataFrame(values, columns=[f"f{n}" for n in range(FEATURES)])
    night = np.sort(draw.integers(0, NIGHTS, ROWS))
    label = (values[:, :5].sum(axis=1) + 3 * draw.normal(size=ROWS) > 0).astype(int)
    return frame.assign(row=np.arange(ROWS), night=[date(2013, 1, 1) + timedelta(days=int(n)) for n in night], label=label)
