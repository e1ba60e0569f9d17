"""Training on a GPU against the same training on the CPU: the seconds it takes, and whether its scores agree. Left out where there is no GPU."""

import math
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from jobs.config.models import Model, Segments
from jobs.memory import available_memory_mb
from jobs.model.training import training
from jobs.model.training.device import gpu_obstacle
from jobs.model.training.training import Trained, train
from tests.benchmarks.measured import Measured, seconds

FEATURES, NIGHTS, TREES, HOLDOUT = 85, 330, 100, 200_000
TIMED: Final = ((100_000, 2, 3), (100_000, None, 3), (1_000_000, 2, 1), (1_000_000, None, 3), (10_000_000, None, 1))
"""Rows, threads (None: one for every core) and rounds: two threads take minutes for a million rows already."""
BYTES = 40
"""Of memory, for one value of the rows: the frame, its parts and the matrix."""
MODEL = Model(label="made.up", segments=Segments(train=300, tune=30, holdout=28), max_trees=TREES)
UNDRAWN: Mapping[str, Any] = {"subsample": 1.0, "colsample_bynode": 1.0}
"""Trees without chance: what then differs between devices is the order of sums."""
Sides = tuple[pd.DataFrame, pd.DataFrame]


def measure(_folder: Path) -> list[Measured]:
    """Generated rows with a label that can be learned; one empty row of the table, saying why, where there is no GPU."""
    if obstacle := gpu_obstacle():
        return [_not_measured("training on a GPU", obstacle)]
    found = [agreement("as the product trains"), agreement("without chance", UNDRAWN)]
    for rows, threads, rounds in TIMED:
        has_room = rows * FEATURES * BYTES < available_memory_mb() * 2**20
        found += timed(rows, threads, rounds) if has_room else [_not_measured(f"training on a GPU, {rows:,} rows", "too little memory")]
    return found


def _not_measured(what: str, why: str) -> Measured:
    return Measured(what, [(math.nan, math.nan)], unit="", note=f"not measured: {why}")


def timed(rows: int, threads: int | None, rounds: int) -> list[Measured]:
    """Seconds of `train` and of XGBoost in it, on the GPU and on the CPU, in turn."""
    made, used = _rows(rows, seed=0), threads or os.cpu_count() or 2
    took = [(_clock(made, "cuda", used), _clock(made, "cpu", used)) for _ in range(rounds)]
    return [
        Measured(
            f"training, {rows:,} rows, GPU to CPU: {name}",
            [(gpu[part], cpu[part]) for gpu, cpu in took],
            unit="s",
            note=f"{used} threads, {FEATURES} features, {TREES} trees",
        )
        for part, name in enumerate(("all of it", "XGBoost alone"))
    ]


def agreement(what: str, params: Mapping[str, Any] | None = None, *, rows: int = 500_000) -> Measured:
    """Log loss and AUC of both devices on rows that neither saw; beside their scores' differences those of two seeds on the CPU."""
    made, (holdout, _) = _rows(rows, seed=0), _rows(HOLDOUT, seed=1, tune=0)
    cores, seed = os.cpu_count() or 2, MODEL.seed
    gpu, again = (_trained(made, "cuda", cores, params) for _ in range(2))
    trained = {"GPU": gpu, "CPU": _trained(made, "cpu", cores, params), "other seed": _trained(made, "cpu", cores, params, seed=seed + 1)}
    scores = {name: one.artifact.score(holdout) for name, one in trained.items()}
    loss = {name: log_loss(holdout["label"], told) for name, told in scores.items()}
    auc = {name: roc_auc_score(holdout["label"], told) for name, told in scores.items()}
    twice = "the same digest" if gpu.artifact.digest == again.artifact.digest else "another digest"
    lines = [f"{rows:,} rows; twice on the GPU: {twice}"]
    for one in ("GPU", "other seed"):
        apart = np.abs(scores[one] - scores["CPU"])
        spread = f"median {np.median(apart):.1e}, 99 % {np.quantile(apart, 0.99):.1e}, most {apart.max():.1e}"
        lines.append(f"{one} − CPU: log loss {loss[one] - loss['CPU']:+.1e}, AUC {auc[one] - auc['CPU']:+.1e}, scores {spread}")
    return Measured(f"log loss, {what}, GPU to CPU", [(loss["GPU"], loss["CPU"])], unit="", at_most=1.01, note="; ".join(lines))


def _trained(made: Sides, device: str, threads: int, params: Mapping[str, Any] | None = None, *, seed: int = MODEL.seed) -> Trained:
    model = MODEL.model_copy(update={"device": device, "threads": threads, "params": dict(params or {}), "seed": seed})
    return train(*made, model=model, features=[f"f{n}" for n in range(FEATURES)])


def _clock(made: Sides, device: str, threads: int) -> tuple[float, float]:
    with _boosting() as alone:
        whole = seconds(lambda: _trained(made, device, threads))
    return whole, sum(alone)


@contextmanager
def _boosting() -> Iterator[list[float]]:
    boost, took = training._boost, []

    def clocked(*given: Any) -> Any:
        started = time.perf_counter()
        booster = boost(*given)
        took.append(time.perf_counter() - started)
        return booster

    with patch.object(training, "_boost", clocked):
        yield took


def _rows(rows: int, *, seed: int, tune: float = 0.1) -> Sides:
    # By column, as rows read from the lake lie; drawn by several threads, each column from its own seed.
    values = np.empty((FEATURES, rows))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(lambda n: np.random.default_rng([seed, n]).standard_normal(out=values[n]), range(FEATURES)))
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(values.T, columns=[f"f{n}" for n in range(FEATURES)], copy=False)
    nights = np.array([date(2013, 1, 1) + timedelta(days=n) for n in range(NIGHTS)])
    frame["night"] = nights[np.sort(draw.integers(0, NIGHTS, rows))]
    frame["label"] = (values[:5].sum(axis=0) + 3 * draw.normal(size=rows) > 0).astype(int)
    edge = rows - int(rows * tune)
    return frame.iloc[:edge].reset_index(drop=True), frame.iloc[edge:].reset_index(drop=True)
