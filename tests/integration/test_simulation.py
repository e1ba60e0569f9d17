"""A simulation of nights that really ran: it sees what they saw, decides as they did, and leaves them alone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from jobs.cli import app, guarded
from jobs.config.loading import load_pipeline
from jobs.ledger.ledger import Ledger
from jobs.model.material import Material
from jobs.model.registry.champion import registry_of
from jobs.nights import span
from jobs.reading import lake_to_read
from jobs.retraining.simulation.fitting import spans_at
from jobs.retraining.simulation.reading import read_history
from jobs.retraining.simulation.replay import Replay
from jobs.retraining.simulation.workshop import Workshop
from jobs.settings import Settings, read_settings
from jobs.watch.on_record import read_facts
from jobs.watch.soundness import soundness_of
from tests.faults.prepared import CHANGES, name_home
from tests.tiny import FIRST, write_pipeline

BEGIN = FIRST + timedelta(days=30)
LAST = BEGIN + timedelta(days=8)
STEPS = "predictions,drift_report,performance,retraining"
RETRAIN = {"when": {"any": [{"every": 6}, {"signal": "loss_ratio", "above": 0.99, "over": 3}]}, "cooldown": 5}
Capture = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Shop:
    settings: Settings
    spark: SparkSession

    def matins(self, *arguments: str) -> int:
        return guarded(lambda: app(list(arguments)))

    def simulate(self, *more: str, to: date = LAST) -> int:
        return self.matins("simulate", "small.returned", "--from", str(BEGIN), "--to", str(to), *more)

    def results(self) -> list[Path]:
        return sorted((self.settings.root / "simulations" / "small.returned").glob("*/results.json"))

    def records(self) -> tuple[Any, ...]:
        """What a simulation must leave alone."""
        ledger, registry = Ledger.of(self.settings), registry_of(self.settings)
        tables = sorted(str(path) for path in Path(self.settings.lake).rglob("*.json"))
        return ledger.decisions("small"), ledger.retrainings("small", "returned"), registry.versions("small.returned"), tables


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    changes = {**CHANGES, "models": {"returned": {"retrain": RETRAIN}}}
    with pytest.MonkeyPatch.context() as environment:
        name_home(environment, folder)
        write_pipeline(folder / "pipelines", folder / "landing", name="small", nights=40, changes=changes)
        shop = Shop(read_settings(), spark)
        nights = ("--from", str(FIRST), "--to", str(LAST))
        assert shop.matins("backfill", "small", *nights, "--steps", "raw,validated,features", "--no-pages") == 0
        assert shop.matins("train", "small.returned", "--as-of", str(BEGIN)) == 0
        assert shop.matins("backfill", "small", "--from", str(BEGIN), "--to", str(LAST), "--steps", STEPS, "--no-pages") == 0
        yield shop


def test_a_replay_sees_and_decides_what_the_nights_did(shop: Shop, tmp_path: Path) -> None:
    pipeline, ledger = load_pipeline("small", shop.settings), Ledger.of(shop.settings)
    nights, lake = span(BEGIN, LAST), lake_to_read(shop.settings, pipeline, shop.spark)
    history = read_history(lake, pipeline, "returned", learned_from=spans_at(pipeline, "returned", BEGIN)["train"].first, nights=nights)
    workshop = Workshop(pipeline, "returned", history, tmp_path, seed=pipeline.models["returned"].seed)
    found = Replay(pipeline.models["returned"].retrain, workshop, begin=BEGIN, soundness=soundness_of(ledger, pipeline))
    for night in nights:
        found.night(night)
    decided = [(one["night"], one["act"], one["reason"]) for one in ledger.retrainings("small", "returned")]
    # After it nobody trained, while the replay did.
    until = next(place for place, (_, act, _) in enumerate(decided) if act == "retrain") + 1
    assert 3 < until < len(decided)
    assert [(one.night, one.act, one.reason) for one in found.decisions][:until] == decided[:until]
    seen = read_facts(ledger, pipeline, "returned")
    assert workshop.made(BEGIN).contender.digest == registry_of(shop.settings).versions("small.returned")[0].digest
    assert found.facts.holdouts[1] == pytest.approx(seen.holdouts[1])
    assert (found.facts.soundness, found.facts.judged, found.facts.kind, found.facts.loss) == (seen.soundness, seen.judged, seen.kind, seen.loss)
    assert [found.facts.drift_of[night] for night in nights[:until]] == [seen.drift_of[night] for night in nights[:until]]
    assert {night: found.facts.drift[night] for night in nights[:until]} == {night: pytest.approx(seen.drift[night]) for night in nights[:until]}
    known = nights[: until - pipeline.feeds["outcomes"].lag]
    pairs = [(found.facts.realised[night][0], seen.realised[night][0]) for night in known]
    pairs += [(found.facts.estimated[night], seen.estimated[night]) for night in nights[:until]]
    for ours, theirs in pairs:
        assert (ours.night, ours.version) == (theirs.night, theirs.version)
        assert np.allclose(ours.tally, theirs.tally)


def test_two_policies_are_compared_and_nothing_else_is_touched(shop: Shop, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shop.records()
    assert shop.simulate("--policy", "never", "--policy", "file") == 0
    told = capsys.readouterr().out
    assert "`file`: (every 6 nights or loss_ratio > 0.99 in 1 of 1 nights, over 3 nights); cooldown 5" in told
    assert "All policies begin with the same champion, made as of 2024-01-31; the gate, which would have passed it, has no say in it." in told
    assert shop.records() == before
    (written,) = shop.results()
    results = json.loads(written.read_bytes())
    (run,) = results["policies"]["file"]["runs"]
    assert len(run["attempts"]) == 2
    assert (written.parent / "report.html").stat().st_size > 10_000

    content = written.read_bytes()
    monkeypatch.setattr(Material, "train", lambda _: pytest.fail("trained again"))
    assert shop.simulate("--policy", "never", "--policy", "file", "--json") == 0
    assert json.loads(capsys.readouterr().out) == results
    assert written.read_bytes() == content
    assert shop.results() == [written]


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        (["--policy", "daily"], 2, "--policy daily: allowed are never, monthly, weekly, drift, performance, estimated, file."),
        (["--policy", "never", "--seeds", "0"], 2, "--seeds"),
        ([], 2, "--policy"),
    ],
)
def test_wrong_use_is_told(shop: Shop, capsys: Capture, more: list[str], status: int, said: str) -> None:
    assert shop.simulate(*more) == status
    assert said in capsys.readouterr().err


def test_nights_that_were_never_made_are_named_with_the_command_that_makes_them(shop: Shop, capsys: Capture) -> None:
    assert shop.simulate("--policy", "never", to=LAST + timedelta(days=3)) == 1
    told = capsys.readouterr().err
    assert "`features` lacks 2024-02-09 to 2024-02-11; `validated/outcomes` lacks 2024-02-09 to 2024-02-11." in told
    assert "matins backfill small --from 2024-01-01 --to 2024-02-11 --steps raw,validated,features." in told
