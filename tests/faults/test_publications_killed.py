"""Faults 19 and 21: publications are killed at every point and at random ones while the server restarts: each comes true once, and readers see whole nights."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from typing import Final

import pytest
from pyspark.sql import functions as F

from jobs.lake.lake import Draft
from jobs.nights import span
from jobs.published.warehouse import opened
from tests.faults import invariants
from tests.faults.polling import Ask, Content, Generation, Reader, connected
from tests.faults.prepared import MODEL, NAME, Scene
from tests.faults.processes import PATIENCE, Child, child
from tests.faults.servers import restart
from tests.integration.postgresql import binaries, emptied, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
FIRST: Final = date(2024, 3, 1)
NIGHTS: Final = span(FIRST, FIRST + timedelta(days=23))
GENERATIONS: Final = 3
ROWS: Final = 80
HALF: Final = ROWS // 2
POINTS: Final = ("before_commit", "in_load", "after_load", "after_swap", "after_commit")
TABLE: Final = f"{MODEL}/predictions"
COUNT: Final = {
    "postgresql": (
        "CREATE TABLE counted (night text, generation int)",
        "CREATE FUNCTION count_() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO counted VALUES (NEW.night, NEW.generation); RETURN NULL; END'",
        "CREATE TRIGGER counts AFTER INSERT ON matins_publish_ledger FOR EACH ROW EXECUTE FUNCTION count_()",
    ),
    "sqlite": (
        "CREATE TABLE counted (night text, generation int)",
        "CREATE TRIGGER counts AFTER INSERT ON matins_publish_ledger BEGIN INSERT INTO counted VALUES (NEW.night, NEW.generation); END",
    ),
}
"""Has the database itself count the entries that came true."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running() as url:
        yield url


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_on_a_server_each_generation_is_published_once_and_readers_see_whole_nights(
    scene: Scene, server: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("MATINS_WAREHOUSE_URL", emptied(server))
    published_in_spite_of_all(scene, server, random.Random(seed), restarts={2: "fast", 3: "immediate"})
    with connected(server) as ask:
        tables = {name for (name,) in ask("SELECT relname FROM pg_class WHERE relkind IN ('r', 't') AND relname !~ '^(pg|sql)_'")}
        assert tables == {f"{NAME}_{MODEL}_predictions", "matins_publish_ledger", "matins_contracts", "counted"}
        assert ask("SELECT * FROM pg_locks WHERE locktype = 'advisory'") == []
        assert ask("SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == []


def test_in_a_file_likewise(scene: Scene) -> None:
    published_in_spite_of_all(scene, scene.settings.warehouse_url, random.Random(4), restarts={})


def published_in_spite_of_all(scene: Scene, url: str, rng: random.Random, *, restarts: dict[int, str]) -> None:
    """Every night thrice, each time after other scores; nine kills on the way: each point once, and four at random."""
    have_counted(scene, url)
    committed, cited = dict[Generation, Content](), dict[int, int]()
    faults = [*POINTS, *["random"] * 4]
    rng.shuffle(faults)
    with watched(Reader(url, f"{NAME}_{MODEL}", FIRST, committed)) as reader, publishers() as told:
        for generation in range(1, GENERATIONS + 1):
            cited[generation] = score_again(scene, generation, committed)
            for fault in faults[generation - 1 :: GENERATIONS]:
                killed(told(f"published.{fault}:kill9"), rng, fault)
            last = told("")
            if mode := restarts.get(generation):
                until(last, "publishes")
                time.sleep(rng.uniform(0, 0.1))
                restart(url, mode)
            assert until(last, "done") == "done 0"
    assert reader.looks > len(NIGHTS)
    assert reader.breaks >= len(restarts)
    with connected(url) as ask:
        everything_is_there_once(scene, ask, committed, cited)
        assert scene.matins("backfill", NAME, "--from", str(NIGHTS[0]), "--to", str(NIGHTS[-1]), "--steps", "published", "--no-pages") == 0
        everything_is_there_once(scene, ask, committed, cited)
        reader.look(ask)
        assert reader.wrong == []
        ask(f"DELETE FROM {NAME}_{MODEL}_predictions WHERE night = '{NIGHTS[5]}' AND order_id = 7")
        reader.look(ask)
        assert any("not as it was scored" in wrong for wrong in reader.wrong), "such a reader would have seen it"
    invariants.nobody_dead_is_at_work(scene.lake)


def everything_is_there_once(scene: Scene, ask: Ask, committed: dict[Generation, Content], cited: dict[int, int]) -> None:
    """I1: the entries that came true, what they say, and the rows."""
    assert Counter((night, generation) for night, generation in ask("SELECT night, generation FROM counted")) == Counter(committed.keys())
    since = f"WHERE night >= '{FIRST}'"
    entries = ask(f"SELECT night, generation, rows, checksum, delta_version, CAST(current AS int) FROM matins_publish_ledger {since}")
    checksums = {(str(one.night), one.generation): one.checksum for one in scene.lake.slices(TABLE) if one.night >= FIRST}
    assert {(str(night), generation): tuple(told) for night, generation, *told in entries} == {
        (night, generation): (ROWS, checksums[night, generation], cited[generation], int(generation == GENERATIONS)) for night, generation in committed
    }
    rows = ask(f"SELECT night, generation, count(*), sum(score) FROM {NAME}_{MODEL}_predictions {since} GROUP BY night, generation")
    assert {(str(night), generation): (count, total) for night, generation, count, total in rows} == committed


def have_counted(scene: Scene, url: str) -> None:
    with opened(url, scene.pipeline, MODEL), connected(url) as ask:
        for statement in COUNT["postgresql" if url.startswith("postgresql") else "sqlite"]:
            ask(statement)


def score_again(scene: Scene, generation: int, committed: dict[Generation, Content]) -> int:
    """Other scores of all nights in the lake, of which each night's sum is exact; returns the table's version."""
    rows = scene.lake.spark.range(len(NIGHTS) * ROWS, numPartitions=1).selectExpr(
        f"date_add(DATE'{FIRST}', CAST(id DIV {ROWS} AS INT)) AS day",
        f"id % {ROWS} AS order_id",
        f"date_add(DATE'{FIRST}', CAST(id DIV {ROWS} AS INT)) AS night",
        f"(id * 7919 + {generation} * 104729) % 1024 / 1024D AS score",
        "id % 2 = 0 AS predicted",
        "1 AS model_version",
        "repeat('d', 64) AS model_digest",
        "1 AS features_version",
        "'look' AS run_id",
    )
    drafts = [Draft(night=night, fingerprint=f"g{generation}", detail={"champion": 1, "digest": "d" * 64}) for night in NIGHTS]
    version = scene.lake.commit(rows, TABLE, drafts, step="predictions").version
    found = scene.lake.read_version(TABLE, version, NIGHTS).groupBy("night", "generation").agg(F.count("*").alias("rows"), F.sum("score").alias("total"))
    committed.update({(str(row["night"]), row["generation"]): (row["rows"], row["total"]) for row in found.collect()})
    return version


@contextmanager
def watched(reader: Reader) -> Iterator[Reader]:
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()


@contextmanager
def publishers() -> Iterator[Callable[[str], Child]]:
    """What tells a process to publish under a fault: the one that lives, or else a new one."""
    with ExitStack() as stack:
        living: list[Child] = []

        def told(fault: str) -> Child:
            if not living or living[-1].process.poll() is not None:
                living.append(stack.enter_context(child("publications", NAME, NIGHTS[0], NIGHTS[-1], HALF)))
                assert until(living[-1], "ready") == "ready"
            living[-1].tell(fault)
            return living[-1]

        yield told


def until(process: Child, start: str) -> str:
    """Its next line of that kind, or the one that says that it is done; nothing when it is dead."""
    while (line := process.line()) and not line.startswith((start, "done")):
        pass
    return line


def killed(process: Child, rng: random.Random, fault: str) -> None:
    """At a point by itself, or at random in the midst of its nights: Python alone, or Spark with it."""
    if fault == "random":
        for _ in range(rng.randint(1, 6)):
            until(process, "publishes")
        time.sleep(rng.uniform(0, 0.1))
        rng.choice([process.kill_group, lambda: process.send(signal.SIGKILL)])()
    assert process.process.wait(PATIENCE) == -signal.SIGKILL
