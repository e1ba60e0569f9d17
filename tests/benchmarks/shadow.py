"""What a night in shadow adds to the champion's scoring of the same night: the steps `predictions` and `shadow`, against `predictions` alone.

Both in one process that has done nights before. Each reads the night's features, scores every row and commits; `shadow` also pairs, compares and holds
both versions to the labels that the night brought. Added may be 1.1 × the scoring, so that both together may be 2.1 × the scoring.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from jobs.config.loading import read_pipeline
from jobs.ledger.ledger import Ledger
from jobs.model.registry.reign import waiting
from jobs.nightly import chosen
from jobs.nights import span
from jobs.runner import Run, opened
from jobs.settings import Settings
from jobs.work import Options
from tests.benchmarks.measured import ROUNDS, Measured, cost
from tests.tiny import FIRST, LAG, Tiny, deliver, run_nights, train, write_pipeline

MODEL: Final = "returned"
SIZES: Final = ((1_000, None), (200_000, 2.1))
"""Rows of a night, and what is wanted: a small one costs what Spark's planning costs, however little there is to score."""
AS_OF: Final = FIRST + timedelta(days=31)
WARM: Final = LAG["outcomes"] + 1
"""Nights in shadow before any is measured, so that each measured one brings labels of one that was."""
LEAN: Final[dict[str, Any]] = {
    "feeds": {"weather": None, "shops": None, "orders": {"expect": []}},
    "features": {"lookup": None, "latest": None, "history": None},
}
SPEC: Final[dict[str, Any]] = {
    "max_trees": 100,
    "early_stopping": 100,
    "params": {"max_depth": 6},
    "gate": {"floors": {"roc_auc": None}, "beats": [], "min_history_coverage": 0, "champion": {"non_inferior": 0.5}},
    "shadow": {"nights": 366},
}
"""Of champion and challenger alike: they differ in their seed."""


def measure(folder: Path) -> list[Measured]:
    """A night of a usual size, and one whose rows cost more than Spark's planning."""
    return [Measured(f"scoring and shadow of a night of {rows:,} rows", _pairs(folder / str(rows), rows), at_most=limit) for rows, limit in SIZES]


def _pairs(home: Path, rows: int) -> list[tuple[float, float]]:
    settings = Settings(home=home, pipelines=home / "pipelines")
    measured = span(AS_OF + timedelta(days=1), AS_OF + timedelta(days=WARM + ROUNDS))
    tiny = _waiting(settings, home)
    for night in measured:
        deliver(settings.landing, night, rows=rows)
    run_nights(settings, tiny, measured)
    pipeline = read_pipeline(tiny.path)
    pairs = []
    with opened(settings, pipeline, command="bench", options=Options(pages=False)) as run:
        for night in measured:
            scoring = _cost(run, "predictions", night)
            run.walk(chosen(pipeline, steps="performance", model=None), [night])
            pairs.append((scoring + _cost(run, "shadow", night), scoring))
    return pairs[WARM:]


def _cost(run: Run, step: str, night: date) -> float:
    return cost(lambda: run.walk(chosen(run.pipeline, steps=step, model=None), [night]))


def _waiting(settings: Settings, home: Path) -> Tiny:
    """A champion, and a version that waits."""
    tiny = _written(home, seed=1)
    run_nights(settings, tiny, span(FIRST, AS_OF))
    train(settings, tiny, AS_OF - timedelta(days=1))
    train(settings, _written(home, seed=2), AS_OF)
    if waiting(Ledger.of(settings).decisions(tiny.name, MODEL)) != 2:
        msg = "There must be a champion and a version that waits."
        raise RuntimeError(msg)
    return tiny


def _written(home: Path, *, seed: int) -> Tiny:
    nights = (AS_OF - FIRST).days + 1
    return write_pipeline(home / "pipelines", home / "landing", nights=nights, changes={**LEAN, "models": {MODEL: {**SPEC, "seed": seed}}})
