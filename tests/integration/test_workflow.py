"""`docs/workflow.yaml`, which a team copies: its steps as plain shell commands, on a change that is good and on one that breaks a view."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.integration.composed import ROOT
from tests.tiny import FIRST, write_pipeline

LOADED: Mapping[str, Any] = YAML(typ="safe", pure=True).load((ROOT / "docs" / "workflow.yaml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step["run"] for step in LOADED["jobs"]["night"]["steps"] if "run" in step}
AS_OF = FIRST + timedelta(days=30)
TINY = {"PIPELINE": "tiny", "MODEL": "returned", "FIRST": str(FIRST), "AS_OF": str(AS_OF), "NIGHT": str(AS_OF + timedelta(days=1))}
CHANGES: dict[str, Any] = {"feeds": {"weather": None, "shops": None}, "features": {"lookup": None, "latest": None}}
OTHER_KEY = {feed: {"columns": {"order_id": "string"}} for feed in ("orders", "outcomes")}
UNIT_TEST = """
import unittest
from pathlib import Path


class Files(unittest.TestCase):
    def test_it_says_what_it_is_for(self) -> None:
        self.assertIn("goal:", Path("pipelines/tiny.yaml").read_text(encoding="utf-8"))
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A team's, as it was before the change and with it."""
    write_pipeline(tmp_path / ".before" / "pipelines", tmp_path / "unused", nights=1, changes=CHANGES)
    write_pipeline(tmp_path / "pipelines", tmp_path / "sample", nights=32, changes={**CHANGES, "purpose": {"goal": "the same in better words"}})
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_files.py").write_text(UNIT_TEST, encoding="utf-8")
    return tmp_path


def step(name: str, repository: Path) -> subprocess.CompletedProcess[str]:
    """A step as GitHub runs it: its text as a script, in the repository, with the workflow's environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(repository), **LOADED["env"], **TINY, "MATINS_SPARK_PROFILE": "test"}
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", STEPS[name]]
    return subprocess.run(shell, env=environment, cwd=repository, capture_output=True, text=True, check=False, timeout=550)


def test_what_it_sets_is_what_its_steps_use() -> None:
    used = {word for word in LOADED["env"] if not word.startswith("MATINS_") and any(f"${word}" in run for run in STEPS.values())}
    assert used == set(TINY)
    assert set(LOADED["env"]) - used == {"MATINS_HOME", "MATINS_LANDING", "MATINS_PIPELINES"}


def test_it_needs_no_secret_and_no_right_to_write() -> None:
    assert LOADED["permissions"] == {"contents": "read"}
    assert "secrets." not in (ROOT / "docs" / "workflow.yaml").read_text(encoding="utf-8")
    assert all(len(step["uses"].partition("@")[2]) == 40 for step in LOADED["jobs"]["night"]["steps"] if "uses" in step)


def test_a_change_that_breaks_a_view_stops_it_with_the_difference(repository: Path) -> None:
    name = "What the views promise"
    assert step(name, repository).returncode == 0
    write_pipeline(repository / "pipelines", repository / "unused", nights=1, changes={**CHANGES, "feeds": {**CHANGES["feeds"], **OTHER_KEY}})
    done = step(name, repository)
    assert done.returncode == 2
    assert "The view tiny_returned_v1 would break for those who read it: ~ order_id BIGINT → VARCHAR(512)." in done.stdout
    (repository / ".before" / "pipelines" / "tiny.yaml").unlink()
    assert step(name, repository).returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_good_change_passes_every_step(repository: Path) -> None:
    for name in STEPS:
        done = step(name, repository)
        assert done.returncode == 0, (name, done.stdout, done.stderr)
    assert f"tiny {TINY['NIGHT']} OK 60 scored, champion v1, published g1" in done.stdout
    (repository / "tests" / "test_files.py").write_text(UNIT_TEST.replace("goal:", "an absent word"), encoding="utf-8")
    assert step("Unit tests", repository).returncode != 0
