"""Whether the columns that a pipeline's sections name are there."""

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.config.feeds import Feed
    from jobs.config.pipeline import Pipeline


def problems(pipeline: "Pipeline") -> Iterator[str]:
    """A line for each place that names a column nobody declares: `path: what (what there is)`.

    Args:
        pipeline: every feed that its features name exists.
    """
    features = pipeline.features
    rows = columns_of(pipeline.rows)
    computed = {*rows, *features.columns}
    yield from _absent("features.take", features.take, rows, f"the feed `{features.rows}`")
    if taken := sorted(set(features.columns) & rows):
        yield f"features.columns: {', '.join(f'`{name}`' for name in taken)} are columns of the feed `{features.rows}` already; choose other names"
    if features.calendar:
        yield from _absent("features.calendar.day", [features.calendar.day], computed, "the rows")
    for feed, lookup in features.lookup.items():
        yield from _absent(f"features.lookup.{feed}.on", lookup.on, computed, "the rows")
        yield from _absent(f"features.lookup.{feed}.take", lookup.take, columns_of(pipeline.feeds[feed]), f"the feed `{feed}`")
    for feed, latest in features.latest.items():
        own = columns_of(pipeline.feeds[feed])
        yield from _absent(f"features.latest.{feed}.by", latest.by, own & computed, f"both the rows and the feed `{feed}`")
        yield from _absent(f"features.latest.{feed}.order", [latest.order], own, f"the feed `{feed}`")
        yield from _absent(f"features.latest.{feed}.take", latest.take, own, f"the feed `{feed}`")
    yield from _of_history(pipeline, computed)
    yield from _of_drift(pipeline)


def columns_of(feed: "Feed") -> set[str]:
    """The columns that the feed's validated rows have: the kept and the derived."""
    return {*feed.kept, *feed.derive}


def _of_history(pipeline: "Pipeline", computed: set[str]) -> Iterator[str]:
    for feed, history in pipeline.features.history.items():
        spec = pipeline.feeds[feed]
        # Where the keys agree, a past row brings the columns of the scored row along.
        there = computed if spec.key == pipeline.rows.key else columns_of(spec) & computed
        whose = "the rows" if spec.key == pipeline.rows.key else f"both the rows and the feed `{feed}`"
        named = dict.fromkeys(name for by in history.by for name in by)
        yield from _absent(f"features.history.{feed}.by", named, there, whose)


def _of_drift(pipeline: "Pipeline") -> Iterator[str]:
    # What a plug-in adds is known only where it runs.
    models = {} if pipeline.features.plug_in else pipeline.models
    for name, model in models.items():
        there = {"score", *pipeline.features.names} - {*model.left_out}
        if absent := [one for one in model.drift.methods if one not in there]:
            told = ", ".join(f"`{one}`" for one in absent)
            yield f"models.{name}.drift.methods: {told} must be `score` or a feature of the model: {', '.join(sorted(there - {'score'}))}"


def _absent(path: str, named: Iterable[str], there: Collection[str], whose: str) -> Iterator[str]:
    if absent := [name for name in named if name not in there]:
        yield f"{path}: {', '.join(f'`{name}`' for name in absent)} must be among the columns of {whose}: {', '.join(sorted(there))}"
