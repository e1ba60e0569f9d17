"""A registered version trained again from its pinned rows, seed, threads and parameters, and held against the registered one; nothing is registered."""

import json
from ast import literal_eval
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from itertools import zip_longest
from typing import Any

from jobs.config.models import Model
from jobs.errors import DataError
from jobs.ledger.origins import Origin, origin_of
from jobs.lineage.origins import differences, of_record, since
from jobs.lineage.pinned import PinnedLake
from jobs.lineage.verdict import Part, Reproduction
from jobs.model.artifact import Artifact
from jobs.model.material import Material, gather
from jobs.model.registry.champion import registry_of
from jobs.model.registry.registry import Registry
from jobs.model.registry.version import Version
from jobs.model.training.training import RESERVED, Trained
from jobs.work import Work

NOT_XGBOOSTS = frozenset({"best_iteration", "max_trees", "early_stopping"})


def reproduce(work: Work, number: int) -> Reproduction:
    """Train a version again and compare trees, what was learned beside them, and metrics.

    Args:
        work: of the model's step, with the pipeline as it is now; that of then is taken from the record.
        number: of the version.

    Raises:
        UsageError: there is no such version.
        DataError: what it rests on is not on record or no longer there.
    """
    registry = registry_of(work.settings)
    version = registry.version(work.model_name, number, threads=work.model.threads)
    origin = origin_of(work.ledger, version.tags.get("run_id", ""))
    pins = _pins(version)
    old = replace(work, pipeline=of_record(origin, work.pipeline), lake=PinnedLake(work.lake, pins))
    material = gather(old, date.fromisoformat(version.tags["as_of"]), version.spans)
    material = material.with_params(_parameters(registry, version, material.model))
    trained = material.train()
    parts = (_rows_part(material), _trees_part(version.artifact, trained.artifact), _learned_part(version.artifact, trained.artifact))
    return Reproduction(
        f"{work.model_name} v{number}", (*parts, _metrics_part(version, material, trained)), pins, tuple(_since(work, origin, version, trained))
    )


def _pins(version: Version) -> dict[str, int]:
    pins = {name: int(value) for name, value in version.tags.items() if name == "features" or name.startswith("validated/")}
    if len(pins) < 2 or "as_of" not in version.tags:
        msg = f"{version.name} v{version.version} does not say which tables it was made from; it cannot be trained again."
        raise DataError(msg)
    return pins


def _parameters(registry: Registry, version: Version, model: Model) -> dict[str, Any]:
    """As they were used, also where a search has found them."""
    given = {name: value for name, value in registry.params(version).items() if name not in RESERVED | NOT_XGBOOSTS and not name.startswith("segment.")}
    return {name: model.params[name] if str(model.params.get(name)) == value else _read(value) for name, value in given.items()}


def _read(value: str) -> Any:
    with suppress(ValueError, SyntaxError):
        return literal_eval(value)
    return value


def _rows_part(material: Material) -> Part:
    counts = ", ".join(f"{name} {len(material.rows.labelled(span))}" for name, span in material.spans.items())
    return Part("rows", same=True, sentence=f"rows with a known label: {counts}")


def _trees_part(then: Artifact, now: Artifact) -> Part:
    count = then.booster.num_boosted_rounds()
    if then.ubj == now.ubj:
        return Part("trees", same=True, sentence=f"{count} trees, byte for byte")
    pairs = enumerate(zip_longest(then.booster.get_dump(with_stats=True), now.booster.get_dump(with_stats=True)))
    first = next((place for place, (before, after) in pairs if before != after), None)
    told = f"the first that differs is number {first}" if first is not None else "the trees are equal, the file around them is not"
    return Part("trees", same=False, sentence=f"{count} trees then, {now.booster.num_boosted_rounds()} now", told=(told,))


def _learned_part(then: Artifact, now: Artifact) -> Part:
    told = tuple(differences(json.loads(then.learned.to_json()), json.loads(now.learned.to_json())))
    return Part("learned", not told, "features, categories, calibration and threshold", told)


def _metrics_part(version: Version, material: Material, trained: Trained) -> Part:
    if "evaluation.json" not in version.manifest:
        return Part("metrics", same=True, sentence="it was never measured")
    again = json.loads(json.dumps(material.case(trained, read_champion=lambda: None).evaluation.to_dict()))
    told = tuple(differences(version.read_json("evaluation.json"), again))
    value = again["metrics"][material.model.loss]["value"]
    return Part("metrics", not told, f"metrics with their intervals; {material.model.loss} is {value:.4f} on the holdout", told)


def _since(work: Work, origin: Origin | None, version: Version, trained: Trained) -> Iterator[str]:
    yield from since([origin], work.pipeline)
    if (device := version.tags.get("device", "")) != trained.device.used:
        yield f"device: {device} → {trained.device.used} ({trained.device.reason})"
