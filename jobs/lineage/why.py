"""Why one row was scored as it was: every part of the answer read from the record, the contributions computed again from pinned features."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.pipeline import Pipeline
from jobs.environment import CODE
from jobs.errors import DataError
from jobs.features.assembly import known, planned
from jobs.lake.lake import Lake
from jobs.ledger.ledger import Ledger, Slice
from jobs.ledger.origins import Origin as RunOrigin
from jobs.ledger.origins import origin_of
from jobs.lineage.answer import Decided, Reason, Standing, Why
from jobs.lineage.asked import key_of, matching, require_scored, row_of, slice_of
from jobs.lineage.meanings import meaning, meanings
from jobs.lineage.night import Then
from jobs.lineage.origins import of_record, since
from jobs.lineage.pinned import PinnedLake
from jobs.lineage.rule import rule_of
from jobs.lineage.values import Origin, delivered, origins
from jobs.model.artifact import Artifact
from jobs.model.contributions import Contributions, contributions
from jobs.model.decision import Decision
from jobs.model.evaluation.floats import Floats
from jobs.model.registry.approval import VERDICT
from jobs.model.registry.champion import registry_of
from jobs.model.registry.version import Version
from jobs.model.training.maps import applied
from jobs.predictions.score import floats_of, numbered
from jobs.reading import entries
from jobs.reasons.explained import ranked, require_same
from jobs.settings import Settings

SHOWN: Final = 5
"""Reasons that come first where the model's file asks for no number."""


def why(settings: Settings, lake: Lake, present: Pipeline, model: str, night: date, given: Sequence[str], generation: int | None) -> Why:
    """Explain the score of one row.

    Args:
        settings: name the registry and the warehouse.
        lake: the pipeline's.
        present: the pipeline as it is now; that of then is taken from the record.
        model: whose score.
        night: which.
        given: the row's key, `column=value` each.
        generation: of the predictions; None is the night's newest that is not restated.

    Raises:
        UsageError: the key is not one of the rows'.
        DataError: there is no such row, or what it rests on is not on record or no longer there.
    """
    scores = slice_of(lake, f"{model}/predictions", night, generation)
    features = PinnedLake(lake, {"features": int(scores.detail["features_version"])}).current("features", restated=scores.restated)
    then = Then(scores, features[night])
    found, ran = {one.run_id: origin_of(lake.ledger, one.run_id) for one in (then.features, then.scores)}, then.scores.run_id
    made_by, scored_by = of_record(found[then.features.run_id], present), of_record(found[ran], present)
    spec, key = scored_by.models[model], key_of(scored_by, given, night)
    version = registry_of(settings).version(f"{present.pipeline}.{model}", then.champion[0])
    table = _of_night(lake.read_version("features", then.features_version, [night]), then.features)
    predictions = _of_night(lake.read_version(f"{model}/predictions", scores.version, [night]), scores)
    scored = require_scored(row_of(predictions, key), predictions, table, key, population=spec.population)
    _require_digest(version, scored)
    values, matrix = features_of(table, key, version.artifact)
    require_same(np.array([scored["score"]]), version.artifact.score_matrix(matrix))
    rule = rule_of(Decision.of(scored_by, spec, version.artifact.learned), values, float(scored["score"]))
    parts = contributions(version.artifact.booster, matrix)
    return Why(
        model=f"{present.pipeline}.{model}",
        label=spec.label,
        kind=spec.type,
        goal=scored_by.purpose.goal,
        night=night,
        key=key,
        generation=scores.generation,
        restated=scores.restated,
        score=float(scored["score"]),
        predicted=scored.get("predicted"),
        rule=rule.sentence,
        threshold=rule.threshold,
        start=_score_of(parts.base, version.artifact, spec.type),
        margin=float(parts.margin[0]),
        base=float(parts.base[0]),
        maps=tuple(one.kind for one in version.artifact.learned.maps),
        top=spec.reasons.top if spec.reasons else SHOWN,
        reasons=tuple(_reasons(parts, values, version.artifact.learned.names, made_by)),
        origins=_origins(lake, made_by, then, {name: scored[name] for name in key}),
        standing=_standing(version),
        decisions=tuple(_decisions(lake.ledger.decisions(present.pipeline, model), version.version)),
        published=_published(settings, present, model, then),
        run=run_of(lake.ledger, present.pipeline, model, ran, found[ran]),
        pins={**then.inputs, "features": then.features_version, f"{model}/predictions": scores.version},
        since=since(found.values(), present),
        # Where there is no other, that is what `of_record` gives.
        by_todays_file=any(one is present for one in (made_by, scored_by)),
    )


def _of_night(frame: DataFrame, one: Slice) -> DataFrame:
    return frame.where((F.col("restated") == F.lit(one.restated)) & (F.col("generation") == F.lit(one.generation)))


def _require_digest(version: Version, scored: Mapping[str, Any]) -> None:
    if version.digest != scored["model_digest"]:
        msg = f"The row was scored by {scored['model_digest'][:12]}, but v{version.version} is {version.digest[:12]} now: it cannot explain the score."
        raise DataError(msg)


def features_of(features: DataFrame, key: Mapping[str, str], artifact: Artifact) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The row's features as they are stored, each also as text under `<name>.text`; and as the matrix that the booster is given."""
    names, floats = artifact.learned.names, numbered(floats_of(features, artifact))
    texts = [f"CAST(`{name}` AS STRING) AS `{name}.text`" for name in names]
    row = matching(features, key).selectExpr("*", *texts, *floats).collect()[0].asDict()
    given = [row.pop(f"_{place}") for place in range(len(names))]
    return row, np.array([[np.nan if value is None else value for value in given]], dtype=np.float32)


def _reasons(parts: Contributions, row: Mapping[str, Any], names: Sequence[str], pipeline: Pipeline) -> Iterator[Reason]:
    known_words = meanings(pipeline)
    for at in ranked(parts.effects, len(names))[0]:
        about = meaning(known_words, names[at])
        yield Reason(names[at], row[f"{names[at]}.text"], float(parts.effects[0, at]), about.words, about.feeds)


def _score_of(margin: Floats, artifact: Artifact, kind: str) -> float:
    """What the trees' output becomes: of a binary model a probability, whose log odds it is, and then the maps."""
    given = margin if kind == "regression" else np.asarray(1 / (1 + np.exp(-margin)))
    return float(applied(artifact.learned.maps, given)[0])


def _origins(lake: Lake, pipeline: Pipeline, then: Then, key: Mapping[str, Any]) -> tuple[Origin, ...]:
    old, night, restated = PinnedLake(lake, then.inputs), then.scores.night, then.scores.restated
    slices = known(old, pipeline, restate=restated)
    deliveries = {feed: list(delivered(old, lake, pipeline, feed, night, slices[feed])) for feed in pipeline.features.feeds}
    with planned(old, pipeline, slices, [night], restate=restated):
        return origins(lake.spark, pipeline, key, night, deliveries)


def _standing(version: Version) -> Standing:
    return Standing(
        version=version.version,
        digest=version.digest,
        as_of=version.tags.get("as_of", ""),
        segments={name: str(span) for name, span in version.spans.items()},
        verdict=version.tags.get("verdict", ""),
        sentence=version.tags.get("sentence", ""),
        evidence=version.manifest.get(VERDICT, ""),
    )


def _decisions(recorded: Sequence[Mapping[str, Any]], version: int) -> Iterator[Decided]:
    for one in recorded:
        if one["version"] == version:
            yield Decided(f"{one['at']:%Y-%m-%d %H:%M}", one["act"], one["by"] or "", one["system_user"] or "", one["reason"] or "")


def _published(settings: Settings, pipeline: Pipeline, model: str, then: Then) -> str:
    entry = entries(settings, pipeline, model).get(then.scores.night)
    if entry is None:
        return "The night is not published in the warehouse."
    shown, at = int(entry["generation"]), f"{entry['published_at']:%Y-%m-%d %H:%M} UTC"
    if shown == then.scores.generation:
        return f"The warehouse shows this score, as generation {shown} of the night, since {at}."
    return f"The warehouse shows generation {shown} of the night since {at}; this score is of generation {then.scores.generation}."


def run_of(ledger: Ledger, pipeline: str, model: str, run_id: str, origin: RunOrigin | None) -> dict[str, str]:
    """The run that scored: its id, when it began to score with this model, and by which code."""
    steps = [one for one in ledger.step_runs(pipeline, run_id=run_id) if (one["step"], one["item"]) == ("predictions", model)]
    started = {"scored_at": f"{steps[0]['started_at']:%Y-%m-%d %H:%M} UTC"} if steps else {}
    return {"run_id": run_id, **started, "code": origin.environment.get(CODE, "") if origin else "not on record"}
