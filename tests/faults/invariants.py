"""What must hold of a home after any fault (I1 to I6 of the fault list); each check fails with the thing that does not hold."""

import json
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from jobs.lake.lake import Lake, checksums
from jobs.ledger.leases import _is_dead
from jobs.ledger.ledger import Slice
from jobs.ledger.tables import leases
from jobs.model.registry.champion import registry_of
from tests.faults.prepared import MODEL, NAME, Scene


def hold(scene: Scene) -> None:
    """All of them."""
    for table in tables_of(scene.lake):
        table_is_whole(scene.lake, table)
    published_is_what_was_predicted(scene)
    champion_is_what_was_registered(scene)
    nobody_dead_is_at_work(scene.lake)


def tables_of(lake: Lake) -> Iterator[str]:
    root = Path(lake.path(""))
    yield from (str(log.parent.relative_to(root)) for log in sorted(root.rglob("_delta_log")))


def table_is_whole(lake: Lake, table: str) -> None:
    """Versions without a gap, no empty commit, every file there; each night's rows are those of one generation, as recorded."""
    log = sorted((Path(lake.path(table)) / "_delta_log").glob("*.json"))
    assert [int(path.stem) for path in log] == list(range(len(log))), table
    assert all(path.stat().st_size for path in log), table
    current = lake.read(table).frame
    assert [path for path in current.inputFiles() if not Path(path.removeprefix("file:")).exists()] == []
    by = ["night", "generation", "restated"] if "restated" in current.columns else ["night", "generation"]
    recorded = {tuple(getattr(one, name) for name in by): (one.rows, one.checksum) for one in _standing(lake.slices(table), by)}
    assert checksums(current, by=by) == {key: content for key, content in recorded.items() if content[0]}, table


def _standing(slices: list[Slice], by: list[str]) -> list[Slice]:
    """A table of deliveries keeps every generation, the others keep the newest."""
    return slices if "restated" not in by else list({(one.night, one.restated): one for one in slices}.values())


def published_is_what_was_predicted(scene: Scene) -> None:
    """Each night's rows in the warehouse are, score by score, those of the Delta version that its ledger entry cites."""
    entries = scene.warehouse("SELECT night, generation, delta_version, rows, restated FROM matins_publish_ledger WHERE current")
    shown: dict[str, list[tuple[object, ...]]] = {}
    for night, *row in scene.warehouse(f"SELECT night, day, order_id, score, model_version, generation FROM {NAME}_{MODEL}_v1"):
        shown.setdefault(str(night), []).append(tuple(row))
    assert {str(night) for night, *_ in entries} == set(shown)
    for night, generation, version, rows, restated in entries:
        cited = scene.lake.read_version(f"{MODEL}/predictions", int(str(version))).where(f"night = DATE'{night}' AND restated = {bool(restated)}")
        predicted = [(str(row["day"]), row["order_id"], row["score"], row["model_version"], generation) for row in cited.collect()]
        assert sorted(shown[str(night)], key=repr) == sorted(predicted, key=repr)
        assert len(predicted) == rows


def champion_is_what_was_registered(scene: Scene) -> None:
    """Its files are read and held to their sha256 as they are fetched."""
    champion = registry_of(scene.settings).champion(f"{NAME}.{MODEL}")
    assert champion is not None
    assert champion.digest == champion.tags["digest"]


def nobody_dead_is_at_work(lake: Lake) -> None:
    """No lease of a process that is gone, and no run that is recorded as going on: the tests' own have ended."""
    with lake.ledger.engine.connect() as connection:
        owners = connection.execute(select(leases.c.resource, leases.c.owner).where(leases.c.owner.is_not(None))).all()
    assert [resource for resource, owner in owners if _is_dead(owner)] == []
    assert [run["id"] for run in lake.ledger.step_runs(lake.pipeline) if run["outcome"] == "started"] == []


def audit(lake: Lake, table: str) -> list[list[tuple[str, int]]]:
    """The (night, generation) of each commit that the table's own history records, oldest first."""
    commits = []
    for path in sorted((Path(lake.path(table)) / "_delta_log").glob("*.json")):
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        said = next((json.loads(entry["commitInfo"]["userMetadata"]) for entry in entries if entry.get("commitInfo", {}).get("userMetadata")), None)
        if said:
            commits.append([(one["night"], one["generation"]) for one in said["slices"]])
    return commits
