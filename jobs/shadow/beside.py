"""What of a night is on record that a version in shadow is held against: the champion's scores, and which labels came."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

from jobs.config.loading import digest_of
from jobs.ledger.ledger import Slice
from jobs.nights import Nights
from jobs.work import Work, fingerprint


@dataclass(frozen=True)
class Beside:
    """The slices of the steps before, read once."""

    features: Mapping[date, Slice]
    predictions: Mapping[date, Slice]
    performance: Mapping[date, Slice]

    @classmethod
    def of(cls, work: Work) -> Self:
        """As they are on record now."""
        return cls(*(work.lake.current(table) for table in ("features", f"{work.item}/predictions", f"{work.item}/performance")))

    def champion(self, night: date) -> int | None:
        """Who scored a night; None where nobody has."""
        one = self.predictions.get(night)
        return int(one.detail["champion"]) if one and one.rows and night in self.features else None

    def learned(self, nights: Nights) -> list[tuple[date, date]]:
        """Which of `nights` has learned labels of which scored night, as the step `performance` found them."""
        found = [(night, self.performance[night].detail.get("realised", {})) for night in nights if night in self.performance]
        return [(night, date.fromisoformat(scored)) for night, realised in found for scored in realised]

    def rows_learned(self, nights: Nights) -> int:
        """How many rows the scored nights have of which `nights` have learned labels."""
        return sum(self.predictions[day].rows for day in {day for _, day in self.learned(nights)} if day in self.predictions)

    def fingerprint(self, work: Work, night: date, version: int) -> str:
        """Scores rest on the features, pairs on the champion's scores, and what is realised on the labels that the night brought."""
        learned = self.performance.get(night)
        scored = [self.predictions[day].checksum for day in sorted({night, *(day for _, day in self.learned([night]))}) if day in self.predictions]
        decides = digest_of(work.model.population), digest_of(work.model.threshold), digest_of(work.pipeline.purpose.cost)
        return fingerprint(self.features[night].checksum, scored, version, learned and learned.checksum, *decides)
