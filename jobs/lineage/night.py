"""A past night computed again from the versions that its record names, and held against what was stored then; nothing is written."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.features.assembly import assembled, known
from jobs.lake.lake import PROVENANCE, Lake
from jobs.ledger.ledger import Slice
from jobs.ledger.origins import origin_of
from jobs.lineage.compared import Comparison, compare
from jobs.lineage.deliveries import deliveries_part
from jobs.lineage.origins import of_record, since
from jobs.lineage.pinned import PinnedLake
from jobs.lineage.verdict import Part, Reproduction
from jobs.lineage.warehouse import warehouse_part
from jobs.model.registry.champion import registry_of
from jobs.predictions.score import predicted
from jobs.settings import Settings

OF_A_WRITING: Final = frozenset({"generation", "restated"}) | PROVENANCE
"""Columns that say which writing of a row it is."""


@dataclass(frozen=True)
class Then:
    """A night as it was scored last, and the features that it was scored from."""

    scores: Slice
    features: Slice

    @property
    def features_version(self) -> int:
        """Of the feature table, as it was read to score."""
        return int(self.scores.detail["features_version"])

    @property
    def champion(self) -> tuple[int, str]:
        """Number and digest of the version that scored."""
        return int(self.scores.detail["champion"]), str(self.scores.detail["digest"])

    @property
    def inputs(self) -> dict[str, int]:
        """The versions of the tables that the features were made from.

        Raises:
            DataError: they are not on record.
        """
        if "inputs" not in self.features.detail:
            msg = (
                f"The features of night {self.features.night} were computed by a Matins that did not record which versions they rest on. "
                "Nights that are computed from now on can be reproduced."
            )
            raise DataError(msg)
        return {table: int(version) for table, version in self.features.detail["inputs"].items()}


def reproduce(settings: Settings, lake: Lake, present: Pipeline, model: str, night: date) -> Reproduction:
    """Compute a night's features and scores again, and compare them with what is stored.

    Args:
        settings: name the registry and the warehouse.
        lake: the pipeline's.
        present: the pipeline as it is now; that of then is taken from the record.
        model: whose scores.
        night: which.

    Raises:
        DataError: the night was never scored, or what it rests on is not on record or no longer there.
    """
    then = _then(lake, present, model, night)
    origins = {one.run_id: origin_of(lake.ledger, one.run_id) for one in (then.features, then.scores)}
    made_by, scored_by = (of_record(origins[one.run_id], present) for one in (then.features, then.scores))
    number, digest = then.champion
    version = registry_of(settings).version(f"{present.pipeline}.{model}", number)
    old, key = PinnedLake(lake, then.inputs), [*made_by.rows.key, "night"]
    with assembled(old, made_by, known(old, made_by, restate=False), [night], restate=False) as made:
        scores = predicted(made.frame, scored_by, model, version)
        parts = (
            deliveries_part(old, made_by, night),
            _rows_part("features", compare(_stored(lake, "features", then.features_version, night), made.frame, key=key)),
            Part("model", version.digest == digest, f"v{number}, digest {version.digest[:12]}" + ("" if version.digest == digest else f", then {digest[:12]}")),
            _rows_part("scores", compare(_stored(lake, f"{model}/predictions", then.scores.version, night), scores, key=key)),
            warehouse_part(settings, present, model, then.scores, scores),
        )
    pins = {**then.inputs, "features": then.features_version, f"{model}/predictions": then.scores.version}
    return Reproduction(f"{present.pipeline}.{model} {night}", parts, pins, since(origins.values(), present))


def _then(lake: Lake, pipeline: Pipeline, model: str, night: date) -> Then:
    scores = lake.current(f"{model}/predictions").get(night)
    if scores is None or not scores.rows:
        msg = f"{pipeline.pipeline}.{model}: night {night} was never scored, so there is nothing to reproduce."
        raise DataError(msg)
    version = int(scores.detail["features_version"])
    return Then(scores, PinnedLake(lake, {"features": version}).current("features")[night])


def _stored(lake: Lake, table: str, version: int, night: date) -> DataFrame:
    rows = lake.read_version(table, version, [night]).where(~F.col("restated"))
    return rows.drop(*OF_A_WRITING)


def _rows_part(name: str, found: Comparison) -> Part:
    sentence = f"{found.rows} rows of {name}, {found.columns} columns{', bit for bit' if found.same else ''}"
    return Part(name, found.same, sentence, tuple(found.told))
