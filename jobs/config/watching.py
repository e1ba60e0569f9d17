"""What is watched after the night, and what follows: signals, retraining, alerts."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from jobs.config.base import Name, Section, UpToAYear

ModelSignal = Literal[
    "score_drift",
    "feature_drift",
    "loss",
    "loss_ratio",
    "loss_increase",
    "estimated_loss_ratio",
    "estimated_loss_increase",
    "auc",
    "estimated_auc",
    "calibration_error",
    "balance",
    "concept",
    "refused",
]
DataSignal = Literal["red", "quarantined", "volume", "missing_history", "behind"]
SIGNALS: Final[Mapping[ModelSignal | DataSignal, str]] = {
    "score_drift": "distance of the score, in units of its mark `drifted`",
    "feature_drift": "share of the trees' gain that rests on drifted features",
    "loss": "realised loss",
    "loss_ratio": "realised loss by that of the constant that training knew",
    "loss_increase": "realised loss less that of the champion's holdout",
    "estimated_loss_ratio": "as `loss_ratio`, estimated before labels are known",
    "estimated_loss_increase": "as `loss_increase`, likewise",
    "auc": "realised area under the ROC curve",
    "estimated_auc": "the same, estimated before labels are known",
    "calibration_error": "mean distance between score and label over tenths of the rows",
    "balance": "how far the mean label is from that of training",
    "concept": "realised loss less the estimated one: what the relation of features and label has to do with it",
    "refused": "1 while the last training has brought no version that passed the gate",
    "red": "steps of the night that are red",
    "quarantined": "share of the night's delivered rows that are bad or duplicates",
    "volume": "rows to score by their median over the four weeks before",
    "missing_history": "share of the features' windows that was not delivered",
    "behind": "nights since the newest night that is published, at the night's own time",
}
"""Realised and estimated ones are of the `over` newest nights together; drift is that of the night's own report."""

OF_PROBABILITIES: Final[frozenset[ModelSignal]] = frozenset(
    {"auc", "estimated_auc", "estimated_loss_ratio", "estimated_loss_increase", "calibration_error", "concept"}
)


class Condition(Section):
    """A signal beyond a bound, in enough of the newest nights."""

    above: float | None = None
    """The bound; or `below`."""
    below: float | None = None
    """The bound; or `above`."""
    nights: UpToAYear = Field(default=1, ge=1)
    """In so many nights …"""
    of: UpToAYear | None = Field(default=None, ge=1)
    """… of so many newest ones. Left out: as many as `nights`."""
    over: UpToAYear = Field(default=7, ge=1)
    """Nights that a realised or estimated signal is computed over."""

    @property
    def window(self) -> int:
        """How many nights are looked at."""
        return self.of or self.nights

    def beyond(self, value: float) -> bool:
        """Whether a value is beyond the bound."""
        return value > self.above if self.above is not None else self.below is not None and value < self.below

    def _problems(self) -> Iterator[str]:
        if (self.above is None) == (self.below is None):
            yield "exactly one of `above` and `below` must be given"
        if self.of is not None and self.of < self.nights:
            yield f"of: must not be fewer than `nights` (got {self.of} and {self.nights})"

    @property
    def bound(self) -> str:
        """`> 0.98`."""
        return f"> {self.above:g}" if self.above is not None else f"< {self.below:g}"


class Trigger(Condition):
    """What starts a retraining: a signal beyond a bound, the calendar, several of these, or nothing. Exactly one of the five."""

    signal: ModelSignal | None = None
    """Which number is held against the bound."""
    every: Literal["week", "month"] | Annotated[UpToAYear, Field(ge=1)] | None = None
    """The first night of a week or month, or so many nights after the last training."""
    any: list["Trigger"] = Field(default_factory=list)
    """One of these is enough."""
    all: list["Trigger"] = Field(default_factory=list)
    """It takes all of these."""
    never: Literal[True] | None = None
    """Only people retrain."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(given := [name for name in ("signal", "every", "any", "all", "never") if getattr(self, name)]) != 1:
            msg = f"exactly one of `signal`, `every`, `any`, `all` and `never` must be given (got {given})"
            raise ValueError(msg)
        if self.signal and (problems := [*self._problems()]):
            raise ValueError("\n".join(problems))
        if not self.signal and (stray := sorted(self.model_fields_set & {"above", "below", "nights", "of", "over"})):
            msg = f"{', '.join(f'`{name}`' for name in stray)} belong to a `signal`"
            raise ValueError(msg)
        return self

    @property
    def signals(self) -> frozenset[str]:
        """All that it looks at."""
        return frozenset(filter(None, [self.signal])).union(*(one.signals for one in [*self.any, *self.all]))

    @property
    def told(self) -> str:
        """In words: `loss_ratio > 0.98 in 3 of 5 nights`, `every month`."""
        if self.signal:
            together = f", over {self.over} nights" if "over" in self.model_fields_set else ""
            return f"{self.signal} {self.bound} in {self.nights} of {self.window} nights{together}"
        if self.every:
            return f"every {self.every} nights" if isinstance(self.every, int) else f"every {self.every}"
        parts = " or ".join(one.told for one in self.any) or " and ".join(one.told for one in self.all)
        return f"({parts})" if parts else "never"


class Retrain(Section):
    """When a model is trained again without being asked, and what keeps it from that."""

    when: Trigger = Trigger(never=True)
    """Left out: never."""
    cooldown: UpToAYear = Field(default=14, ge=1)
    """Nights after a training in which no other is started."""
    per_month: int = Field(default=2, ge=1)
    """Trainings that may be started in a calendar month."""
    min_new_labels: int = Field(default=1, ge=0)
    """Rows whose label has become known since the last training."""
    after_refusal: UpToAYear = Field(default=28, ge=1)
    """Nights after a refused challenger in which no other is started."""
    attempts: int = Field(default=3, ge=1)
    """Runs of Dagster's sensor that may come to nothing before it is given up. What no other try can cure, the command gives up at once."""


class AlertRule(Condition):
    """Somebody is told when a signal is beyond a bound; once per episode."""

    signal: ModelSignal | DataSignal
    """Which number is held against the bound."""
    models: list[Name] | None = None
    """Of a model's signal: which. Left out: all that have it; regressions have none of probabilities."""
    severity: Literal["info", "warning", "critical"] = "warning"
    """How it is told."""
    repeat: UpToAYear = Field(default=7, ge=1)
    """Told again after so many nights, while it lasts."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if problems := [*self._problems()]:
            raise ValueError("\n".join(problems))
        return self


class Alerts(Section):
    """Who is told of what. Every alert is in the log; a webhook gets it as well where there is one."""

    webhook: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """The environment variable that holds its address; it may be a secret. It is sent JSON with `text`, as Slack's and others' take it."""
    rules: dict[Name, AlertRule] = Field(default_factory=dict)
    """By a name that people know it by."""
