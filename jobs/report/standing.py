"""What a model's scores were worth, as the page of one night tells it: what became known, and what to expect."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

from jobs.performance.tally import losses, measures
from jobs.report.bands import SPAN, Found, Measuring, Metrics, estimated, realised
from jobs.watch.facts import Facts

LATELY: Final = 28
"""Nights that parts are told over: fewer have too few rows of most parts."""
PARTS: Final = 5
FEWEST: Final = 20
"""Rows of a part that is told: what fewer say is chance."""


@dataclass(frozen=True)
class Pooled:
    """The metrics of some scored nights together."""

    nights: tuple[date, ...]
    versions: tuple[int, ...]
    metrics: Metrics


@dataclass(frozen=True)
class Expected:
    """What to expect of some nights, and what came true as far as it is known today."""

    name: str
    estimated: Pooled
    realised: Pooled | None


@dataclass(frozen=True)
class Standing:
    """What is on record for a night's page; metrics are made of it when they are asked for, since intervals take their time."""

    facts: Facts
    night: date
    champion: int | None

    @cached_property
    def arrived(self) -> Found:
        """The scored nights of which labels arrived, newest first."""
        found = [(scored, one) for scored, some in self.facts.realised.items() for one in some if one.night == self.night]
        return sorted(found, key=lambda pair: pair[0], reverse=True)

    @cached_property
    def newest(self) -> Found:
        """The newest scored nights of the champion whose labels the night knew."""
        return [] if self.champion is None else self.facts.known(self.night, version=self.champion, over=SPAN)

    @cached_property
    def spans(self) -> Mapping[str, Found]:
        """The estimates of this night, and of those up to it; nights whose data was broken are passed over."""
        days = [self.night - timedelta(days=n) for n in range(SPAN - 1, -1, -1)]
        sound = [day for day in days if not self.facts.soundness.problem(day)]
        found = [(day, one) for day in sound if (one := self.facts.estimated.get(day)) and one.version == self.champion]
        alone = [pair for pair in found if pair[0] == self.night]
        return {name: some for name, some in {"this night": alone, f"the {SPAN} nights up to it": found}.items() if some}

    def parts(self) -> list[tuple[str, Pooled]]:
        """The parts of the champion's rows whose loss is highest over that of the constant, over the newest `LATELY` nights known."""
        if self.champion is None:
            return []
        found = {part: self.facts.known(self.night, version=self.champion, over=LATELY, part=part) for part in self.facts.parts}
        told = [(part, self._realised(some, losses)) for part, some in found.items() if some]
        many = [(part, one) for part, one in told if one.metrics["rows"].value >= FEWEST and {self.facts.loss, "constant"} <= {*one.metrics}]
        return sorted(many, key=lambda one: one[1].metrics["constant"].value - one[1].metrics[self.facts.loss].value)[:PARTS]

    @property
    def consulted(self) -> set[date]:
        """The nights whose performance this rests on."""
        expected = {day for found in self.spans.values() for day, _ in found}
        true = {self.facts.realised[day][-1].night for day in expected if day in self.facts.realised}
        parted = [] if self.champion is None else self.facts.known(self.night, version=self.champion, over=LATELY)
        return {self.night, *expected, *true, *(one.night for _, one in [*self.newest, *parted])}

    def known(self) -> list[Pooled]:
        """Each scored night whose labels arrived, newest first."""
        return [self._realised([pair]) for pair in self.arrived]

    def lately(self) -> Pooled | None:
        """The newest nights known, together."""
        return self._realised(self.newest) if len(self.newest) > 1 else None

    def expected(self) -> list[Expected]:
        """This night, and the nights up to it."""
        told = []
        for name, found in self.spans.items():
            true = [(day, self.facts.realised[day][-1]) for day, _ in found if day in self.facts.realised]
            pooled = Pooled(tuple(day for day, _ in found), _versions(found), estimated(self.facts, found))
            told.append(Expected(name, pooled, self._realised(true) if true else None))
        return told

    def _realised(self, found: Found, measured: Measuring = measures) -> Pooled:
        return Pooled(tuple(day for day, _ in found), _versions(found), realised(self.facts, found, measured))


def latest(facts: Facts) -> tuple[Pooled | None, Pooled | None]:
    """The champion's newest nights together: those whose labels are known, and those that are estimated."""
    newest = max([*facts.estimated, *(one.night for found in facts.realised.values() for one in found)], default=None)
    champion = facts.champion(date.max)
    if newest is None or champion is None:
        return None, None
    known, expected = facts.known(newest, version=champion, over=SPAN), facts.expected(newest, version=champion, over=SPAN)
    told = [(known, realised(facts, known)), (expected, estimated(facts, expected))]
    first, second = (Pooled(tuple(day for day, _ in found), _versions(found), metrics) if found else None for found, metrics in told)
    return first, second


def _versions(found: Found) -> tuple[int, ...]:
    return tuple(sorted({one.version for _, one in found}))
