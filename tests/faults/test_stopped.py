"""SIGTERM: the run ends as `canceled` with exit status 3, its lease is given back, and the next run goes on at once."""

import signal
import time

from sqlalchemy import select

from jobs.ledger.tables import leases, runs
from tests.faults import invariants
from tests.faults.prepared import LEFT_TO_DO, NAME, Scene
from tests.faults.processes import child, wait_for


def test_a_run_that_is_told_to_end_cleans_up_and_says_so(scene: Scene, clean: dict[str, str]) -> None:
    before = scene.lake.current("features")
    arguments = ["run", NAME, "--night", LEFT_TO_DO["features"], "--steps", "features", "--no-pages"]
    with child("matins", *arguments, MATINS_FAIL="features.before_commit:hang") as run:
        wait_for(lambda: scene.lake.path("features") in owned(scene), pause=0.2)
        time.sleep(1)
        run.send(signal.SIGTERM)
        status, said = run.end()
    assert status == 3
    assert "matins: The run was stopped; finished nights stay, the others are as before. Run again to go on." in said
    assert "Traceback" not in said
    assert owned(scene) == []
    assert newest_run(scene) == "canceled"
    assert scene.lake.ledger.step_runs(NAME)[-1]["outcome"] == "failed"
    assert scene.lake.current("features") == before
    assert scene.do("features") == 0
    assert scene.checksum("features") == clean["features"]
    invariants.hold(scene)


def owned(scene: Scene) -> list[str]:
    with scene.lake.ledger.engine.connect() as connection:
        return list(connection.execute(select(leases.c.resource).where(leases.c.owner.is_not(None))).scalars())


def newest_run(scene: Scene) -> str:
    with scene.lake.ledger.engine.connect() as connection:
        return str(connection.execute(select(runs.c.outcome).order_by(runs.c.started_at.desc())).scalars().first())
