"""One decision of the controller on a year of facts, against fifty milliseconds."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from jobs.config.watching import Retrain, Trigger
from jobs.nights import span
from jobs.performance.tally import tallies
from jobs.retraining.controller import decide
from jobs.watch.facts import Facts, Known
from tests.benchmarks.measured import ROUNDS, Measured, seconds

FIRST, NIGHTS, ROWS, ALLOWED = date(2013, 1, 1), 365, 900, 0.05
WHEN = Trigger(
    any=[
        Trigger(signal="loss_ratio", above=0.98, nights=3, of=5),
        Trigger(signal="concept", above=0.2, nights=3, of=5, over=28),
        Trigger(signal="score_drift", above=1, nights=7, of=14),
    ]
)


def measure(_folder: Path) -> list[Measured]:
    """The last night of the year; three signals, each over some nights."""
    facts, last = _facts(), FIRST + timedelta(days=NIGHTS - 1)
    pairs = [(seconds(lambda: decide(Retrain(when=WHEN), facts, last)), ALLOWED) for _ in range(ROUNDS + 1)][1:]
    return [Measured("a decision on a year of facts", pairs, unit="s", at_most=1, note=f"{NIGHTS} nights; reference: 50 ms")]


def _facts() -> Facts:
    draw, nights = np.random.default_rng(0), span(FIRST, FIRST + timedelta(days=NIGHTS - 1))
    group, score = np.repeat(np.arange(NIGHTS), ROWS), draw.random(NIGHTS * ROWS)
    label = (draw.random(len(score)) < score).astype(float)
    known, expected = (tallies(group, NIGHTS, given, score, constant=0.5, kind="binary", loss="log_loss") for given in (label, score))
    return Facts(
        kind="binary",
        loss="log_loss",
        drift={night: {"score_drift": float(draw.random()), "feature_drift": 0.1} for night in nights},
        realised={night: [Known(night + timedelta(days=2), 1, tally)] for night, tally in zip(nights, known, strict=True)},
        estimated={night: Known(night, 1, tally) for night, tally in zip(nights, expected, strict=True)},
        holdouts={1: {"log_loss": 0.5, "trained_mean_label": 0.5}},
        reigns=[(FIRST, 1)],
    )
