"""A pipeline whose file names groups: trained, examined, decided by group each night."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.config.loading import read_pipeline
from jobs.errors import UsageError
from jobs.lake.lake import Lake
from jobs.ledger.ledger import Ledger
from jobs.model.decision import Decision
from jobs.model.registry.champion import registry_of
from jobs.nights import span
from jobs.settings import read_settings
from tests.faults.prepared import name_home
from tests.tiny import FIRST, Tiny, run_nights, train, write_pipeline

LEAN = {"feeds": {"weather": None, "shops": None}, "features": {"lookup": None, "latest": None, "history": None}}
MITIGATE = {"by": "thresholds", "attribute": "shop", "equal": "selection_rate"}
GATE = {"floors": {"roc_auc": None}, "beats": [], "min_history_coverage": 0}


def written(folder: Path, *, purpose: Mapping[str, Any] | None = None, **fairness: Any) -> Tiny:
    changes = {**LEAN, "purpose": purpose or {}, "models": {"returned": {"gate": GATE, "fairness": {"attributes": ["shop"], "min_rows": 20, **fairness}}}}
    return write_pipeline(folder / "pipelines", folder / "landing", changes=changes, rows=120)


def test_a_version_with_thresholds_by_group_is_examined_and_each_night_is_decided_so(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_home(monkeypatch, tmp_path)
    settings, tiny = read_settings(), written(tmp_path, mitigate=MITIGATE)
    run_nights(settings, tiny, span(FIRST, tiny.trainable))
    train(settings, tiny, tiny.trainable)
    version = registry_of(settings).champion("tiny.returned")
    assert version, Ledger.of(settings).decisions("tiny")[-1]["reason"]
    learned = version.artifact.learned
    assert "shop" not in learned.names
    assert {value for value, _ in learned.by_group.thresholds} == {"ada", "ben", "cleo", "dora", "eve"}
    (told,) = version.read_json("fairness.json")["attributes"]
    assert [one["name"] for one in told["groups"]] == ["ada", "ben", "cleo", "dora", "eve"]
    assert {one["name"]: one["problem"] for one in told["variants"]} == dict.fromkeys(
        ["without mitigation", "this version: thresholds by `shop`", "`shop` learned from", "reweighed by `shop`"]
    )
    assert "How groups fare" in version.read("verdict.html").decode()

    run_nights(settings, tiny, [tiny.trainable], steps="predictions")
    lake = Lake(spark, Ledger.of(settings), root=settings.lake, pipeline=tiny.name, run_id="look")
    given = lake.read("returned/predictions").frame
    assert "shop" not in given.columns
    rows = given.join(lake.read("features").frame.select("order_id", "night", "shop"), ["order_id", "night"]).where(F.col("night") == tiny.trainable).toPandas()
    expected = rows["score"].to_numpy() >= rows["shop"].map(learned.by_group.of).to_numpy(np.float64)
    assert rows["predicted"].tolist() == expected.tolist()
    assert rows["predicted"].tolist() != (rows["score"] >= 0.25).tolist()

    # Groups were compared at that threshold: another one is of another version, and so is another price of errors, from which it comes.
    told = train(settings, cheaper := written(tmp_path, purpose={"cost": {"missed": 1}}, mitigate=MITIGATE), tiny.trainable).nights[0]
    assert (learned.threshold, told.detail["version"]) == (0.25, 2)
    other = registry_of(settings).version("tiny.returned", 2)
    assert other.artifact.learned.threshold == 0.5
    spec = read_pipeline(cheaper.path)
    assert Decision.of(spec, spec.models["returned"], learned).threshold == 0.25

    with pytest.raises(UsageError, match=r"models\.returned\.fairness\.attributes: \['gender'\] are no columns of the features; they are \["):
        train(settings, written(tmp_path, attributes=["gender"]), tiny.trainable)
