"""Which histograms a night is judged by: those on record for the same version and features, else counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.config.drift import Drift
from jobs.drift_report.counted import counts_of
from jobs.drift_report.reference import Reference
from jobs.lake.lake import Pinned
from jobs.ledger.ledger import Slice
from jobs.model.registry.version import Version
from jobs.nights import among
from jobs.work import Work

NIGHT = date(2013, 5, 18)
BEFORE, LONG_BEFORE = NIGHT - timedelta(days=1), NIGHT - timedelta(days=2)
REFERENCES = [Reference("x", (0.5,), (), (0.5, 0.5, 0.0)), Reference("score", (0.5,), (), (0.5, 0.5, 0.0))]
VERSION = cast("Version", SimpleNamespace(version=2))


@dataclass
class FakeLake:
    """Frames and slices by table."""

    frames: dict[str, DataFrame]
    slices: dict[str, dict[date, Slice]]
    asked: list[tuple[str, tuple[date, ...]]] = field(default_factory=list)

    def current(self, table: str) -> dict[date, Slice]:
        return self.slices.get(table, {})

    def read(self, table: str, nights: Sequence[date]) -> Pinned:
        self.asked.append((table, tuple(nights)))
        return Pinned(self.frames[table].where(among(nights)), 1)


def slice_of(night: date, **detail: Any) -> Slice:
    return Slice(night=night, generation=1, known_night=night, rows=4, checksum=f"sum {night}", fingerprint="", version=1, run_id="r", detail=detail)


@pytest.fixture(scope="module")
def frames(spark: SparkSession) -> dict[str, DataFrame]:
    features = [(night, key, x, False, 1) for night in (LONG_BEFORE, BEFORE, NIGHT) for key, x in (("a", 0.0), ("b", 1.0), ("c", 1.0), ("out", 9.0))]
    restated = (NIGHT, "a", 7.0, True, 1)
    scores = [(LONG_BEFORE, "a", 0.9, 2), (BEFORE, "a", 0.1, 1), (NIGHT, "a", 0.9, 2), (NIGHT, "b", 0.9, 2)]
    return {
        "features": spark.createDataFrame([*features, restated], "night date, id string, x double, restated boolean, generation int"),
        "m/predictions": spark.createDataFrame([(*one, False) for one in scores], "night date, id string, score double, model_version int, restated boolean"),
    }


def work_on(lake: FakeLake, *, nights: int = 3) -> Work:
    model = SimpleNamespace(drift=Drift(nights=nights), population="id != 'out'")
    rows = SimpleNamespace(rows=SimpleNamespace(key=["id"]))
    return cast("Work", SimpleNamespace(lake=lake, model=model, pipeline=rows, item="m", table="m/drift_report"))


def lake_of(frames: dict[str, DataFrame], *, recorded: dict[date, Slice] | None = None) -> FakeLake:
    nights = (LONG_BEFORE, BEFORE, NIGHT)
    predictions = {LONG_BEFORE: 2, BEFORE: 1, NIGHT: 2}
    slices = {
        "features": {night: slice_of(night) for night in nights},
        "m/predictions": {night: slice_of(night, champion=version) for night, version in predictions.items()},
        "m/drift_report": recorded or {},
    }
    return FakeLake(frames, slices)


def found(lake: FakeLake) -> dict[date, dict[str, list[float]]]:
    counts = counts_of(work_on(lake), VERSION, REFERENCES, [NIGHT])
    return {night: {name: given.tolist() for name, given in some.items()} for night, some in counts.items()}


def test_rows_of_the_population_are_counted_and_the_score_of_another_version_has_no_part(frames: dict[str, DataFrame]) -> None:
    assert found(lake_of(frames)) == {
        LONG_BEFORE: {"x": [1, 2, 0, 0], "score": [0, 1, 2, 0]},
        BEFORE: {"x": [1, 2, 0, 0]},
        NIGHT: {"x": [1, 2, 0, 0], "score": [0, 2, 1, 0]},
    }


def test_what_is_on_record_for_the_same_version_and_features_is_not_counted_again(frames: dict[str, DataFrame]) -> None:
    counts = {LONG_BEFORE: (2, ["x", "score"], [[70, 7, 0, 0], [80, 8, 0, 0]]), BEFORE: (1, ["x"], [[60, 6, 0, 0]])}
    measured = {night: {"champion": version, "measured": {"name": names, "counts": given}} for night, (version, names, given) in counts.items()}
    recorded = {night: slice_of(night, features=f"sum {night}", **about) for night, about in measured.items()}
    lake = lake_of(frames, recorded=recorded)
    assert found(lake) == {
        LONG_BEFORE: {"x": [70, 7, 0, 0], "score": [80, 8, 0, 0]},
        BEFORE: {"x": [1, 2, 0, 0]},
        NIGHT: {"x": [1, 2, 0, 0], "score": [0, 2, 1, 0]},
    }
    assert ("features", (BEFORE, NIGHT)) in lake.asked


def test_counts_of_other_features_are_counted_again(frames: dict[str, DataFrame]) -> None:
    lake = lake_of(
        frames, recorded={LONG_BEFORE: slice_of(LONG_BEFORE, features="another sum", champion=2, measured={"name": ["x"], "counts": [[70, 7, 0, 0]]})}
    )
    assert found(lake)[LONG_BEFORE] == {"x": [1, 2, 0, 0], "score": [0, 1, 2, 0]}


def test_nights_without_features_are_left_out(frames: dict[str, DataFrame]) -> None:
    lake = lake_of(frames)
    del lake.slices["features"][LONG_BEFORE]
    assert set(found(lake)) == {BEFORE, NIGHT}


def test_what_an_earlier_release_measured_is_counted_again(frames: dict[str, DataFrame]) -> None:
    lake = lake_of(frames, recorded={LONG_BEFORE: slice_of(LONG_BEFORE, features=f"sum {LONG_BEFORE}", champion=2)})
    assert found(lake)[LONG_BEFORE] == {"x": [1, 2, 0, 0], "score": [0, 1, 2, 0]}
