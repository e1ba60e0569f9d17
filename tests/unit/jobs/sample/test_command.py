"""`matins sample` calls the pipeline's own function, and mixes in trouble only where it is asked to."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.config.loading import read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.sample.command import write_sample
from jobs.settings import Settings
from tests.tiny import FIRST, write_pipeline

PLUG_IN = """
from datetime import timedelta

from tests.tiny import deliver


def deliveries(landing, first, last):
    for n in range((last - first).days + 1):
        deliver(landing, first + timedelta(days=n), rows=10)
        yield first + timedelta(days=n)


def at_once(landing, first, last):
    return [first, last]
"""


@pytest.fixture
def own(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.delitem(sys.modules, "own_sample", raising=False)
    (tmp_path / "own_sample.py").write_text(PLUG_IN, encoding="utf-8")
    return tmp_path


def pipeline_in(own: Path, sample: str | None) -> Pipeline:
    return read_pipeline(write_pipeline(own, own / "elsewhere", nights=1, changes={"sample": sample}).path)


def test_the_nights_are_written_and_counted(own: Path, home: Settings) -> None:
    assert write_sample(home, pipeline_in(own, "own_sample:deliveries"), FIRST, FIRST + timedelta(days=2), seed=None) == 3
    assert sorted(path.name for path in (home.landing / "orders").iterdir()) == ["2024-01-01.csv", "2024-01-02.csv", "2024-01-03.csv"]
    assert not (home.landing / "manifest.json").exists()


def test_a_seed_mixes_trouble_in_and_lists_it(own: Path, home: Settings) -> None:
    write_sample(home, pipeline_in(own, "own_sample:deliveries"), FIRST, FIRST + timedelta(days=19), seed=7)
    assert (home.landing / "manifest.json").exists()


def test_a_pipeline_without_a_sample_says_what_to_do(own: Path, home: Settings) -> None:
    with pytest.raises(UsageError, match=r"`tiny` has no sample: deliver its files to .*landing, or name a function with `sample: module:function`\."):
        write_sample(home, pipeline_in(own, None), FIRST, FIRST, seed=None)


def test_a_function_that_yields_nothing_is_named(own: Path, home: Settings) -> None:
    with pytest.raises(UsageError, match="sample: `own_sample:at_once` returned list; it must yield each night that it has written"):
        write_sample(home, pipeline_in(own, "own_sample:at_once"), FIRST, FIRST, seed=None)
