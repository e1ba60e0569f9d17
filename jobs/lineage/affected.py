"""What rests on a delivery: features, labels, versions, predictions and what is published of them; read from records, nothing is computed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from jobs.config.pipeline import Pipeline
from jobs.errors import DataError, UsageError
from jobs.lake.lake import Lake
from jobs.ledger.ledger import Slice
from jobs.model.registry.champion import registry_of
from jobs.model.segments import Span
from jobs.nights import in_words, parse_night, span
from jobs.settings import Settings


@dataclass(frozen=True)
class Resting:
    """One thing that rests on the delivery."""

    what: str
    """`features`, `delayed/labels`, `delayed/predictions`, `delayed v2`, `delayed/published`."""
    nights: tuple[date, ...]
    how: str


@dataclass(frozen=True)
class Delivery:
    """One night of one feed, with all its generations."""

    pipeline: Pipeline
    feed: str
    night: date
    generations: Sequence[Slice]

    @classmethod
    def of(cls, pipeline: Pipeline, lake: Lake, feed: str, night: date) -> "Delivery":
        """The delivery on record.

        Raises:
            UsageError: there is no such feed.
            DataError: it was never validated.
        """
        if feed not in pipeline.features_and_label_feeds:
            msg = f"`{pipeline.pipeline}` rests on no feed `{feed}`; its feeds are {sorted(pipeline.features_and_label_feeds)}."
            raise UsageError(msg)
        generations = [one for one in lake.slices(f"validated/{feed}") if pipeline.feeds[feed].undated or one.night == night]
        if not generations:
            msg = f"{pipeline.pipeline}: no delivery of `{feed}` for night {night} was ever validated, so nothing rests on it."
            raise DataError(msg)
        return cls(pipeline, feed, night, generations)

    @property
    def newest(self) -> Slice:
        """The generation that counts today."""
        return self.generations[-1]

    def reaches(self, night: date) -> bool:
        """Whether the features of a night look at the delivery, were it known by then."""
        if self.feed not in self.pipeline.features.feeds:
            return False
        return self.pipeline.feeds[self.feed].undated or timedelta() <= night - self.night <= timedelta(days=self.pipeline.nights_back(self.feed))

    def known_on(self, night: date) -> int | None:
        """The generation that a night knew; None where it knew of none."""
        return max((one.generation for one in self.generations if one.known_night <= night), default=None)


Segments = Mapping[int, tuple[date, Mapping[str, Span]]]
"""By version, the night of training and the segments."""


def affected(delivery: Delivery, lake: Lake, versions: Mapping[str, Segments], shown: Mapping[str, Mapping[date, dict[str, Any]]]) -> list[Resting]:
    """Everything on record that rests on a delivery.

    Args:
        delivery: which.
        lake: the pipeline's records.
        versions: of each model.
        shown: by model and night, what the warehouse shows.
    """
    reached = [night for night in lake.current("features") if delivery.reaches(night)]
    known = {night: number for night in reached if (number := delivery.known_on(night))}
    knew = tuple(known)
    found = [Resting("features", knew, f"they look back on it; {_by_generation(known, 'on')}")] if knew else []
    for model in delivery.pipeline.models:
        found += _labels(delivery, lake, model)
        found += _versions(delivery, model, knew, versions[model])
        scored = lake.current(f"{model}/predictions")
        if some := tuple(night for night in knew if night in scored):
            found.append(Resting(f"{model}/predictions", some, f"by their features; {sum(scored[night].rows for night in some)} rows"))
        if there := {night: int(shown[model][night]["generation"]) for night in knew if night in shown[model]}:
            found.append(Resting(f"{model}/published", tuple(there), f"the warehouse shows {_by_generation(there, 'of')}"))
    return found


def segments_of(settings: Settings, model: str) -> Segments:
    """Of every version of a model, `<pipeline>.<model>`."""
    registry = registry_of(settings)
    versions = [registry.version(model, one.version) for one in registry.versions(model)]
    return {one.version: (parse_night(one.tags["as_of"]), one.spans) for one in versions}


def outdated(delivery: Delivery, lake: Lake) -> list[date]:
    """The nights whose features would be others, had they known the delivery's newest generation."""
    return [night for night in lake.current("features") if delivery.reaches(night) and delivery.known_on(night) != delivery.newest.generation]


def _by_generation(numbers: Mapping[date, int], word: str) -> str:
    """`g1 on 2013-05-16 to 2013-05-18, g2 on 2013-05-19`."""
    by: dict[int, list[date]] = {}
    for night, number in numbers.items():
        by.setdefault(number, []).append(night)
    return ", ".join(f"g{number} {word} {in_words(some)}" for number, some in sorted(by.items()))


def _labels(delivery: Delivery, lake: Lake, model: str) -> Iterator[Resting]:
    if delivery.feed == delivery.pipeline.models[model].label_feed:
        night = delivery.night - timedelta(days=delivery.pipeline.label_lag(model))
        scored = lake.current(f"{model}/predictions").get(night)
        yield Resting(f"{model}/labels", (night,), f"{delivery.newest.rows} labels of its rows{', which were scored' if scored else ''}")


def _versions(delivery: Delivery, model: str, features: Sequence[date], versions: Segments) -> Iterator[Resting]:
    is_label = delivery.feed == delivery.pipeline.models[model].label_feed
    labelled = delivery.night - timedelta(days=delivery.pipeline.label_lag(model))
    for number, (as_of, segments) in versions.items():
        inside = {name: [night for night in features if night in span(segment.first, segment.last)] for name, segment in segments.items()}
        told = [f"{name} has features of {in_words(some)}" for name, some in inside.items() if some]
        if is_label and (known := delivery.known_on(as_of)):
            told += [f"{name} has its labels (g{known})" for name, segment in segments.items() if segment.first <= labelled <= segment.last]
        if told:
            yield Resting(f"{model} v{number}", tuple(sorted({night for some in inside.values() for night in some})), "; ".join(told))
