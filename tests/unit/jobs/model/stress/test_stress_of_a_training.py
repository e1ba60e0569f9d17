"""A training that is stressed, with the real lake, registry and ledger."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.model.registry.champion import registry_of
from jobs.nights import span
from jobs.settings import Settings, read_settings
from tests.tiny import Tiny, run_nights, train, write_pipeline


@pytest.fixture
def settings(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spark: SparkSession) -> Settings:
    monkeypatch.setenv("MATINS_PIPELINES", str(tmp_path / "pipelines"))
    return read_settings()


def written(settings: Settings, stress: Mapping[str, Any] | None) -> Tiny:
    return write_pipeline(settings.root / "pipelines", settings.landing, nights=31, changes={"models": {"returned": {"stress": stress}}})


@pytest.mark.slow
def test_a_version_is_stressed_by_its_feeds_and_a_limit_refuses_it(settings: Settings) -> None:
    tiny = written(settings, {"limits": {"source_late": 5.0, "source_absent": 0.0001}})
    run_nights(settings, tiny, span(tiny.first, tiny.last))
    (night,) = train(settings, tiny, tiny.trainable).nights
    version = registry_of(settings).version("tiny.returned", night.generation or 0, threads=1)
    stresses = json.loads(version.read("stress.json"))["stresses"]
    late = {one["of"]: one for one in stresses if one["kind"] == "source_late"}
    assert set(late) == {"outcomes", "weather"}
    assert {one["of"] for one in stresses if one["kind"] == "source_absent"} == {"outcomes", "weather", "shops"}
    assert all(one["problem"] is None and one["nights"] == 7 for one in late.values())
    assert late["outcomes"]["change"] > 0
    assert night.detail["verdict"] == "REFUSE"
    refused = {rule["name"] for rule in json.loads(version.read("verdict.json"))["rules"] if rule["outcome"] == "REFUSE"}
    assert "stress_source_absent" in refused
    assert "stress_source_late" not in refused
    assert late["outcomes"]["sentence"] in version.read("verdict.html").decode()
    # Other stress, or none, is no other version: a verdict stands.
    (again,) = train(settings, written(settings, None), tiny.trainable).nights
    assert (again.outcome, again.detail["version"]) == ("unchanged", version.version)
