"""Which rows of a night are explained, and by how many reasons."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from jobs.config.base import Section

if TYPE_CHECKING:
    from jobs.config.models import Model


class Reasons(Section):
    """Beside the predictions, a table of why: per explained row the features that moved its score most. One of `rows` and `above`."""

    top: int = Field(default=3, ge=1, le=50)
    """So many features of each row, those with the largest effects; the others are summed up."""
    rows: Literal["predicted", "all"] | None = None
    """`predicted`: the rows that the threshold decides on. `all`: every scored row; it takes long, for an explanation costs some thousand scores."""
    above: float | None = None
    """Rows with this score or a higher one; of a regression, in the label's unit."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.rows is None) == (self.above is None):
            msg = "exactly one of `rows` (predicted or all) and `above` (a score) must be given"
            raise ValueError(msg)
        return self

    def unfit(self, kind: str, keep_features: int | None) -> Iterator[str]:
        """What a model of this kind cannot have."""
        if kind == "regression" and self.rows == "predicted":
            yield "reasons.rows: a regression predicts no class; write `rows: all`, or `above` with a value in the label's unit"
        if kind == "binary" and self.above is not None and not 0 <= self.above <= 1:
            yield f"reasons.above: a score is a probability here, from 0 to 1 (got {self.above:g})"
        if keep_features is not None and self.top > keep_features:
            yield f"reasons.top: must not be more than the {keep_features} features that `keep_features` leaves (got {self.top})"


def too_many(name: str, model: "Model", features: Collection[str]) -> Iterator[str]:
    """A line where more reasons are asked for than the model has features.

    Args:
        name: the model's.
        model: whose `reasons`.
        features: all that a model of the pipeline could use.
    """
    used = {*features} - {*model.left_out}
    if model.reasons and model.reasons.top > len(used):
        yield f"models.{name}.reasons.top: must not be more than the {len(used)} features of the model (got {model.reasons.top})"
