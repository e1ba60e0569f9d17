"""Shadow: what a version that has passed the gate does before it may go live."""

from collections.abc import Iterator

from pydantic import Field, field_validator

from jobs.config.base import Section, UpToAYear


class Shadow(Section):
    """A version that waits scores each night beside the champion; its scores are kept and published nowhere."""

    nights: UpToAYear = Field(ge=0)
    """So many nights with labels it must have been in shadow, and keep to `gate.champion` on them, before it may go live.

    Fixed for a version when it begins to wait. 0: it is scored in shadow and nothing is asked of it.
    """

    @field_validator("nights")
    @classmethod
    def _enough_for_an_interval(cls, nights: int) -> int:
        if nights == 1:
            msg = "must be 0, or 2 and more: one night gives no interval, so it proves nothing"
            raise ValueError(msg)
        return nights

    def unfit(self, promotion: str) -> Iterator[str]:
        """What makes no sense beside the model's other keys."""
        if promotion == "automatic" and not self.nights:
            yield "shadow.nights: with `promotion: automatic` and 0 nights no version ever waits; ask for nights, or for `promotion: approval`"
