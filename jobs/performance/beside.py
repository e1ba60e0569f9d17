"""The baselines of the versions that scored, month by month beside the model: fitted again on the very rows that each version learned from."""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from jobs.config.pipeline import Pipeline
from jobs.lake.lake import Lake
from jobs.model.evaluation import baselines
from jobs.model.labels import read_labels
from jobs.model.registry.registry import Registry
from jobs.model.registry.version import Version
from jobs.model.rows import read_rows
from jobs.model.segments import Span
from jobs.nights import Nights, among, parse_night

LEARNED_FROM = ("train", "tune")


def beside(lake: Lake, registry: Registry, pipeline: Pipeline, model: str, nights: Nights) -> dict[str, pd.DataFrame]:
    """By baseline, a row per labelled row of the scored `nights`: `scored_night`, `model_version`, `label`, `score`.

    Raises:
        DataError: the nights that a version learned from have no features here.
    """
    by_version: dict[int, list[date]] = {}
    for night, one in lake.current(f"{model}/predictions").items():
        if night in set(nights):
            by_version.setdefault(int(one.detail["champion"]), []).append(night)
    found: dict[str, list[pd.DataFrame]] = {}
    for number, some in by_version.items():
        version = registry.version(f"{pipeline.pipeline}.{model}", number)
        for name, rows in _of_version(lake, pipeline, model, version, some).items():
            found.setdefault(name, []).append(rows)
    return {name: pd.concat(rows, ignore_index=True) for name, rows in found.items()}


def _of_version(lake: Lake, pipeline: Pipeline, model: str, version: Version, nights: Nights) -> Mapping[str, pd.DataFrame]:
    spec = pipeline.models[model]
    features, labels = lake.read("features").frame, read_labels(lake, spec.label_feed).frame
    spans = {name: version.spans[name] for name in LEARNED_FROM}
    learned_from = read_rows(features, labels, pipeline, model, spans, as_of=parse_night(version.tags["as_of"]))
    simple = baselines.fit(*(learned_from.labelled(spans[name]) for name in LEARNED_FROM), learned=version.artifact.learned, loss=spec.loss)
    scored = Span(min(nights), max(nights))
    # Labels as they are known today, as for the model's own scores.
    rows = read_rows(features.where(among(nights)), labels, pipeline, model, {"scored": scored}, as_of=date.max).labelled(scored)
    about = rows[["night", "label"]].rename(columns={"night": "scored_night"}).assign(model_version=version.version)
    return {name: about.assign(score=baseline.score(rows)) for name, baseline in simple.items()}
