"""A model that leans on one feature, barely uses another and never a third; and how it is stressed."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd

from jobs.config.models import Model
from jobs.config.stress import Stress
from jobs.model.decision import Decision
from jobs.model.stress.stressed import Stressed
from jobs.model.stress.stressing import Stressing
from jobs.model.training.training import Trained, train

FIRST = date(2024, 1, 1)
FEATURES = ["leaned_on", "slight", "never", "shop"]


def nights_of(nights: int, rows: int = 40, *, kind: str = "binary", start: int = 0) -> pd.DataFrame:
    random, parts = np.random.default_rng((5, start)), []
    for number in range(start, start + nights):
        frame = pd.DataFrame(
            {
                "night": [FIRST + timedelta(days=number)] * rows,
                "leaned_on": random.normal(5, 1, rows),
                "slight": random.normal(0, 1, rows),
                "never": [3.0] * rows,
                "shop": random.choice(["ada", "ben"], rows),
            }
        )
        drive = 2 * (frame["leaned_on"] - 5) + 0.3 * frame["slight"] + 0.5 * (frame["shop"] == "ada")
        label = drive + random.normal(0, 0.5, rows) if kind == "regression" else (random.random(rows) < 1 / (1 + np.exp(-drive))).astype(int)
        parts.append(frame.assign(label=label))
    return pd.concat(parts, ignore_index=True)


def model_of(kind: str, fill: float | None) -> Model:
    about = {"type": "regression", "gate": {"champion": {"non_inferior": 0.1}}} if kind == "regression" else {}
    fills = {} if fill is None else {"fill": {"leaned_on": fill}}
    spec = {"label": "o.late", "segments": {"train": 60, "tune": 10, "holdout": 14}, "max_trees": 60, "params": {"max_depth": 3}, "threads": 1, "device": "cpu"}
    return Model.model_validate({**spec, **about, **fills})


@cache
def trained(*, kind: str = "binary", fill: float | None = None) -> Trained:
    return train(nights_of(60, kind=kind), nights_of(10, kind=kind, start=62), model=model_of(kind, fill), features=FEATURES)


@cache
def stressing(*, kind: str = "binary", fill: float | None = None, nights: int = 14) -> Stressing:
    """Trained on sixty nights; stressed on `nights` more, with the feeds `main` and `side`."""
    model = model_of(kind, fill)
    return Stressing(
        config=Stress(),
        kind=model.type,
        loss=model.loss,
        artifact=trained(kind=kind, fill=fill).artifact,
        decision=None if kind == "regression" else Decision(threshold=0.5),
        holdout=nights_of(nights, kind=kind, start=74),
        train=nights_of(60, kind=kind),
        seed=7,
        without={"main": {"leaned_on": None, "slight": 0}, "side": {"never": None}},
        again={},
    )


def by_name(given: Stressing) -> Mapping[tuple[str, str], Stressed]:
    """Kind and feature or feed → what it did; of extremes the first word."""
    return {(one.kind, one.of.split(" at ")[0]): one for one in reversed(given.results)}
