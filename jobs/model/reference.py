"""What a version's rows and scores looked like: kept with it, so that later nights can be compared with what it was made from."""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from jobs.config.models import METRICS, Model
from jobs.drift_report.distance import psi
from jobs.drift_report.judged import SCORE, Counts, nightly_counts
from jobs.drift_report.page import SAMPLE
from jobs.drift_report.reference import Reference, from_plain, to_plain
from jobs.errors import DataError
from jobs.model.artifact import Artifact
from jobs.model.evaluation.baselines import MIDDLE
from jobs.model.evaluation.floats import Floats
from jobs.model.registry.version import Version
from jobs.model.rows import Rows
from jobs.model.segments import Span
from jobs.performance.estimate import Estimator
from jobs.performance.tally import measures, pooled, tallies

SHOWN: Final = 10


def references(rows: Rows, artifact: Artifact, spans: Mapping[str, Span], model: Model) -> dict[str, bytes]:
    """Files of a version, by name.

    Args:
        rows: of all segments.
        artifact: the version.
        spans: its segments.
        model: its section of the pipeline file.

    Returns:
        `reference.json`, bins of the features as trained on and of the score on rows that training did not see;
        `reference_nights.parquet`, the same rows' counts night by night; `reference_sample.parquet`, rows of the holdout with their
        scores; `population.json`, the features whose values in the holdout, the newest rows, are farthest from those trained on, as
        `[{"name": …, "psi": …}, …]`; `watch.json`, what later performance is held against.
    """
    names, made_from, weight = artifact.learned.names, rows.scored(spans["train"]), _gains(artifact)
    holdout = rows.scored(spans["holdout"]).reset_index(drop=True)
    scored = holdout[[*names, "night"]].assign(score=artifact.score(holdout))
    features = [Reference.of(name, made_from[name], weight=weight.get(name, 0.0)) for name in names]
    score = Reference.of(SCORE, scored[SCORE])
    return {
        "reference.json": json.dumps(to_plain([*features, score])).encode(),
        "reference_nights.parquet": _nights({**nightly_counts(made_from, features), **nightly_counts(scored, [score])}),
        "reference_sample.parquet": _sample(scored.drop(columns="night")),
        "population.json": json.dumps(_farthest(features, holdout)).encode(),
        "watch.json": json.dumps(watched(rows, artifact, spans, model)).encode(),
    }


def watched(rows: Rows, artifact: Artifact, spans: Mapping[str, Span], model: Model) -> dict[str, Any]:
    """What a version's later performance is held against.

    Returns:
        `constant`, what training would have said of every row; `trained_mean_label`; `holdout`, its metrics there; of a binary model
        `estimator`, how its scores are turned into estimates.
    """
    trained, holdout = rows.labelled(spans["train"])["label"].to_numpy(np.float64), rows.labelled(spans["holdout"])
    constant, score = float(MIDDLE[model.loss](trained)), artifact.score(holdout)
    group, nights = pd.factorize(holdout["night"], sort=True)
    by_night = tallies(group.astype(np.int64), len(nights), holdout["label"].to_numpy(np.float64), score, constant=constant, kind=model.type, loss=model.loss)
    found = measures(pooled(list(by_night), model.type), model.type)
    about: dict[str, Any] = {
        "constant": constant,
        "trained_mean_label": float(trained.mean()),
        "holdout": {name: float(found[name]) for name in METRICS[model.type] if np.isfinite(found[name])},
    }
    # The gate refuses a holdout of one class: nothing can be estimated from it either.
    if model.type == "binary" and 0 < holdout["label"].mean() < 1:
        about["estimator"] = Estimator.fit(holdout, score, constant=constant, loss=model.loss).to_plain()
    return about


def read_references(version: Version) -> tuple[list[Reference], Counts]:
    """A version's references, and the counts of the nights that they were made from; a version of an earlier release has none of these."""
    found = from_plain(version.read_json("reference.json"))
    try:
        table = pd.read_parquet(io.BytesIO(version.read("reference_nights.parquet")))
    except DataError:
        return found, {}
    nights: dict[date, dict[str, Floats]] = {}
    for night, name, counts in table.itertuples(index=False):
        nights.setdefault(night, {})[name] = np.asarray(counts, dtype=np.float64)
    return found, nights


def read_watched(version: Version) -> dict[str, Any]:
    """What `watched` gave; nothing for a version of an earlier release."""
    try:
        return dict(version.read_json("watch.json"))
    except DataError:
        return {}


def examined(watched: Mapping[str, Any]) -> dict[str, float]:
    """What of `watched` signals are held against: the version's metrics when it was examined, and how far its estimates were off."""
    errors = {name: watched["estimator"][name] for name in ("auc_error", "loss_error")} if "estimator" in watched else {}
    return {**watched["holdout"], "trained_mean_label": watched["trained_mean_label"], **errors}


def _gains(artifact: Artifact) -> dict[str, float]:
    """Each feature's share of what all splits of all trees gained."""
    gains: dict[str, float] = artifact.booster.get_score(importance_type="total_gain")  # type: ignore[assignment]
    whole = sum(gains.values()) or 1.0
    return {name: gain / whole for name, gain in gains.items()}


def _nights(counts: Counts) -> bytes:
    rows = [(night, name, given.astype(np.int64).tolist()) for night, some in counts.items() for name, given in some.items()]
    return _parquet(pd.DataFrame(rows, columns=["night", "name", "counts"]))


def _farthest(features: Sequence[Reference], holdout: pd.DataFrame) -> list[dict[str, object]]:
    found = {one.name: float(psi(np.array(one.shares), one.counted(holdout[one.name])[:-1])) for one in features}
    return [{"name": name, "psi": found[name]} for name in sorted(found, key=lambda name: -found[name])[:SHOWN]]


def _sample(scored: pd.DataFrame) -> bytes:
    return _parquet(scored.sample(min(SAMPLE, len(scored)), random_state=0))


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
