"""`matins status`: what is watched of each model, and drawing it again and again."""

import io
import time
from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from rich.console import Console

from jobs import console
from jobs.cli import app, guarded
from jobs.commands.nights import EVERY
from jobs.config.loading import load_pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.performance.tally import tallies
from jobs.settings import Settings
from jobs.status import show, status_of
from tests.tiny import write_pipeline

NIGHTS = [date(2024, 1, day) for day in range(10, 18)]
Draw = Callable[[], None]


@pytest.fixture
def watched(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose ledger has a champion, eight nights of scores, six of which are known, decisions and alerts."""
    folder = home.root / "pipelines"
    write_pipeline(folder, home.landing, nights=0)
    monkeypatch.setenv("MATINS_PIPELINES", str(folder))
    settings, ledger = home.model_copy(update={"pipelines": folder}), Ledger.of(home)
    ledger.decide("tiny", "returned", "promoted", version=3, former=None, night=NIGHTS[0], by="gate", reason="it passed", evidence={}, run_id=None)
    for act, night in (("none", NIGHTS[-2]), ("held_back", NIGHTS[-1])):
        ledger.record_retraining("tiny", "returned", night, act=act, reason="Held back: cooldown.", inputs={}, fingerprint="f", run_id=None)
    about = {"severity": "critical", "sentence": "it is 1.2", "last": NIGHTS[-1], "told": None, "told_resolved": False}
    for rule, resolved in (("loss", None), ("volume", NIGHTS[-1])):
        ledger.record_alert("tiny", rule, "returned", NIGHTS[3], resolved=resolved, **about)
    made = {"generation": 1, "rows": 60, "checksum": "c", "fingerprint": "f", "version": 1, "run_id": "r"}
    slices = [Slice(night=night, known_night=night, detail=_measured(place), **made) for place, night in enumerate(NIGHTS)]  # type: ignore[arg-type]
    ledger.record_slices("tiny", "returned/performance", slices, version=1)
    ledger.record_slices("tiny", "features", [Slice(night=NIGHTS[0], known_night=NIGHTS[0], **made)], version=1)  # type: ignore[arg-type]
    return settings


def _measured(place: int) -> dict[str, object]:
    rng = np.random.default_rng(place)
    score = rng.uniform(0.05, 0.95, 60)
    label = (rng.random(60) < score).astype(float)
    (tally,) = tallies(np.zeros(60, dtype=np.int64), 1, label, score, constant=0.5, kind="binary", loss="log_loss")
    told = {"version": 3, "tally": tally.tolist()}
    return {"realised": {str(NIGHTS[place - 2]): told} if place > 1 else {}, "estimated": told, "holdouts": {"3": {"loss_error": 0.01}}}


def test_a_model_tells_its_newest_loss_with_intervals(watched: Settings) -> None:
    loss = status_of(watched, load_pipeline("tiny", watched))["models"]["returned"]["loss"]
    assert loss["metric"] == "log_loss"
    assert (loss["realised"]["first"], loss["realised"]["last"]) == (NIGHTS[0], NIGHTS[5])
    assert (loss["estimated"]["first"], loss["estimated"]["last"]) == (NIGHTS[1], NIGHTS[7])
    for name in ("realised", "estimated"):
        assert loss[name]["low"] < loss[name]["value"] < loss[name]["high"]


def test_a_model_tells_the_newest_decision_to_retrain_or_not(watched: Settings) -> None:
    found = status_of(watched, load_pipeline("tiny", watched))["models"]["returned"]["retraining"]
    assert found == {"night": NIGHTS[-1], "act": "held_back", "reason": "Held back: cooldown."}


def test_only_open_alerts_are_told(watched: Settings) -> None:
    (alert,) = status_of(watched, load_pipeline("tiny", watched))["alerts"]
    assert alert == {"rule": "loss", "subject": "returned", "severity": "critical", "sentence": "it is 1.2", "opened": NIGHTS[3], "last": NIGHTS[-1]}


def test_people_read_all_of_it(watched: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    show(status_of(watched, load_pipeline("tiny", watched)))
    told = capsys.readouterr().out
    assert f"ALERT critical loss (returned) since {NIGHTS[3]}: it is 1.2" in told
    assert f"retraining, {NIGHTS[-1]}: held back. Held back: cooldown." in told
    assert f"nights {NIGHTS[0]} to {NIGHTS[5]}" in told


def test_without_a_terminal_there_is_nothing_to_draw_on(watched: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: app(["status", "tiny", "--watch"])) == 2
    assert "--watch needs a terminal" in capsys.readouterr().err


def test_json_is_not_drawn(watched: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: app(["status", "tiny", "--watch", "3", "--json"])) == 2
    assert "give one of the two" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "seconds"), [(["--watch"], float(EVERY)), (["--watch", "2.5"], 2.5), (["--watch", "tiny"], float(EVERY)), (["--watch", "2", "tiny"], 2.0)]
)
def test_the_seconds_may_be_left_out(watched: Settings, monkeypatch: pytest.MonkeyPatch, arguments: list[str], seconds: float) -> None:
    asked: list[float] = []

    def note(_draw: Draw, *, seconds: float) -> None:
        asked.append(seconds)

    monkeypatch.setattr(console, "redrawn", note)
    assert guarded(lambda: app(["status", *arguments])) == 0
    assert asked == [seconds]


def test_a_screen_is_drawn_until_it_is_left_and_holds_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, waits = Console(file=io.StringIO(), force_terminal=True, width=20, height=4, soft_wrap=True, highlight=False), []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(console, "out", screen)
    monkeypatch.setattr(time, "sleep", wait)
    console.redrawn(lambda: screen.print("\n".join(f"line {n}" for n in range(9))), seconds=3)
    told = screen.file.getvalue()  # type: ignore[attr-defined]
    assert waits == [3, 3]
    assert told.count("line 0") == 2
    assert "line 2" in told
    assert "line 3" not in told
    assert told.endswith("\x1b[?25h")
