"""A shop's nights in memory: what its orders come to changes after some weeks; each label is known two nights later."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from jobs.config.loading import read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.config.watching import Retrain
from jobs.model.rows import Rows
from jobs.nights import span
from jobs.retraining.simulation.history import History, Labels
from jobs.retraining.simulation.replay import Replay
from jobs.retraining.simulation.workshop import Workshop
from jobs.watch.soundness import Soundness
from tests.tiny import FIRST, write_pipeline

KEY: Final = ("day", "order_id")
FEATURES: Final = ("shop", "amount", "hour")
BEGIN: Final = FIRST + timedelta(days=34)
LAST: Final = FIRST + timedelta(days=69)
CHANGE: Final = FIRST + timedelta(days=40)
LAX: Final = {"floors": {}, "champion": {"non_inferior": 1.0}, "beats": [], "min_nights": 1, "min_history_coverage": 0.0}
"""A gate that lets everything through that beats a constant."""


def pipeline_in(folder: Path, **changes: Any) -> Pipeline:
    """The tiny pipeline with a lax gate and few trees, and with changes to its model."""
    model = {"gate": LAX, "max_trees": 12, "early_stopping": 4, **changes}
    spec = read_pipeline(write_pipeline(folder, folder / "landing", nights=1).path)
    given = spec.models["returned"].model_dump(mode="json", exclude_defaults=True) | model
    return spec.model_copy(update={"models": {"returned": type(spec.models["returned"]).model_validate(given)}})


def orders(*, last: date = LAST, rows: int = 40) -> pd.DataFrame:
    """Orders with their labels."""
    parts = []
    for night in span(FIRST, last):
        random = np.random.default_rng(night.toordinal())
        frame = pd.DataFrame(
            {
                "day": [night] * rows,
                "order_id": np.arange(rows),
                "night": [night] * rows,
                "shop": random.choice(["ada", "ben", "cleo"], rows),
                "amount": random.uniform(5, 100, rows) + (40 if night >= CHANGE else 0),
                "hour": random.integers(0, 24, rows),
                "outcomes_coverage": 1.0,
            }
        )
        drive = (frame["amount"] - 50) / 12 if night < CHANGE else (90 - frame["amount"]) / 12 - 0.5
        parts.append(frame.assign(label=(random.random(rows) < 1 / (1 + np.exp(-drive))).astype(float)))
    return pd.concat(parts, ignore_index=True)


def versions_of(frame: pd.DataFrame) -> pd.DataFrame:
    """A label each, known two nights after its row."""
    known = [night + timedelta(days=2) for night in frame["night"]]
    return frame[[*KEY, "label"]].assign(known_night=known)


def history_of(frame: pd.DataFrame, versions: pd.DataFrame | None = None) -> History:
    """What a simulation reads."""
    rows = Rows(frame.drop(columns="label"), FEATURES, ("outcomes_coverage",))
    return History(rows, Labels.of(rows.frame, versions_of(frame) if versions is None else versions, KEY))


def workshop_in(folder: Path, history: History, *, made: str = "made", seed: int = 7, **changes: Any) -> Workshop:
    """A workshop; those of one folder share what was made."""
    return Workshop(pipeline_in(folder / "pipelines", **changes), "returned", history, folder / made, seed=seed)


def replay(workshop: Workshop, policy: Mapping[str, Any] | Retrain, *, until: date = LAST, soundness: Soundness | None = None) -> Replay:
    """The nights from BEGIN on under a policy."""
    found = Replay(Retrain.model_validate(policy), workshop, begin=BEGIN, soundness=soundness or Soundness())
    for night in span(BEGIN, until):
        found.night(night)
    return found
