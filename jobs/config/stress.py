"""Stress: what is done to a version's rows on purpose before it may go live, and how much worse it may become."""

from typing import Annotated, Literal

from pydantic import Field

from jobs.config.base import Section

StressKind = Literal["noise", "missing", "source_absent", "source_late", "unseen", "extremes", "oldest_month", "newest_month"]


class Stress(Section):
    """A version is measured again on its holdout with values altered, taken away or a day older."""

    noise: float = Field(default=0.1, gt=0)
    """Standard deviations of each numeric feature: so much chance is added to all of them at once."""
    limits: dict[StressKind, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """By how much what training minimises may rise at most, at the worse end of the interval, under the worst stress of a kind.

    Left out: told and not judged.
    """
