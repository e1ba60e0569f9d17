"""What a night in shadow adds to the champion's scoring of the same night: the step `shadow`, and what `performance` does more than without it.

In one process that has done nights before, on two copies of a home, in one of which the version that waited was rejected. `shadow` reads the night's features,
has both versions score every row, compares and commits; `performance` holds the scores to the labels that the night brought. Added may be 1.1 × the scoring, so
that both together may be 2.1 × the scoring.
"""

from datetime import date, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any, Final

from jobs.config.loading import read_pipeline
from jobs.ledger.ledger import Ledger
from jobs.model.registry.acts import Acts
from jobs.model.registry.champion import registry_of
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
    settings, alone = (Settings(home=home / name, pipelines=home / "pipelines") for name in ("beside", "alone"))
    measured = span(AS_OF + timedelta(days=1), AS_OF + timedelta(days=WARM + ROUNDS))
    tiny = _waiting(settings, home)
    for night in measured:
        deliver(settings.landing, night, rows=rows)
    run_nights(settings, tiny, measured)
    copytree(settings.root, alone.root)
    _reject(alone, tiny)
    pipeline, options = read_pipeline(tiny.path), Options(pages=False)
    with opened(settings, pipeline, command="bench", options=options) as beside, opened(alone, pipeline, command="bench", options=options) as without:
        return [_added(beside, without, night) for night in measured][WARM:]


def _added(beside: Run, without: Run, night: date) -> tuple[float, float]:
    scoring, shadow, labels = (_cost(beside, step, night) for step in ("predictions", "shadow", "performance"))
    _cost(without, "predictions", night)
    return scoring + shadow + labels - _cost(without, "performance", night), scoring


def _reject(settings: Settings, tiny: Tiny) -> None:
    about: dict[str, Any] = {"pipeline": tiny.name, "model": MODEL, "night": AS_OF, "by": "bench", "reason": "beside nobody", "promotion": "automatic"}
    Acts(ledger=Ledger.of(settings), registry=registry_of(settings), **about).reject(2)


def _cost(run: Run, step: str, night: date) -> float:
    return cost(lambda: run.walk(chosen(run.pipeline, steps=step, model=None), [night]))


def _waiting(settings: Settings, home: Path) -> Tiny:
    """A champion, and a version that waits."""
    tiny = _written(home, settings, seed=1)
    run_nights(settings, tiny, span(FIRST, AS_OF))
    train(settings, tiny, AS_OF - timedelta(days=1))
    train(settings, _written(home, settings, seed=2), AS_OF)
    if waiting(Ledger.of(settings).decisions(tiny.name, MODEL)) != 2:
        msg = "There must be a champion and a version that waits."
        raise RuntimeError(msg)
    return tiny


def _written(home: Path, settings: Settings, *, seed: int) -> Tiny:
    nights = (AS_OF - FIRST).days + 1
    return write_pipeline(home / "pipelines", settings.landing, nights=nights, changes={**LEAN, "models": {MODEL: {**SPEC, "seed": seed}}})
