"""What of a night is on record that a version in shadow is put beside: the features, and who scored them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

from jobs.config.loading import digest_of
from jobs.ledger.ledger import Slice
from jobs.work import Work, fingerprint


@dataclass(frozen=True)
class Beside:
    """The slices of the steps before, read once."""

    features: Mapping[date, Slice]
    predictions: Mapping[date, Slice]

    @classmethod
    def of(cls, work: Work) -> Self:
        """As they are on record now."""
        return cls(work.lake.current("features"), work.lake.current(f"{work.item}/predictions"))

    def champion(self, night: date) -> int | None:
        """Who scored a night; None where nobody has."""
        one = self.predictions.get(night)
        return int(one.detail["champion"]) if one and one.rows and night in self.features else None

    def fingerprint(self, work: Work, night: date, version: int) -> str:
        """What the rows of a night in shadow rest on."""
        decides = digest_of(work.model.population), digest_of(work.model.threshold), digest_of(work.pipeline.purpose.cost)
        return fingerprint(self.features[night].checksum, self.predictions[night].checksum, version, *decides)
