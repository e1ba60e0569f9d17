"""How a model did month by month: the scores that stand in the lake, beside the newest labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from jobs.config.models import METRICS, Kind
from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.model.evaluation.evaluation import Estimate, pooled
from jobs.nights import Nights, among
from jobs.performance.labels import known
from jobs.reading import lake_to_read
from jobs.settings import Settings

SEED: Final = 0


@dataclass(frozen=True)
class Period:
    """Some nights, pooled."""

    name: str
    """`2013-05`, or `all`."""
    scorer: str
    """`model`, or the name of a baseline."""
    versions: str
    """The model versions that scored it: `1, 3`."""
    nights: int
    rows: int
    mean_label: float
    """Of a binary label, the share of positives."""
    mean_score: float
    metrics: Mapping[str, Estimate]
    problem: str | None = None
    """Why there are no metrics."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "metrics": {name: estimate.to_dict() for name, estimate in self.metrics.items()}}


def measured(settings: Settings, pipeline: Pipeline, model: str, nights: Nights, *, with_baselines: bool) -> list[Period]:
    """The model's standing predictions of `nights`, as in `by_month`, each month of the baselines below the model's; nothing is written.

    Raises:
        DataError: there are no predictions, or no label is known yet.
    """
    from jobs.lake.session import spark_session
    from jobs.model.labels import read_labels

    lake = lake_to_read(settings, pipeline, spark_session(settings))
    scores = lake.read(f"{model}/predictions").frame.where(among(nights))
    labels = read_labels(lake, pipeline.models[model].label_feed).frame
    everything = {"model": known(labels, scores, pipeline, model).toPandas()}
    if with_baselines:
        from jobs.model.registry.champion import registry_of
        from jobs.performance.beside import beside

        everything |= beside(lake, registry_of(settings), pipeline, model, nights)
    found = [one for scorer, pairs in everything.items() for one in by_month(pairs, pipeline.models[model].type, scorer=scorer)]
    return sorted(found, key=lambda one: one.name)


def by_month(pairs: pd.DataFrame, kind: Kind, *, scorer: str = "model") -> list[Period]:
    """Each month, and all of them pooled, with 95 % intervals over nights.

    Args:
        pairs: a row per score with a known label: `scored_night`, `model_version`, `label`, `score`.
        kind: the model's type.
        scorer: whose scores they are.

    Raises:
        DataError: there is no such row.
    """
    if pairs.empty:
        msg = "No score's label is known yet: nothing can be measured."
        raise DataError(msg)
    months = pd.to_datetime(pairs["scored_night"]).dt.strftime("%Y-%m")
    return [*[_period(str(name), rows, kind, scorer) for name, rows in pairs.groupby(months)], _period("all", pairs, kind, scorer)]


def _period(name: str, rows: pd.DataFrame, kind: Kind, scorer: str) -> Period:
    versions = ", ".join(str(one) for one in sorted(rows["model_version"].unique()))
    about = (name, scorer, versions, rows["scored_night"].nunique(), len(rows), float(rows["label"].mean()), float(rows["score"].mean()))
    try:
        return Period(*about, pooled(rows.rename(columns={"scored_night": "night"}), kind=kind, seed=SEED))
    except DataError as error:  # one class, or too few nights for an interval: the other months can be measured all the same
        return Period(*about, {}, problem=str(error))


def as_table(periods: list[Period], kind: Kind) -> tuple[list[str], list[list[str]]]:
    """Column names and cells, for people."""
    columns = ["month", "scorer", "version", "nights", "rows", "mean label", "mean score", *METRICS[kind]]
    return columns, [_row(one, kind) for one in periods]


def _row(one: Period, kind: Kind) -> list[str]:
    counted = [one.name, one.scorer, one.versions, str(one.nights), str(one.rows), f"{one.mean_label:.3f}", f"{one.mean_score:.3f}"]
    return [*counted, *[str(one.metrics.get(metric, "-")) for metric in METRICS[kind]]]
