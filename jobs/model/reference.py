"""What a version's rows and scores looked like: kept with it, so that later nights can be compared with what it was made from."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from jobs.drift_report.distance import Reference, to_plain
from jobs.drift_report.page import SAMPLE
from jobs.model.artifact import Artifact
from jobs.model.rows import Rows
from jobs.model.segments import Span

SHOWN: Final = 10


def references(rows: Rows, artifact: Artifact, spans: Mapping[str, Span]) -> dict[str, bytes]:
    """Files of a version, by name.

    Args:
        rows: of all segments.
        artifact: the version.
        spans: its segments.

    Returns:
        `reference.json`, bins of the features as trained on and of the score on rows that training did not see;
        `reference_sample.parquet`, rows of the holdout with their scores; `population.json`, the features whose values in the
        holdout, the newest rows, are farthest from those trained on, as `[{"name": …, "psi": …}, …]`.
    """
    names, made_from = artifact.learned.names, rows.scored(spans["train"])
    holdout = rows.scored(spans["holdout"]).reset_index(drop=True)
    scored = holdout[names].assign(score=artifact.score(holdout))
    features = [Reference.of(name, made_from[name]) for name in names]
    return {
        "reference.json": json.dumps(to_plain([*features, Reference.of("score", scored["score"])])).encode(),
        "reference_sample.parquet": _sample(scored),
        "population.json": json.dumps(_farthest(features, holdout)).encode(),
    }


def _farthest(features: Sequence[Reference], holdout: pd.DataFrame) -> list[dict[str, object]]:
    found = {one.name: one.psi(one.counted(holdout[one.name]).tolist()) for one in features}
    return [{"name": name, "psi": found[name]} for name in sorted(found, key=lambda name: -found[name])[:SHOWN]]


def _sample(scored: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    scored.sample(min(SAMPLE, len(scored)), random_state=0).to_parquet(buffer, index=False)
    return buffer.getvalue()
