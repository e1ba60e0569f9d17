"""What a version of a model is stressed with: its own rows, and its features computed again from the lake with a feed late or absent."""

from functools import partial

from jobs.config.pipeline import Pipeline
from jobs.features.recomputed import recomputed
from jobs.features.sources import without
from jobs.lake.lake import Lake
from jobs.model.decision import Decision
from jobs.model.material import Material
from jobs.model.stress.stressing import Recompute, Source, Stressing
from jobs.model.training.training import Trained


def stressing(material: Material, trained: Trained, lake: Lake) -> Stressing | None:
    """The stresses of a version that was just trained; None where the model's file asks for none.

    Args:
        material: what it was made from.
        trained: the version.
        lake: holds the validated feeds; it is read only when the results are asked for.
    """
    model, pipeline, artifact = material.model, material.pipeline, trained.artifact
    if model.stress is None:
        return None
    # Without the feed of the rows there is nothing to score. Where a plug-in adds features, only computing them again tells what they come from.
    feeds = [feed for feed in pipeline.features.feeds if feed != pipeline.features.rows]
    return Stressing(
        config=model.stress,
        kind=model.type,
        loss=model.loss,
        artifact=artifact,
        decision=Decision.of(pipeline, model, artifact.learned),
        holdout=material.rows.labelled(material.spans["holdout"]),
        train=material.rows.labelled(material.spans["train"]),
        seed=model.seed,
        without={} if pipeline.features.plug_in else {feed: without(pipeline, feed) for feed in feeds},
        again=_again(pipeline, feeds, lake),
    )


def _again(pipeline: Pipeline, feeds: list[str], lake: Lake) -> dict[tuple[Source, str], Recompute]:
    late: dict[tuple[Source, str], Recompute] = {
        ("source_late", feed): partial(recomputed, lake=lake, pipeline=pipeline, feed=feed, fault="late") for feed in feeds if not pipeline.feeds[feed].undated
    }
    absent: dict[tuple[Source, str], Recompute] = {
        ("source_absent", feed): partial(recomputed, lake=lake, pipeline=pipeline, feed=feed, fault="absent") for feed in feeds
    }
    return late | (absent if pipeline.features.plug_in else {})
