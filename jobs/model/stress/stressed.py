"""What one stress did to a version, in numbers and in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jobs.config.models import Metric
from jobs.config.stress import StressKind
from jobs.model.evaluation.evaluation import Estimate


class About(NamedTuple):
    """Which stress it is."""

    kind: StressKind
    of: str
    """The feature or feed, shortly: `weather`, `distance at 184`; its name on the plot."""
    what: str
    """`Without weather (6 features)`: how its sentence begins."""


@dataclass(frozen=True, kw_only=True)
class Stressed:
    """One stress: a version's scores under it against its scores without."""

    kind: StressKind
    of: str
    what: str
    loss: Metric
    """What training minimises."""
    rows: int = 0
    nights: int = 0
    change: float | None = None
    """Mean absolute change of a score; None of a month, whose rows are others."""
    flips: float | None = None
    """Share of rows for which the decision is another; None of a month and of a regression."""
    shift: float = 0.0
    """Mean score less the mean score without the stress."""
    differences: Mapping[Metric, Estimate] = field(default_factory=dict)
    """Per metric: under the stress less without it."""
    problem: str | None = None
    """Why it could not be computed; the numbers then say nothing."""

    @property
    def rise(self) -> Estimate:
        """By how much the loss rises."""
        return self.differences[self.loss]

    @property
    def worst(self) -> float:
        """The worse end of `rise`, or its value where there is no interval; stresses are put in order by it."""
        if self.problem is not None:
            return float("-inf")
        return self.rise.value if self.rise.high is None else self.rise.high

    @property
    def sentence(self) -> str:
        """For a reviewer: `Without weather (6 features), log_loss rises by 0.0040 [0.0010, 0.0070]; 3.0 % of the decisions flip, …`."""
        if self.problem is not None:
            return f"{self.what}: cannot be computed, {self.problem.rstrip('.')}."
        if self.change == 0:
            return f"{self.what}, no score changes."
        scores = "" if self.change is None else f"{'; ' if self.flips is None else ', and '}a score moves by {self.change:.4f} on average"
        decisions = "" if self.flips is None else f"; {self.flips:.1%} of the decisions flip"
        return f"{self.what}, {self._risen}{decisions}{scores}."

    @property
    def _risen(self) -> str:
        value, low, high = self.rise
        size = f"{abs(value):.4f}"
        if low is not None and high is not None:
            size += f" [{low:.4f}, {high:.4f}]" if value >= 0 else f" [{-high:.4f}, {-low:.4f}]"
        return f"{self.loss} {'rises' if value >= 0 else 'falls'} by {size}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "differences": {name: one.to_dict() for name, one in self.differences.items()}, "sentence": self.sentence}
