"""Models: the label, the nights a version is made from, the gate, drift and publication."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from jobs.config.base import Name, Section, Sql, UpToTenYears
from jobs.config.drift import Drift
from jobs.config.fairness import Fairness
from jobs.config.reasons import Reasons
from jobs.config.search import Search
from jobs.config.shadow import Shadow
from jobs.config.stress import Stress
from jobs.config.watching import OF_PROBABILITIES, Retrain

Kind = Literal["binary", "regression"]
Metric = Literal["roc_auc", "pr_auc", "log_loss", "brier", "mae", "rmse", "r2"]
Simple = Literal["historical_rate", "linear"]
Calibrate = Literal["none", "platt", "isotonic", "best"]
Device = Literal["auto", "cpu", "cuda"]
Promotion = Literal["automatic", "approval"]
HIGHER_IS_BETTER: Final[frozenset[Metric]] = frozenset({"roc_auc", "pr_auc", "r2"})
METRICS: Final[Mapping[Kind, tuple[Metric, ...]]] = {"binary": ("roc_auc", "pr_auc", "log_loss", "brier"), "regression": ("mae", "rmse", "r2")}


class Segments(Section):
    """Numbers of nights, oldest segment first, each apart from the next by the label lag."""

    train: UpToTenYears = Field(ge=7)
    tune: UpToTenYears = Field(ge=3)
    """Early stopping."""
    calibrate: UpToTenYears = Field(default=0, ge=0)
    holdout: UpToTenYears = Field(ge=1)
    """What the gate judges; nothing is fitted on it, before or after."""


class Imbalance(Section):
    """For rare positives: what is learned from is balanced, the scores stay true probabilities."""

    positive_weight: Annotated[float, Field(gt=0)] | Literal["balanced"] = 1.0
    """What a positive row weighs; `balanced`: all positives as much as all negatives."""
    negative_share: float = Field(default=1.0, gt=0, le=1)
    """Which share of the negative rows is trained on, drawn by the seed."""


class Target(Section):
    """Which rows are predicted positive, by what is wanted of the prediction; one of the three."""

    precision: float | None = Field(default=None, gt=0, lt=1)
    """The lowest threshold with this share of true cases among the predicted, learned on `calibrate`, or else on `tune`."""
    recall: float | None = Field(default=None, gt=0, lt=1)
    """The highest threshold that finds this share of the cases, learned on the same rows."""
    top: int | None = Field(default=None, ge=1)
    """So many rows of each night, those with the highest scores."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(given := [name for name in ("precision", "recall", "top") if getattr(self, name) is not None]) != 1:
            msg = f"exactly one of `precision`, `recall` and `top` must be given (got {given})"
            raise ValueError(msg)
        return self


class AgainstChampion(Section):
    """The paired comparison with the champion on the same holdout; one of the two rules."""

    metric: Metric | None = None
    """Left out: what the training minimises."""
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


class Parts(Section):
    """No slice may be worse than the champion's by more than the margin, beyond chance."""

    margin: float = Field(ge=0)
    """In units of what training minimises."""
    min_rows: int = Field(default=500, ge=20)
    """Smaller slices are judged together, as `others`."""


class Gate(Section):
    """What a version has to show before it goes live."""

    floors: dict[Metric, float] = Field(default_factory=dict)
    """The least (roc_auc, pr_auc, r2) or most (all other metrics) that is good enough."""
    champion: AgainstChampion = AgainstChampion(non_inferior=0.002)
    beats: tuple[Simple, ...] = ("historical_rate",)
    """Baselines, besides the constant, that the version must not be worse than by what training minimises."""
    leaks: Literal["report", "refuse"] = "report"
    """What is done about a feature that alone nearly decides the label, or a model far beyond all baselines."""
    slices: Parts | None = None
    """Left out: slices are told and not judged."""
    max_calibration_error: float | None = Field(default=None, gt=0)
    """Mean distance between score and label over tenths of the rows. Left out: not judged."""
    max_megabytes: float | None = Field(default=None, gt=0)
    """Of `model.ubj`. Left out: any."""
    max_seconds_per_million: float | None = Field(default=None, gt=0)
    """To score a million rows, as measured on the holdout. Left out: any."""
    min_nights: UpToTenYears = Field(default=7, ge=1)
    """Nights with labels that the holdout must have."""
    min_label_coverage: float = Field(default=0.9, ge=0, le=1)
    """Share of the holdout's scored rows whose label is known."""
    min_history_coverage: float = Field(default=0.5, ge=0, le=1)
    """Mean share of the features' longest window that was delivered, over the training rows."""


ViewName = Annotated[str, Field(pattern=r"^v[1-9][0-9]*$")]


class Publish(Section):
    """The night in the warehouse."""

    view: ViewName = "v1"
    """The contract that the night keeps. Another one has a table and views of its own."""
    ends: dict[ViewName, date] = Field(default_factory=dict)
    """Former contracts and their last day, after which `matins maintain` takes their views away; left out: they stay."""

    @model_validator(mode="after")
    def _only_former(self) -> Self:
        if wrong := sorted(name for name in self.ends if int(name[1:]) >= int(self.view[1:])):
            msg = f"ends: {wrong[0]} is not a former contract; `view` is {self.view}"
            raise ValueError(msg)
        return self


class Model(Section):
    """One model on the pipeline's features."""

    label: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
    """`feed.column`: a column of a feed with the same key as the rows."""
    type: Kind = "binary"
    """`binary`: the label is true or false, the score its probability. `regression`: the label is a quantity, the score a guess at it."""
    error: Literal["squared", "absolute"] = "squared"
    """Of a regression: what is minimised, and so what the score is, the mean or the median."""
    population: Sql | None = None
    """A condition on the features: which rows this model scores. Left out: all."""
    leave_out: list[Name] = Field(default_factory=list)
    """Features that this model does not use."""
    fill: dict[Name, float | Literal["mean", "median"]] = Field(default_factory=dict)
    """What stands for a missing value; learned on `train` and kept with the version. Left out: missing stays missing."""
    min_category_count: int = Field(default=50, ge=1)
    """A rarer text value of a feature counts as missing."""
    segments: Segments
    slices: list[Name] = Field(default_factory=list)
    """Features whose values divide the holdout into parts that are told apart."""
    threshold: Literal["from purpose"] | Annotated[float, Field(gt=0, lt=1)] | Target = "from purpose"
    imbalance: Imbalance | None = None
    calibrate: Calibrate = "none"
    """Learned on the segment of that name. `best`: whichever of nothing, Platt and isotonic is better on other nights of it."""
    half_life: UpToTenYears | None = Field(default=None, ge=1)
    """A training row so many nights older weighs half. Left out: all the same."""
    keep_features: int | None = Field(default=None, ge=1)
    """Train on so many features only: those whose shuffling on `tune` costs most. Left out: all."""
    params: dict[str, float | int | str | bool] = Field(default_factory=dict)
    """XGBoost parameters that differ from the product's."""
    search: Search | None = None
    """Left out: no search."""
    max_trees: int = Field(default=600, ge=1)
    early_stopping: int = Field(default=30, ge=1)
    """Stop when so many trees brought nothing on `tune`."""
    seed: int = 7
    threads: int = Field(default=2, ge=1)
    """Pinned, since sums in another order give other trees."""
    device: Device = "auto"
    gate: Gate = Gate()
    stress: Stress | None = None
    """Left out: no version is measured under stress."""
    promotion: Promotion = "automatic"
    """What becomes of a version that the gate passes. `automatic`: it is champion at once. `approval`: it waits until a person approves it."""
    shadow: Shadow | None = None
    """What a version that waits does until it may go live. Left out: nothing, and only `promotion: approval` makes a version wait."""
    fairness: Fairness | None = None
    """Left out: no groups are compared."""
    drift: Drift = Drift()
    retrain: Retrain = Retrain()
    reasons: Reasons | None = None
    """Left out: rows are explained when asked for, by `matins why`."""
    publish: Publish = Publish()

    @field_validator("type", mode="before")
    @classmethod
    def _not_several_classes(cls, given: Any) -> Any:
        if str(given).replace("-", "").replace("_", "").replace(" ", "").lower() in {"multiclass", "severalclasses", "multinomial"}:
            msg = f"several classes are not supported (got {given!r}): declare a binary model for each class, with a label of its own"
            raise ValueError(msg)
        return given

    @model_validator(mode="after")
    def _of_its_type(self) -> Self:
        if problems := [*self._unfit()]:
            raise ValueError("\n".join(problems))
        return self

    def _unfit(self) -> Iterator[str]:
        allowed = METRICS[self.type]
        asked = [*((f"gate.floors.{name}", name) for name in self.gate.floors), ("gate.champion.metric", self.gate.champion.metric)]
        yield from (
            f"{where}: `{name}` is no metric of a {self.type} model; allowed are {', '.join(allowed)}" for where, name in asked if name and name not in allowed
        )
        yield from self.reasons.unfit(self.type, self.keep_features) if self.reasons else ()
        yield from self.shadow.unfit(self.promotion) if self.shadow else ()
        if self.fairness:
            by_rank = isinstance(self.threshold, Target) and self.threshold.top is not None
            yield from self.fairness.unfit(self.type, by_rank=by_rank, leave_out=self.leave_out)
        given = self.model_fields_set
        if self.calibrate != "none" and not self.segments.calibrate:
            yield "calibrate: needs nights of its own; add `calibrate` to `segments`"
        if self.type == "binary":
            if "error" in given:
                yield "error: is for a regression; a binary model minimises log loss"
            return
        for name in sorted(given & {"threshold", "imbalance", "calibrate"}):
            yield f"{name}: is for a binary model; a regression predicts no class"
        yield from (f"retrain.when: `{signal}` is of probabilities; a regression has none" for signal in sorted(self.retrain.when.signals & OF_PROBABILITIES))
        if "champion" not in self.gate.model_fields_set:
            yield "gate.champion: a regression's errors are in the label's own unit, so say by how much: `champion: {non_inferior: 0.1}`"

    @property
    def left_out(self) -> list[str]:
        """Columns of the features that are not learned from: what the file leaves out, and attributes that only name groups."""
        return [*self.leave_out, *(self.fairness.left_out if self.fairness else ())]

    @property
    def loss(self) -> Metric:
        """The metric that the training minimises."""
        if self.type == "binary":
            return "log_loss"
        return "rmse" if self.error == "squared" else "mae"

    @property
    def label_type(self) -> str:
        """What the label is cast to, in Spark's words."""
        return "int" if self.type == "binary" else "double"

    @property
    def label_feed(self) -> str:
        """The feed that carries the label."""
        return self.label.split(".")[0]

    @property
    def label_column(self) -> str:
        """The label's column in its feed."""
        return self.label.split(".")[1]
