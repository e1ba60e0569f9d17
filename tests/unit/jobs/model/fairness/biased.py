"""Nights with a bias that is known, since it is made: b's positives are found less often, by a stated share."""

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from jobs.config.fairness import Fairness
from jobs.config.features import Features
from jobs.config.models import Model
from jobs.config.pipeline import Cost, Pipeline, Purpose
from jobs.model import segments
from jobs.model.gate.case import Case
from jobs.model.material import Material
from jobs.model.rows import Rows
from jobs.model.training.training import Trained

FIRST: Final = date(2013, 1, 1)
BASE, B = 0.3, 0.4
"""Share of positives in either group; share of rows of b."""
STRONG, WEAK = {"a": 0.80, "b": 0.55}, {"a": 0.15, "b": 0.40}
"""Of a group's positives, the share with strong and with weak evidence; the rest has none."""
GAP: Final = 0.25
"""Between the shares that are found, of whoever predicts those with strong evidence: that of `STRONG`."""
FALSE_STRONG, FALSE_WEAK = 0.05, 0.35
"""Of the negatives of either group."""
COST: Final = Cost(missed=16, false_alarm=9)
"""So that rows are predicted from .36 on: above what weak evidence means in both groups together, .30 at most, below what it means in b, .41."""
STEPS: Final = np.arange(6, 16) / np.arange(6, 16).sum()
"""Weak and strong evidence have ten steps each, the higher the likelier; 0 is none, 1 to 10 weak, 11 to 20 strong."""
SETTINGS: Final = {"max_depth": 4, "min_child_weight": 5, "subsample": 1.0, "colsample_bynode": 1.0, "eta": 0.1, "lambda": 1.0}


def chances(group: str, label: int) -> np.ndarray:
    """Of each evidence, for rows of a group with a label."""
    strong, weak = (STRONG[group], WEAK[group]) if label else (FALSE_STRONG, FALSE_WEAK)
    steps = STEPS if label else np.full(10, 0.1)
    return np.concatenate([[1 - strong - weak], weak * steps, strong * steps])


def nights_of(*, nights: int = 130, rows: int = 300, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    count = nights * rows
    frame = pd.DataFrame(
        {
            "night": [FIRST + timedelta(days=number // rows) for number in range(count)],
            "group": np.where(random.random(count) < B, "b", "a"),
            "label": (random.random(count) < BASE).astype(int),
            "evidence": 0.0,
        }
    )
    for (group, label), some in frame.groupby(["group", "label"]).groups.items():
        frame.loc[some, "evidence"] = random.choice(21, len(some), p=chances(group, label)).astype(float)
    return frame


def true_cost(predicted: dict[tuple[str, int], bool]) -> float:
    """Of errors per row, if rows are predicted by group and evidence like this."""
    total = 0.0
    for group, share in (("a", 1 - B), ("b", B)):
        taken = np.array([predicted[group, step] for step in range(21)])
        missed, false = chances(group, 1)[~taken].sum(), chances(group, 0)[taken].sum()
        total += share * (BASE * COST.missed * missed + (1 - BASE) * COST.false_alarm * false)
    return float(total)


@cache
def _rows() -> Rows:
    return Rows(nights_of(), ("evidence",), ())


def material(**changes: object) -> Material:
    """The rows in segments, and what is asked of fairness."""
    fairness = Fairness(**{"attributes": ["group"], **changes})
    model = Model(
        label="outcomes.late",
        segments={"train": 60, "tune": 14, "calibrate": 20, "holdout": 28},
        max_trees=60,
        params=SETTINGS,
        fairness=fairness,
    )
    rows = _rows()
    if fairness.learn_from:
        rows = replace(rows, features=("evidence", *fairness.learn_from))
    pipeline = Pipeline.model_construct(purpose=Purpose(goal="a test", cost=COST), features=Features(rows="made", take=["evidence", "group"]))
    return Material("made.late", model, pipeline, rows, segments.cut(model.segments, as_of=date(2013, 5, 10), lag=2, first=FIRST), {})


def case(given: Material, trained: Trained | None = None) -> Case:
    """What the gate is given."""
    return given.case(trained or given.train(), read_champion=lambda: None)
