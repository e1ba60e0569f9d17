"""The evaluation of a million rows, against ten times that of a tenth of them: time and memory must not grow faster than the rows."""

import tracemalloc
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.config.models import Kind
from jobs.model.decision import Decision
from jobs.model.evaluation.evaluation import evaluate
from jobs.model.evaluation.floats import Floats
from tests.benchmarks.measured import Measured, in_turn

ROWS, TIMES, NIGHTS = 1_000_000, 10, 28


def measure(_folder: Path) -> list[Measured]:
    """All metrics with intervals, of a version and three baselines, both types."""
    return [one for kind in ("binary", "regression") for one in _both(kind)]


def _both(kind: Kind) -> list[Measured]:
    large, small = _evaluation(kind, ROWS), _evaluation(kind, ROWS // TIMES)

    def again(_: int) -> None:
        for _time in range(TIMES):
            small()

    time = in_turn(lambda _: large(), again)
    memory = (_peak(large), TIMES * _peak(small))
    note = f"{ROWS} rows against {TIMES} × {ROWS // TIMES}"
    return [Measured(f"evaluation, {kind}", time, note=note), Measured(f"evaluation, {kind}, peak", [memory], unit="MiB", note=note)]


def _evaluation(kind: Kind, rows: int) -> Callable[[], object]:
    draw = np.random.default_rng(0)
    night = np.sort(draw.integers(0, NIGHTS, rows))
    signal = draw.normal(size=rows)
    label = (signal + draw.normal(size=rows) > 1).astype(float) if kind == "binary" else 10 * signal + 20 * draw.normal(size=rows)
    frame = pd.DataFrame({"night": np.array([date(2013, 1, 1) + timedelta(days=n) for n in range(NIGHTS)])[night], "label": label})

    def score(noise: float) -> Floats:
        told = signal + noise * draw.normal(size=rows)
        return np.asarray(1 / (1 + np.exp(1 - told)) if kind == "binary" else 10 * told)

    own, baselines = score(0.5), {name: score(noise) for name, noise in (("constant", 5), ("historical_rate", 2), ("linear", 1))}
    decision = Decision(threshold=0.3) if kind == "binary" else None
    return lambda: evaluate(frame, own, kind=kind, decision=decision, baselines=baselines, seed=0)


def _peak(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20
