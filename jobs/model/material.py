"""What versions are made from and judged on: stored rows cut into segments, and the case that the gate is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import ValidationError

from jobs.config.models import Model, Segments
from jobs.config.pipeline import Pipeline
from jobs.config.search import Search
from jobs.errors import DataError, UsageError
from jobs.model.artifact import Artifact
from jobs.model.decision import Decision
from jobs.model.evaluation import baselines
from jobs.model.evaluation.floats import Floats
from jobs.model.fairness.thresholds import with_thresholds
from jobs.model.gate.case import Case, Contender
from jobs.model.labels import read_labels
from jobs.model.rows import Rows, read_rows
from jobs.model.segments import Span, cut
from jobs.model.stress.stressing import Stressing
from jobs.model.training.search import Fold, Found, rolling, search
from jobs.model.training.training import Trained, train
from jobs.work import Work


@dataclass(frozen=True)
class Challenger:
    """What was just trained, as the gate wants it."""

    artifact: Artifact
    spans: Mapping[str, Span]

    @property
    def digest(self) -> str:
        """What it is."""
        return self.artifact.digest

    @property
    def size(self) -> int:
        """Bytes of the trees."""
        return len(self.artifact.ubj)

    def score(self, frame: pd.DataFrame) -> Floats:
        """One score per row."""
        return self.artifact.score(frame)


@dataclass(frozen=True)
class Material:
    """The rows of one `as_of` night, and what is to be made of them."""

    name: str
    """`<pipeline>.<model>`."""
    model: Model
    pipeline: Pipeline
    rows: Rows
    spans: Mapping[str, Span]
    versions: Mapping[str, int]
    """Of the Delta tables that were read."""

    def with_params(self, params: Mapping[str, Any]) -> Self:
        """The same, with other parameters."""
        return replace(self, model=self.model.model_copy(update={"params": {**self.model.params, **params}}))

    def train(self, train_rows: pd.DataFrame | None = None, *, seed: int | None = None) -> Trained:
        """Train on the segments `train` and `tune`, or on other rows and with another seed."""
        given = self.rows.labelled(self.spans["train"]) if train_rows is None else train_rows
        model = self.model if seed is None else self.model.model_copy(update={"seed": seed})
        calibrate = self.rows.labelled(self.spans["calibrate"]) if "calibrate" in self.spans else None
        tune = self.rows.labelled(self.spans["tune"])
        trained = train(given, tune, model=model, features=self.rows.features, calibrate_rows=calibrate)
        decision = Decision.of(self.pipeline, model, trained.artifact.learned)
        if model.fairness is None or decision is None:
            return trained
        pinned = replace(trained.artifact, learned=replace(trained.artifact.learned, threshold=decision.threshold, top=decision.top))
        if decision.threshold is None:
            return replace(trained, artifact=pinned)
        rows = tune if calibrate is None else calibrate
        return replace(trained, artifact=with_thresholds(pinned, rows, model.fairness, general=decision.threshold))

    def searched(self, *, lag: int, storage: str, study: str) -> Found:
        """The best parameters for these rows.

        Raises:
            UsageError: the segments are too short for the folds.
        """
        folds = rolling(self.model.search or Search(), self.spans, lag=lag)

        def loss(model: Model, fold: Fold) -> float:
            return train(self.rows.labelled(fold[0]), self.rows.labelled(fold[1]), model=model, features=self.rows.features).tune_loss

        return search(self.model, folds=folds, features=len(self.rows.features), loss=loss, storage=storage, study=study)

    def case(
        self,
        trained: Trained,
        *,
        read_champion: Callable[[], Contender | None],
        judged_before: int = 0,
        stress: Stressing | None = None,
        pinned: Mapping[str, str] | None = None,
    ) -> Case:
        """What the gate is given of a trained version."""
        learned, loss = trained.artifact.learned, self.model.loss
        simple = baselines.fit(self.rows.labelled(self.spans["train"]), self.rows.labelled(self.spans["tune"]), learned=learned, loss=loss)
        return Case(
            model=self.name,
            kind=self.model.type,
            loss=loss,
            gate=self.model.gate,
            slices=self.model.slices,
            holdout=self.rows.labelled(self.spans["holdout"]),
            scored_rows=len(self.rows.scored(self.spans["holdout"])),
            history_coverage=self.rows.mean_coverage,
            challenger=Challenger(trained.artifact, self.spans),
            read_champion=read_champion,
            learned=learned,
            baselines=simple,
            decision=Decision.of(self.pipeline, self.model, learned),
            fairness=self.model.fairness,
            seed=self.model.seed,
            judged_before=judged_before,
            stress=stress,
            pinned=pinned or {},
        )


def alike(material: Material, *, pairs: int, done: Callable[[str], None]) -> tuple[Trained, dict[str, list[tuple[Challenger, Challenger]]]]:
    """A sound version, and pairs of others of which neither is better but by chance: by seed, and by the nights of `train` drawn again.

    Args:
        material: what all are trained on and judged on.
        pairs: how many, half of either kind.
        done: told of each training.
    """
    train_rows = material.rows.labelled(material.spans["train"])
    by_night = [rows for _, rows in train_rows.groupby("night")]

    def redrawn(seed: int) -> pd.DataFrame:
        drawn = np.random.default_rng(seed).integers(0, len(by_night), len(by_night))
        again: pd.DataFrame = pd.concat([by_night[place] for place in sorted(drawn)], ignore_index=True)
        return again

    def ring(train: Callable[[int], Trained], length: int) -> list[tuple[Challenger, Challenger]]:
        """Each is once the challenger and once the champion, so that luck in one is counted on both sides."""
        made = []
        for number in range(length):
            made.append(Challenger(train(material.model.seed + 1000 + number).artifact, material.spans))
            done("trained")
        return [(one, made[(place + 1) % length]) for place, one in enumerate(made)]

    by_seed = ring(lambda seed: material.train(seed=seed), pairs - pairs // 2)
    by_nights = ring(lambda seed: material.train(redrawn(seed), seed=seed), pairs // 2)
    return material.train(), {"another seed": by_seed, "nights drawn again": by_nights}


def made_by(pipeline: Pipeline, model: Model) -> dict[str, Any]:
    """What of the file a version depends on: how a champion is judged, published or watched does not change what is trained."""
    beside = dict.fromkeys(("gate", "stress", "promotion", "shadow", "drift", "retrain", "reasons", "publish"), True)
    # Left out where it is not declared: models without groups keep the fingerprint that they had.
    spec = model.model_dump(mode="json", exclude={**beside, "fairness": {"limits"} if model.fairness else True})
    by_cost = model.fairness and model.threshold == "from purpose" and pipeline.purpose.cost
    return {**spec, "cost": pipeline.purpose.cost.model_dump(mode="json")} if by_cost and pipeline.purpose.cost else spec


def spans_of(work: Work, as_of: date) -> dict[str, Span]:
    """The segments' nights for a version made in the night `as_of`.

    Raises:
        UsageError: lengths that segments cannot have, or the pipeline has too few nights before it.
    """
    try:
        segments = Segments.model_validate({**work.model.segments.model_dump(), **dict(work.options.segments)})
    except ValidationError as error:
        msg = "; ".join(f"--segments {one['loc'][0]}={one['input']}: {one['msg']}" for one in error.errors(include_url=False))
        raise UsageError(msg) from None
    return cut(segments, as_of=as_of, lag=work.pipeline.label_lag(work.item), first=work.pipeline.nights.from_)


def gather(work: Work, as_of: date, spans: Mapping[str, Span]) -> Material:
    """Read the rows of the segments.

    Raises:
        DataError: a segment has no row with features and a known label.
        UsageError: `slices` or `fairness` names what is no feature.
    """
    label_table = f"validated/{work.model.label_feed}"
    features, labels = work.lake.read("features"), read_labels(work.lake, work.model.label_feed)
    rows = read_rows(features.frame, labels.frame, work.pipeline, work.item, spans, as_of=as_of)
    if empty := [name for name, span in spans.items() if rows.labelled(span).empty]:
        first, last = spans[empty[0]].first, spans[empty[-1]].last
        make = f"matins backfill {work.pipeline.pipeline} --from {first} --to {as_of} --steps raw,validated,features"
        lacks = f"{' and '.join(empty)} ({first} to {last})"
        msg = f"{work.model_name} as of {as_of}: no row of its {lacks} has features and a known label. Make them first: {make}."
        raise DataError(msg)
    attributes = work.model.fairness.attributes if work.model.fairness else []
    if absent := [name for name in attributes if name not in rows.frame.columns]:
        msg = f"models.{work.item}.fairness.attributes: {absent} are no columns of the features; they are {sorted(rows.frame.columns)}."
        raise UsageError(msg)
    if unknown := sorted(set(work.model.fairness.learn_from if work.model.fairness else ()) - set(rows.features)):
        msg = f"models.{work.item}.fairness.learn_from: {unknown} are no features that a model can learn from; they are {sorted(rows.features)}."
        raise UsageError(msg)
    if unknown := sorted(set(work.model.slices) - {*rows.features, *attributes}):
        msg = f"models.{work.item}.slices: {unknown} are no features of this model; they are {sorted(rows.features)}."
        raise UsageError(msg)
    versions = {"features": features.version, label_table: labels.version}
    return Material(work.model_name, work.model, work.pipeline, rows, spans, versions)
