"""The search of parameters: what is tried, and on what."""

from collections.abc import Mapping
from typing import Final, Self

from pydantic import Field, model_validator

from jobs.config.base import Section, UpToAYear


class Range(Section):
    """Values of an XGBoost parameter that a search may try."""

    low: float
    high: float
    log: bool = False
    """Equal steps in the logarithm: for what spans orders of magnitude."""
    whole: bool = False
    """Whole numbers only."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low < self.high or (self.log and self.low <= 0):
            msg = f"`low` must be below `high`, and above 0 with `log` (got {self.low:g} and {self.high:g})"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            msg = f"`low` and `high` must be whole numbers with `whole` (got {self.low:g} and {self.high:g})"
            raise ValueError(msg)
        return self


SPACE: Final[Mapping[str, Range]] = {
    "eta": Range(low=0.01, high=0.2, log=True),
    "max_depth": Range(low=3, high=10, whole=True),
    "min_child_weight": Range(low=1, high=200, log=True),
    "subsample": Range(low=0.4, high=1),
    "colsample_bynode": Range(low=0.03, high=1, log=True),
    "lambda": Range(low=0.1, high=50, log=True),
}


class Search(Section):
    """Parameters are tried on folds that roll forward in time inside `train` and `tune`; the model's own are always among them."""

    trials: int = Field(default=30, ge=2)
    """The model's own parameters are the first."""
    minutes: float = Field(default=30, gt=0)
    """No trial is begun later."""
    folds: int = Field(default=3, ge=1, le=100)
    fold_nights: UpToAYear = Field(default=14, ge=3)
    """What each fold is measured on."""
    space: dict[str, Range] = Field(default_factory=lambda: dict(SPACE), min_length=1)
    """By parameter."""
