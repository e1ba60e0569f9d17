"""Made-up nights with a weekly rhythm, good and bad days; and contenders."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from jobs.config.models import Model
from jobs.model.evaluation.baselines import Baseline
from jobs.model.evaluation.floats import Floats
from jobs.model.segments import Span
from jobs.model.training.training import Trained, train

FIRST = date(2013, 1, 1)
FEATURES = ["carrier", "hour", "late_7", "holiday"]


def nights_of(*, nights: int = 140, rows: int = 80, seed: int = 1) -> pd.DataFrame:
    random, parts = np.random.default_rng(seed), []
    for number in range(nights):
        night, bad = FIRST + timedelta(days=number), random.normal(0, 0.3)
        frame = pd.DataFrame(
            {
                "night": [night] * rows,
                "carrier": random.choice(["AA", "B6", "UA", "XX"], rows, p=[0.4, 0.3, 0.295, 0.005]),
                "hour": random.integers(5, 23, rows),
                "late_7": np.where(random.random(rows) < 0.1, np.nan, random.normal(0.25, 0.1, rows)),
                "holiday": night.weekday() == 6,
            }
        )
        logit = (
            -1.5
            + bad
            + 0.3 * (night.weekday() >= 4)
            + 0.09 * (frame["hour"] - 13)
            + 0.8 * (frame["carrier"] == "B6")
            + 4 * (frame["late_7"].fillna(0.25) - 0.25)
        )
        parts.append(frame.assign(label=(random.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)))
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class Made:
    """Rows by segment, and what was trained on them."""

    model: Model
    spans: dict[str, Span]
    rows: dict[str, pd.DataFrame]
    trained: Trained
    baselines: dict[str, Baseline]

    def again(self, **changes: object) -> Trained:
        """Another version from the same rows."""
        return train(self.rows["train"], self.rows["tune"], model=self.model.model_copy(update=changes), features=FEATURES)

    @cached_property
    def rival(self) -> Trained:
        """A version that is neither better nor worse: another seed."""
        return self.again(seed=8)

    def contender(self, trained: Trained | None = None) -> "Fake":
        """A trained version as the gate wants it; by default the first."""
        artifact = (trained or self.trained).artifact
        return Fake(artifact.score, artifact.digest, self.spans)


@dataclass(frozen=True)
class Fake:
    """A contender that scores as the test wants."""

    scoring: Callable[[pd.DataFrame], Floats]
    digest: str = "f" * 64
    spans: dict[str, Span] = field(default_factory=lambda: {"train": Span(FIRST, FIRST)})

    size: int = 1000

    def score(self, frame: pd.DataFrame) -> Floats:
        return self.scoring(frame)
