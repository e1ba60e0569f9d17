"""The versions of tables that registered versions and scored nights rest on: what has to stay readable, so that they can be computed again."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from jobs.config.pipeline import Pipeline
from jobs.lake import delta
from jobs.lake.audit import slices_of
from jobs.lake.lake import Lake
from jobs.ledger.ledger import Slice
from jobs.model.registry.champion import registry_of
from jobs.model.registry.registry import Registry
from jobs.nights import parse_night
from jobs.settings import Settings

Pin = tuple[str, int]
"""A table and a version of it."""


def pinned(settings: Settings, pipeline: Pipeline, lake: Lake) -> dict[str, set[int]]:
    """By table, the versions that stay.

    Nights within `retention.nights` of the newest one scored, and versions that were trained in them, that have scored one, or that are or were
    champion last.
    """
    found: dict[str, set[int]] = defaultdict(set)
    firsts = []
    for model in pipeline.models:
        scored = _every(lake, f"{model}/predictions")
        firsts.append(since := _since(pipeline, scored))
        kept = [one for one in scored if one.night >= since]
        scorers = {int(one.detail["champion"]) for one in kept}
        for table, version in (*_of_nights(f"{model}/predictions", kept), *_of_versions(registry_of(settings), f"{pipeline.pipeline}.{model}", since, scorers)):
            found[table].add(version)
    for one in (one for one in _every(lake, "features") if one.night >= min(firsts)):
        found["features"].add(one.version)
        for table, version in one.detail.get("inputs", {}).items():
            found[table].add(int(version))
    return dict(found)


def _every(lake: Lake, table: str) -> list[Slice]:
    """As they are on record, and as the table's own history has them: what a night was computed from, it says as of its commit."""
    if not lake.exists(table):
        return []
    return [*lake.slices(table), *slices_of(delta.history(lake.spark, lake.path(table)))]


def _since(pipeline: Pipeline, scored: list[Slice]) -> date:
    nights = pipeline.retention.nights
    return max((one.night for one in scored), default=date.min) - timedelta(days=nights - 1) if nights and scored else date.min


def _of_nights(table: str, scored: list[Slice]) -> Iterator[Pin]:
    for one in scored:
        yield table, one.version
        yield "features", int(one.detail["features_version"])


def _of_versions(registry: Registry, model: str, since: date, scorers: set[int]) -> Iterator[Pin]:
    for one in registry.versions(model):
        if one.aliases or one.version in scorers or _trained(one.tags) >= since:
            yield from ((name, int(value)) for name, value in one.tags.items() if name == "features" or name.startswith("validated/"))


def _trained(tags: Mapping[str, str]) -> date:
    return parse_night(tags["as_of"]) if "as_of" in tags else date.min
