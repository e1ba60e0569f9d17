"""The loop by itself: a real daemon runs nights as they become due, labels come, a shift is noticed, a new champion scores the next night."""

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from ruamel.yaml import YAML

from jobs.config.loading import load_pipeline
from jobs.ledger.ledger import Ledger
from jobs.nights import span
from jobs.reading import published
from jobs.settings import Settings, read_settings
from tests.integration.machine import Machine, wait_for
from tests.tiny import Tiny, deliver, run_nights, train, write_pipeline

pytestmark = pytest.mark.slow
AS_OF = date(2024, 1, 31)
SHIFT = AS_OF + timedelta(days=3)
CHANGES: dict[str, Any] = {
    "nights": {"to": AS_OF + timedelta(days=1)},
    "feeds": {"weather": None, "shops": None},
    "features": {"lookup": None, "latest": None},
    "models": {
        "returned": {
            "gate": {"floors": {"roc_auc": 0.5}, "champion": {"non_inferior": 1.0}, "beats": []},
            "drift": {"nights": 2},
            "retrain": {"when": {"signal": "score_drift", "above": 1, "nights": 2, "of": 3}, "cooldown": 3},
        }
    },
}


@pytest.fixture
def tiny(home: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """With a champion, and deliveries up to the night that it was trained in."""
    tiny = write_pipeline(home.root / "pipelines", home.landing, nights=31, changes=CHANGES)
    monkeypatch.setenv("MATINS_PIPELINES", str(tiny.path.parent))
    run_nights(read_settings(), tiny, span(tiny.first, AS_OF))
    train(read_settings(), tiny, AS_OF)
    return tiny


@pytest.mark.timeout(1500)
def test_the_loop_closes_itself(home: Settings, tiny: Tiny, tmp_path: Path) -> None:
    settings = read_settings()
    machine, ledger = Machine(settings), Ledger.of(settings)

    first = AS_OF + timedelta(days=1)
    deliver(tiny.landing, first)
    with machine.running(machine.code, MATINS_CRON="* * * * *"), machine.running(machine.daemon):
        machine.turn_on("schedule", "tiny_nightly")
        wait_for(lambda: first in shown(settings, tiny))
        wait_for(lambda: machine.statuses() == ["SUCCESS"])
    assert ledger.step_runs("tiny", run_id=machine.runs()[0].run_id)[-1]["step"] == "report"

    last = AS_OF + timedelta(days=8)
    let_nights_go_to(tiny, last)
    with machine.running(machine.code), machine.running(machine.daemon):
        machine.turn_on("sensor", "tiny_due")
        machine.turn_on("sensor", "tiny_retraining")
        for night in span(AS_OF + timedelta(days=2), last - timedelta(days=1)):
            shifted(tiny, night, tmp_path / "staging")
        wait_for(lambda: acts(ledger, "retrain"))
        wait_for(lambda: len(promotions(ledger)) == 2)
        asked, champions = acts(ledger, "retrain"), promotions(ledger)
        assert asked[0] >= SHIFT
        assert [one["night"] for one in champions] == [AS_OF, asked[0]]
        wait_for(lambda: last - timedelta(days=1) in shown(settings, tiny))

        shifted(tiny, last, tmp_path / "staging")
        wait_for(lambda: last in shown(settings, tiny))
        wait_for(lambda: set(machine.statuses()) == {"SUCCESS"})
    versions = {night: entry["model_version"] for night, entry in shown(settings, tiny).items()}
    assert (versions[first], versions[last]) == (1, champions[1]["version"])
    assert len(acts(ledger, "retrain")) == 1, "its own new champion is no reason to retrain"
    assert labels_came(ledger)


def shown(settings: Settings, tiny: Tiny) -> dict[date, dict[str, Any]]:
    return dict(published(settings, load_pipeline(tiny.name, settings), "returned").entries)


def acts(ledger: Ledger, act: str) -> list[date]:
    return [one["night"] for one in ledger.retrainings("tiny", "returned") if one["act"] == act]


def promotions(ledger: Ledger) -> list[dict[str, Any]]:
    return [one for one in ledger.decisions("tiny", "returned") if one["act"] == "promoted"]


def labels_came(ledger: Ledger) -> bool:
    return any(one.counts.get("labels") for one in ledger.slices("tiny", "returned/performance"))


def let_nights_go_to(tiny: Tiny, last: date) -> None:
    """As a person who edits the file; the code location is started anew."""
    yaml = YAML(typ="safe", pure=True)
    spec = yaml.load(tiny.path.read_text(encoding="utf-8"))
    spec["nights"]["to"] = last
    with tiny.path.open("w", encoding="utf-8") as file:
        yaml.dump(spec, file)


def shifted(tiny: Tiny, night: date, staging: Path) -> None:
    """A delivery with four times the amounts: within their bounds, and far from what training knew."""
    deliver(staging, night)
    orders = staging / "orders" / f"{night}.csv"
    if night >= SHIFT:
        rows = list(csv.DictReader(orders.read_text(encoding="utf-8").splitlines()))
        with orders.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows([{**row, "amount": f"{float(row['amount']) * 4:.2f}"} for row in rows])
    # What is required comes last: the sensor starts the night as soon as it is there.
    for feed in ("outcomes", "orders"):
        (staging / feed / f"{night}.csv").rename(tiny.file(feed, night))
