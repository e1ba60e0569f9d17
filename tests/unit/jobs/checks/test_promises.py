"""`matins check PIPELINE --against FILE`: a changed file and what readers of its views were promised."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jobs.cli import app, guarded
from jobs.settings import Settings
from tests.tiny import write_pipeline

REGRESSION = {"type": "regression", "label": "outcomes.days_kept", "gate": {"floors": {"roc_auc": None, "mae": 50}, "champion": {"non_inferior": 1}}}


@pytest.fixture
def before(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MATINS_PIPELINES", str(tmp_path / "now"))
    return write_pipeline(tmp_path / "before", home.landing, nights=1).path


def held(before: Path, changes: Mapping[str, Any]) -> int:
    write_pipeline(before.parents[1] / "now", before.parents[1] / "landing", nights=1, changes=changes)
    return guarded(lambda: app(["check", "tiny", "--against", str(before)]))


@pytest.mark.parametrize(
    "changes",
    [{}, {"feeds": {"orders": {"max_bad_share": 0.1}}}, {"features": {"columns": {"month": "month(day)"}}}],
    ids=["nothing", "a limit", "a feature more"],
)
def test_a_change_that_readers_do_not_see_passes(changes: Mapping[str, Any], before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert held(before, changes) == 0
    assert capsys.readouterr().out == "tiny: ok\n"


BREAKS = [
    ({"feeds": {feed: {"columns": {"order_id": "string"}} for feed in ("orders", "outcomes")}}, "~ order_id BIGINT → VARCHAR(512)"),
    ({"models": {"returned": REGRESSION}}, "- predicted BOOLEAN"),
]


@pytest.mark.parametrize(("changes", "difference"), BREAKS, ids=["another type", "a column less"])
def test_a_change_that_breaks_a_view_is_told_with_the_difference(
    changes: Mapping[str, Any], difference: str, before: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert held(before, changes) == 2
    said = capsys.readouterr().out
    assert said.startswith(f"tiny: models.returned.publish: The view tiny_returned_v1 would break for those who read it: {difference}. ")
    assert "declare it as `publish: {view: v2}`" in said


def test_a_change_that_declares_another_view_breaks_none(before: Path) -> None:
    assert held(before, {**BREAKS[0][0], "models": {"returned": {"publish": {"view": "v2"}}}}) == 0


def test_without_a_pipeline_there_is_nothing_to_hold_against_it(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: app(["check", "--against", str(before)])) == 2
    assert "needs the pipeline that is to be held against it" in capsys.readouterr().err
