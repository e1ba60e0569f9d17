"""Alerts of whole nights: a delivery that does not come is told, and so is that it came."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.ledger.ledger import Ledger
from jobs.results import StepResult
from jobs.settings import Settings, read_settings
from tests.tiny import FIRST, Tiny, deliver, run_nights, write_pipeline
from tests.unit.jobs.alerts.receiver import Receiver, listening

VARIABLE = "SHOP_ALERTS_URL"
STEPS = "raw,validated,features,alerts"
RULES = {"broken": {"signal": "red", "above": 0, "severity": "critical"}, "fewer": {"signal": "volume", "below": 0.5}}
NIGHTS = 4


def night(number: int) -> date:
    return FIRST + timedelta(days=number - 1)


@pytest.fixture
def tiny(home: Settings, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, Tiny]:
    folder = tmp_path / "pipelines"
    tiny = write_pipeline(folder, home.landing, nights=NIGHTS, changes={"alerts": {"webhook": VARIABLE, "rules": RULES}})
    monkeypatch.setenv("MATINS_PIPELINES", str(folder))
    return read_settings(), tiny


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with listening() as found:
        monkeypatch.setenv(VARIABLE, found.address)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield found


def alerts(results: list[StepResult]) -> StepResult:
    return next(one for one in results if one.step == "alerts")


def test_a_night_without_its_delivery_is_told_and_so_is_its_mending(tiny: tuple[Settings, Tiny], receiver: Receiver) -> None:
    settings, written = tiny
    late = night(NIGHTS)
    written.file("orders", late).unlink()
    deliver(settings.landing, night(NIGHTS - 1), rows=20)
    result = alerts(run_nights(settings, written, [night(n) for n in range(1, NIGHTS + 1)], steps=STEPS))
    assert [one["text"] for one in receiver.taken] == [
        # The night of few rows was followed by one without any, which is not fewer but red.
        "tiny 2024-01-04 CRITICAL broken (tiny): red is 3, > 0; open since 2024-01-04",
    ]
    assert [one.detail["open"] for one in result.nights[-2:]] == [["fewer (tiny)"], ["broken (tiny)"]]
    deliver(settings.landing, late)
    result = alerts(run_nights(settings, written, [late], steps=STEPS))
    assert receiver.taken[-1]["text"] == "tiny 2024-01-04 RESOLVED broken (tiny): red is 0, not > 0; was open from 2024-01-04 to 2024-01-04"
    assert alerts(run_nights(settings, written, [late], steps="alerts")).outcome == "unchanged"
    assert len(receiver.taken) == 2
    assert {(one["rule"], one["opened"], one["resolved"]) for one in Ledger.of(settings).alerts("tiny")} == {
        ("fewer", night(NIGHTS - 1), late),
        ("broken", late, late),
    }
