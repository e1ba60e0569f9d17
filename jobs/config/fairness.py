"""Fairness: which groups of rows a version is compared over, how far apart they may be, and what is done about it."""

from collections.abc import Collection, Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from jobs.config.base import Name, Section

Measure = Literal["demographic_parity", "equal_opportunity", "equalized_odds", "predictive_parity"]
Equal = Literal["selection_rate", "true_positive_rate"]
PATH: Final = "fairness"


class Mitigate(Section):
    """What is done so that the groups of one attribute are treated more alike."""

    by: Literal["reweigh", "thresholds"]
    """`reweigh`: training rows weigh such that group and label are independent. `thresholds`: each group is decided from a score of its own on."""
    attribute: Name
    """Whose groups; one of `attributes`."""
    equal: Equal | None = None
    """What `thresholds` makes equal. Left out: the true positive rate."""

    @model_validator(mode="after")
    def _of_thresholds(self) -> Self:
        if self.by == "reweigh" and self.equal is not None:
            msg = f"`equal` is for `by: thresholds` (got {self.equal!r}); take it out"
            raise ValueError(msg)
        return self


class Fairness(Section):
    """The groups of a binary model's rows are compared on the holdout, each attribute for itself."""

    attributes: list[Name] = Field(min_length=1)
    """Columns of the features whose values are groups: texts, booleans or whole numbers. They are not learned from."""
    learn_from: list[Name] = Field(default_factory=list)
    """Those of them that the model does learn from."""
    min_rows: int = Field(default=100, ge=20)
    """Of a group with fewer rows nothing is claimed, and nothing is done for it."""
    limits: dict[Measure, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """How far apart the groups of each attribute may be at most; the gate refuses more. Left out: told and not judged."""
    mitigate: Mitigate | None = None
    """Left out: nothing is done; what either would bring and cost is told."""

    @property
    def left_out(self) -> list[str]:
        """The attributes that are not learned from."""
        return [name for name in self.attributes if name not in self.learn_from]

    @model_validator(mode="after")
    def _of_the_attributes(self) -> Self:
        named = {"learn_from": self.learn_from, "mitigate.attribute": [self.mitigate.attribute] if self.mitigate else []}
        beyond = {path: [name for name in some if name not in self.attributes] for path, some in named.items()}
        wrong = [f"{path}: {unknown} must be among `attributes`, {self.attributes}" for path, unknown in beyond.items() if unknown]
        if len({*self.attributes}) < len(self.attributes):
            wrong.append(f"attributes: each may be named once (got {self.attributes})")
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def unfit(self, kind: str, *, by_rank: bool, leave_out: Collection[str]) -> Iterator[str]:
        """What does not go with the rest of the model, a line each.

        Args:
            kind: the model's type.
            by_rank: whether its threshold is the best few of each night.
            leave_out: features that it does not use.
        """
        if kind != "binary":
            yield f"{PATH}: is for a binary model; a regression selects no rows, so there is nothing that its groups could be equal in"
        if by_rank and self.mitigate and self.mitigate.by == "thresholds":
            yield f"{PATH}.mitigate.by: `thresholds` needs a score to decide from; `threshold: {{top: …}}` decides by rank"
        if both := [name for name in self.learn_from if name in leave_out]:
            yield f"{PATH}.learn_from: {both} are in `leave_out` too; take them out of one"
