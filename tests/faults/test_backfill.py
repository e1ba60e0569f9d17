"""A range of which some nights fail: given again, it does those alone."""

from jobs.lake import delta
from tests.faults import invariants
from tests.faults.prepared import LEFT_TO_DO, MODEL, NAME, PUBLISHED, Scene

RANGE = ("backfill", NAME, "--from", PUBLISHED[0], "--to", LEFT_TO_DO["published"], "--steps", "predictions,published", "--no-pages")


def outcomes(scene: Scene) -> dict[str, str]:
    (*_, last) = [one for one in scene.lake.ledger.step_runs(NAME) if one["step"] == "predictions"]
    return last["outputs"]["nights"]


def test_the_failed_nights_alone_are_retried(scene: Scene) -> None:
    failed = LEFT_TO_DO["features"]
    assert scene.matins(*RANGE) == 1
    assert {night for night, outcome in outcomes(scene).items() if outcome == "failed"} == {failed}
    assert scene.do("features") == 0
    before = delta.version_of(scene.lake.spark, scene.lake.path(f"{MODEL}/predictions"))
    assert scene.matins(*RANGE) == 0
    assert {night for night, outcome in outcomes(scene).items() if outcome == "written"} == {failed}
    assert delta.version_of(scene.lake.spark, scene.lake.path(f"{MODEL}/predictions")) == before + 1
    assert scene.warehouse(f"SELECT count(DISTINCT night), count(*) FROM {NAME}_{MODEL}_v1") == [(5, 300)]
    invariants.hold(scene)
