"""Faults 2 and 3 in the steps themselves, and in publication: killed around its commit, a night is made and shown once."""

import random
import signal
import socket
import time

import pytest

from tests.faults import invariants
from tests.faults.prepared import LEFT_TO_DO, MODEL, NAME, PUBLISHED, Scene
from tests.faults.processes import child, wait_for

ROWS = 60


def run_and_die(step: str, point: str) -> None:
    arguments = ["run", NAME, "--night", LEFT_TO_DO[step], "--steps", step, "--no-pages"]
    with child("matins", *arguments, MATINS_FAIL=f"{step}.{point}:kill9") as run:
        status, said = run.end()
        assert status == -signal.SIGKILL, said
        wait_for(run.group_is_gone)


def outcome_of_last(scene: Scene) -> str:
    return str(scene.lake.ledger.step_runs(NAME)[-1]["outcome"])


@pytest.mark.parametrize(
    ("step", "point", "retry"),
    [("features", "before_commit", "written"), ("features", "after_commit", "unchanged"), ("predictions", "after_commit", "unchanged")],
)
def test_a_step_killed_around_its_commit_is_done_once(scene: Scene, clean: dict[str, str], step: str, point: str, retry: str) -> None:
    run_and_die(step, point)
    assert scene.do(step) == 0
    assert outcome_of_last(scene) == retry
    assert scene.checksum(step) == clean[step], "as one clean run would have left it"
    assert scene.do(step) == 0
    assert outcome_of_last(scene) == "unchanged"
    invariants.hold(scene)


@pytest.mark.parametrize(("point", "shown", "retry"), [("before_commit", 0, "written"), ("after_commit", ROWS, "unchanged")])
def test_a_publication_killed_around_its_commit_shows_the_night_once(scene: Scene, point: str, shown: int, retry: str) -> None:
    count = f"SELECT count(*) FROM {NAME}_{MODEL}_predictions WHERE night = '{LEFT_TO_DO['published']}'"
    entries = f"SELECT generation, rows FROM matins_publish_ledger WHERE night = '{LEFT_TO_DO['published']}'"
    run_and_die("published", point)
    assert scene.warehouse(count) == [(shown,)], "all of the night or nothing"
    assert scene.do("published") == 0
    assert outcome_of_last(scene) == retry
    assert scene.warehouse(count) == [(ROWS,)]
    assert scene.warehouse(entries) == [(1, ROWS)]
    invariants.hold(scene)


def test_a_run_that_was_killed_is_recorded_as_died_by_the_next(scene: Scene) -> None:
    run_and_die("published", "before_commit")
    assert [one["outcome"] for one in scene.lake.ledger.step_runs(NAME)][-1] == "started"
    scene.do("published")
    killed, after = scene.lake.ledger.step_runs(NAME)[-2:]
    assert (killed["outcome"], killed["message"], after["outcome"]) == ("died", "its process died", "written")
    assert scene.lake.ledger.unended_runs(socket.gethostname()) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
def test_a_night_killed_at_any_time_again_and_again_is_in_the_end_made_once(scene: Scene, clean: dict[str, str], seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(3):
        with child("matins", "run", NAME, "--night", LEFT_TO_DO["features"], "--no-pages") as run:
            time.sleep(rng.uniform(4, 40))
            run.kill_group() if rng.random() < 0.5 else run.send(signal.SIGKILL)
            wait_for(run.group_is_gone)
    assert scene.matins("run", NAME, "--night", LEFT_TO_DO["features"], "--no-pages") == 0
    assert scene.checksum("features") == clean["features"]
    shown = scene.warehouse(f"SELECT night, count(*) FROM {NAME}_{MODEL}_predictions GROUP BY night ORDER BY night")
    assert shown == [(night, ROWS) for night in (*PUBLISHED, LEFT_TO_DO["features"])]
    invariants.hold(scene)
