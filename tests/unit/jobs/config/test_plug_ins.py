"""A team's functions lie beside its YAML, and are found by every process that reads it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.config.loading import read_pipeline
from jobs.config.plug_ins import make_importable, plug_in
from jobs.errors import UsageError
from tests.tiny import write_pipeline


@pytest.fixture
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))


@pytest.mark.usefixtures("own_path")
def test_a_module_beside_the_file_can_be_named_in_it(tmp_path: Path) -> None:
    (tmp_path / "beside_the_file.py").write_text("def twice(frame):\n    return frame\n", encoding="utf-8")
    tiny = write_pipeline(tmp_path, tmp_path / "landing", nights=1, changes={"features": {"plug_in": "beside_the_file:twice"}})
    read_pipeline(tiny.path)
    assert plug_in("beside_the_file:twice", "features.plug_in")(1) == 1


@pytest.mark.usefixtures("own_path")
def test_a_process_that_is_started_later_finds_it_too(tmp_path: Path) -> None:
    (tmp_path / "found_by_workers.py").write_text("", encoding="utf-8")
    make_importable(tmp_path)
    assert subprocess.run([sys.executable, "-c", "import found_by_workers"], check=False).returncode == 0


@pytest.mark.usefixtures("own_path")
def test_a_teams_file_hides_no_library(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("", encoding="utf-8")
    make_importable(tmp_path)
    assert sys.path[-1] == str(tmp_path)


@pytest.mark.usefixtures("own_path")
def test_a_pipeline_without_plug_ins_leaves_the_path_alone(tmp_path: Path) -> None:
    read_pipeline(write_pipeline(tmp_path, tmp_path / "landing", nights=1).path)
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no_such_module:twice", r"sample: `no_such_module:twice` cannot be imported \(ModuleNotFoundError: .*put no_such_module\.py beside the pipeline file"),
        ("json:no_such_function", "AttributeError"),
        ("json:__name__", "is a str; name a function"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(name: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        plug_in(name, "sample")
