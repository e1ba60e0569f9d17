"""What results rest on beside the data is told by name, and so is what of it has changed."""

import sys
from pathlib import Path

import pytest

from jobs.config.loading import read_pipeline
from jobs.environment import CODE, changes, code_version, environment
from tests.tiny import write_pipeline


def test_it_tells_code_python_and_the_libraries_that_are_installed(tmp_path: Path) -> None:
    found = environment(read_pipeline(write_pipeline(tmp_path, tmp_path / "landing", nights=0).path))
    assert found[CODE] == code_version()
    assert found["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert {"pyspark", "numpy", "holidays"} <= set(found)
    assert len({"xgboost", "xgboost-cpu"} & set(found)) == 1


def test_a_teams_own_function_is_known_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    pipeline = read_pipeline(write_pipeline(tmp_path, tmp_path / "landing", nights=0, changes={"features": {"plug_in": "own_rules:more"}}).path)
    told = []
    for body in ("return frame", "return frame.limit(1)"):
        (tmp_path / "own_rules.py").write_text(f"def more(frame):\n    {body}\n", encoding="utf-8")
        told.append(environment(pipeline)["own_rules:more, sha256"])
    assert told[0] != told[1]


def test_changes_name_what_came_went_and_is_another() -> None:
    assert changes({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}) == ["b: 1 → 2", "c: 1 → none", "d: none → 1"]
