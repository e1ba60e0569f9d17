"""Models: the label, the nights a version is made from, the gate, drift and publication."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from jobs.config.base import Name, Section, Sql

Metric = Literal["roc_auc", "pr_auc", "log_loss", "brier"]
Device = Literal["auto", "cpu", "cuda"]
HIGHER_IS_BETTER: frozenset[str] = frozenset({"roc_auc", "pr_auc"})


class Segments(Section):
    """Numbers of nights, oldest segment first, each apart from the next by the label lag."""

    train: int = Field(ge=7)
    tune: int = Field(ge=3)
    """Early stopping."""
    calibrate: int = Field(default=0, ge=0)
    holdout: int = Field(ge=1)
    """What the gate judges; nothing is fitted on it, before or after."""


class AgainstChampion(Section):
    """The paired comparison with the champion on the same holdout; one of the two rules."""

    metric: Metric = "log_loss"
    non_inferior: float | None = Field(default=None, ge=0)
    """The interval's worse end may be worse than the champion by this much."""
    superior: float | None = Field(default=None, ge=0)
    """The interval's worse end must be better than the champion by more than this."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.non_inferior is None) == (self.superior is None):
            msg = "exactly one of `non_inferior` and `superior` must be given"
            raise ValueError(msg)
        return self


class Gate(Section):
    """What a version has to show before it goes live."""

    floors: dict[Metric, float] = Field(default_factory=dict)
    """The least (roc_auc, pr_auc) or most (log_loss, brier) that is good enough."""
    champion: AgainstChampion = AgainstChampion(non_inferior=0.002)
    min_nights: int = Field(default=7, ge=1)
    """Nights with labels that the holdout must have."""
    min_label_coverage: float = Field(default=0.9, ge=0, le=1)
    """Share of the holdout's scored rows whose label is known."""
    min_history_coverage: float = Field(default=0.5, ge=0, le=1)
    """Mean share of the features' longest window that was delivered, over the training rows."""


class Drift(Section):
    """Population stability index against the champion's reference, per feature and for the score."""

    watch: float = Field(default=0.1, gt=0)
    drifted: float = Field(default=0.25, gt=0)
    stop_publishing_above: float | None = Field(default=None, gt=0)
    """A night whose score drifts further than this is not published."""


class Publish(Section):
    """The night in the warehouse."""

    view: Annotated[str, Field(pattern=r"^v[1-9][0-9]*$")] = "v1"


class Model(Section):
    """One model on the pipeline's features."""

    label: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
    """`feed.column`: a column of a feed with the same key as the rows."""
    type: Literal["binary"] = "binary"
    population: Sql | None = None
    """A condition on the features: which rows this model scores. Left out: all."""
    leave_out: list[Name] = Field(default_factory=list)
    """Features that this model does not use."""
    fill: dict[Name, float | Literal["mean", "median"]] = Field(default_factory=dict)
    """What stands for a missing value; learned on `train` and kept with the version. Left out: missing stays missing."""
    min_category_count: int = Field(default=50, ge=1)
    """A rarer text value of a feature counts as missing."""
    segments: Segments
    threshold: Literal["from purpose"] | Annotated[float, Field(gt=0, lt=1)] = "from purpose"
    params: dict[str, float | int | str | bool] = Field(default_factory=dict)
    """XGBoost parameters that differ from the product's."""
    max_trees: int = Field(default=600, ge=1)
    early_stopping: int = Field(default=30, ge=1)
    """Stop when so many trees brought nothing on `tune`."""
    seed: int = 7
    threads: int = Field(default=2, ge=1)
    """Pinned, since sums in another order give other trees."""
    device: Device = "auto"
    gate: Gate = Gate()
    drift: Drift = Drift()
    publish: Publish = Publish()

    @property
    def label_feed(self) -> str:
        """The feed that carries the label."""
        return self.label.split(".")[0]

    @property
    def label_column(self) -> str:
        """The label's column in its feed."""
        return self.label.split(".")[1]
