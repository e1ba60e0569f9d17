"""When the score or a feature has drifted: the distance, what it is measured against, and its marks."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from jobs.config.base import Name, Section, UpToAYear

Method = Literal["psi", "jensen_shannon", "wasserstein"]
Compare = Literal["training", "trailing", "season"]
SEASON: Final = 364
"""Nights back to the same weekday of the same season."""


class Drift(Section):
    """Distances between counts in bins, per feature and for the score; effect sizes, never p-values."""

    method: Method = "psi"
    """How distances are measured."""
    methods: dict[Name, Method] = Field(default_factory=dict)
    """Of single features, or of `score`; the others go by `method`."""
    compare: Compare = "training"
    """With the rows that the champion was made from, with the nights right before, or with the same nights a year ago."""
    nights: UpToAYear = Field(default=7, ge=1)
    """So many nights up to this one are judged together: a single one has one value of what is the same for all its rows."""
    before: UpToAYear = Field(default=28, ge=7)
    """How many nights `trailing` and `season` compare with."""
    watch: float = Field(default=0.1, gt=0)
    """From this distance on, in terms of the population stability index, or from what is usual if that is more: watch."""
    drifted: float = Field(default=0.25, gt=0)
    """Likewise: drifted."""
    usual: float = Field(default=0.95, ge=0, lt=1)
    """Usual is the distance that this share of the spans of `nights` keeps to among the champion's own. 0: nothing counts as usual."""
    stop_publishing_above: float | None = Field(default=None, gt=0)
    """A night whose score, by itself, is further than this from the champion's reference is not published."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.watch > self.drifted:
            msg = f"watch: must not be above `drifted` (got {self.watch:g} and {self.drifted:g})"
            raise ValueError(msg)
        return self

    def method_of(self, name: str) -> Method:
        """How the distance of a feature, or of `score`, is measured."""
        return self.methods.get(name, self.method)
