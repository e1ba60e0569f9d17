"""The alerts of nights, as the runner runs them: against a ledger and a web server that are real."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobs.alerts.step import NOT_JUDGED, due
from jobs.errors import UsageError
from jobs.settings import Settings
from tests.unit.jobs.alerts.receiver import SECRET, Receiver
from tests.unit.jobs.alerts.scene import VARIABLE, Scene, night, nights

DRIFT = {"drift": {"signal": "score_drift", "above": 1, "nights": 2, "of": 3, "models": ["returned"], "repeat": 3}}
BROKEN = {"broken": {"signal": "red", "above": 0, "severity": "critical"}}
RISES = {1: 0.5, 2: 2.0, 3: 1.25, 4: 1.5, 5: 0.5, 6: 0.2}
WHILE_IT_LASTS = {"open": ["drift (returned)"], "told": 0}


@pytest.fixture
def scene(home: Settings) -> Scene:
    """Drift beyond the bound in the nights 2 to 4: with two of three, the rule holds in 3 to 5."""
    scene = Scene(home, DRIFT, webhook=VARIABLE)
    scene.champion(night(1))
    scene.drift({night(number): value for number, value in RISES.items()})
    return scene


def states(receiver: Receiver) -> list[tuple[str, str]]:
    return [(one["night"], one["state"]) for one in receiver.taken]


def test_a_message_says_what_where_how_often_and_since_when(scene: Scene, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    scene.run(*nights(1, 4))
    text = "tiny 2024-05-04 WARNING drift (returned): score_drift is 1.5; it was > 1 in 3 of the last 3 nights (needed 2); open since 2024-05-03"
    assert receiver.taken == [
        {
            "text": text,
            "pipeline": "tiny",
            "rule": "drift",
            "subject": "returned",
            "night": "2024-05-04",
            "opened": "2024-05-03",
            "severity": "warning",
            "state": "open",
            "value": 1.5,
            "sentence": "score_drift is 1.5; it was > 1 in 3 of the last 3 nights (needed 2)",
        }
    ]
    assert [(one.name, one.levelno, one.getMessage()) for one in caplog.records] == [("matins.alerts", logging.WARNING, text)]


def test_the_end_is_told_with_what_it_was(scene: Scene, receiver: Receiver) -> None:
    for one in nights(1, 6):
        scene.run(one)
    assert states(receiver) == [("2024-05-03", "open"), ("2024-05-06", "resolved")]
    assert receiver.taken[-1]["text"] == (
        "tiny 2024-05-06 RESOLVED drift (returned): score_drift is 0.2; it was > 1 in 1 of the last 3 nights (needed 2); was open from 2024-05-03 to 2024-05-05"
    )
    assert (receiver.taken[-1]["value"], receiver.taken[-1]["severity"]) == (0.2, "warning")


def test_it_is_told_again_while_it_lasts(scene: Scene, receiver: Receiver) -> None:
    scene.drift(dict.fromkeys(nights(1, 9), 2.0))
    for one in nights(1, 9):
        scene.run(one)
    assert states(receiver) == [("2024-05-02", "open"), ("2024-05-05", "still open"), ("2024-05-08", "still open")]
    assert receiver.taken[1]["text"].endswith("; still open since 2024-05-02")


def test_a_night_says_what_is_open_and_what_it_has_told(scene: Scene, receiver: Receiver) -> None:
    result = scene.run(*nights(1, 6))
    assert [one.outcome for one in result.nights] == ["unchanged", "unchanged", "written", "written", "written", "written"]
    assert [one.detail for one in result.nights] == [{"open": [], "told": 0}, {"open": [], "told": 0}, *[WHILE_IT_LASTS] * 3, {"open": [], "told": 0}]
    assert result.nights[2].notes == ("alert drift (returned): score_drift is 1.25; it was > 1 in 2 of the last 3 nights (needed 2)",)
    assert result.nights[5].notes == ()
    assert receiver.taken == []
    assert scene.episodes == [
        {
            "rule": "drift",
            "subject": "returned",
            "opened": night(3),
            "severity": "warning",
            "sentence": "score_drift is 0.5; it was > 1 in 2 of the last 3 nights (needed 2)",
            "last": night(5),
            "resolved": night(6),
            "told": None,
            "told_resolved": False,
        }
    ]


def test_a_night_again_changes_and_tells_nothing(scene: Scene, receiver: Receiver) -> None:
    first = scene.run(*nights(1, 4)).nights[-1]
    before = scene.episodes
    again = scene.run(night(4)).nights[-1]
    assert (first.outcome, first.detail["told"], again.outcome, again.detail["told"]) == ("written", 1, "unchanged", 0)
    assert (first.notes, len(receiver.taken), scene.episodes) == (again.notes, 1, before)


def test_an_older_night_again_leaves_newer_episodes_as_they_are(scene: Scene, receiver: Receiver) -> None:
    scene.run(*nights(1, 4))
    before = scene.episodes
    scene.drift(dict.fromkeys(nights(1, 3), 9.0))
    result = scene.run(*nights(1, 3))
    assert [one.outcome for one in result.nights] == ["unchanged"] * 3
    assert (scene.episodes, len(receiver.taken)) == (before, 1)


def test_quiet_nights_count_as_judged_too(scene: Scene, receiver: Receiver) -> None:
    scene.drift(dict.fromkeys(nights(1, 6), 0.5))
    scene.run(night(6))
    scene.drift(dict.fromkeys(nights(1, 5), 9.0))
    scene.run(*nights(1, 5))
    assert (scene.episodes, receiver.taken) == ([], [])


def test_a_night_whose_alerts_failed_before_they_were_looked_at_does_not_count_as_judged(scene: Scene, receiver: Receiver) -> None:
    scene.state("alerts", *nights(1, 4))
    scene.run(*nights(1, 4))
    assert states(receiver) == [("2024-05-04", "open")]
    assert [one["opened"] for one in scene.episodes] == [night(3)]


def test_a_server_that_errs_once_is_asked_again(scene: Scene, receiver: Receiver) -> None:
    receiver.answers = [500]
    result = scene.run(*nights(1, 4))
    assert (result.outcome, receiver.asked, states(receiver)) == ("written", 2, [("2024-05-04", "open")])


def test_what_could_not_be_sent_is_red_and_told_by_the_next_run(scene: Scene, receiver: Receiver) -> None:
    receiver.always = 500
    result = scene.run(*nights(1, 4))
    assert [one.outcome for one in result.nights] == ["unchanged", "unchanged", "written", "failed"]
    assert result.nights[-1].problem == (
        "1 alert could not be sent to the address in SHOP_ALERTS_URL: the answer was HTTP 500. Waiting: drift (returned). "
        "Mend the address or what it leads to; the next run of `tiny` sends again."
    )
    assert result.nights[-1].detail == WHILE_IT_LASTS
    assert [one["told"] for one in scene.episodes] == [None]
    receiver.always = None
    again = scene.run(night(4)).nights[-1]
    assert (again.outcome, again.detail["told"], states(receiver)) == ("written", 1, [("2024-05-04", "open")])
    assert [one["told"] for one in scene.episodes] == [night(4)]


def test_the_next_night_tells_what_the_one_before_could_not(scene: Scene, receiver: Receiver) -> None:
    receiver.always = 500
    scene.run(*nights(1, 4))
    receiver.always = None
    scene.run(night(5))
    assert states(receiver) == [("2024-05-05", "open")]
    receiver.always = 500
    assert scene.run(night(6)).nights[-1].outcome == "failed"
    receiver.always = None
    # Another night that has not its own to tell: the end of what was open is told as of its night.
    assert scene.run(night(7)).nights[-1].outcome == "written"
    assert states(receiver)[1:] == [("2024-05-06", "resolved")]


def test_an_older_night_sends_what_is_waiting(scene: Scene, receiver: Receiver) -> None:
    receiver.always = 500
    scene.run(*nights(1, 4))
    receiver.always = None
    result = scene.run(night(2)).nights[-1]
    assert (result.outcome, states(receiver)) == ("written", [("2024-05-04", "open")])


def test_no_answer_is_red(scene: Scene, receiver: Receiver) -> None:
    receiver.hang.set()
    result = scene.run(*nights(1, 4))
    assert "no answer within 0.3 s" in str(result.nights[-1].problem)
    assert result.outcome == "failed"


def test_of_several_the_ones_that_went_are_not_sent_twice(scene: Scene, receiver: Receiver) -> None:
    scene.with_rules({**DRIFT, **BROKEN}, webhook=VARIABLE)
    scene.state("returned/published", night(4))
    receiver.answers = [200, 500, 500, 500]
    result = scene.run(*nights(1, 4)).nights[-1]
    assert (result.outcome, result.detail["told"]) == ("failed", 1)
    assert "Waiting: broken (tiny)." in str(result.problem)
    scene.run(night(4))
    assert [one["rule"] for one in receiver.taken] == ["drift", "broken"]


def test_two_runs_at_once_tell_it_once(scene: Scene, receiver: Receiver) -> None:
    scene.run(*nights(1, 2))
    receiver.delay = 0.2
    with ThreadPoolExecutor(2) as both:
        results = [*both.map(scene.run, [night(3), night(3)])]
    assert sorted(one.nights[0].detail["told"] for one in results) == [0, 1]
    assert states(receiver) == [("2024-05-03", "open")]


def test_the_address_is_nowhere(scene: Scene, receiver: Receiver, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    results = [scene.run(*nights(1, 3))]
    receiver.always = 500
    results.append(scene.run(night(6)))
    receiver.hang.set()
    results.append(scene.run(night(6)))
    assert [one.outcome for one in results] == ["written", "failed", "failed"]
    told = capfd.readouterr()
    shown = [repr(results), caplog.text, told.out, told.err, repr(scene.episodes), json.dumps(receiver.taken)]
    assert not [one for one in shown if SECRET in one]
    kept = [path for path in Path(scene.home.root).rglob("*") if path.is_file()]
    assert Path(scene.home.root) / "ledger.db" in kept
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


def test_a_variable_that_is_not_set_is_wrong_use_and_nothing_is_recorded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(UsageError, match="The alerts go to the address in SHOP_ALERTS_URL, which is not set"):
        scene.run(*nights(1, 4))
    assert scene.episodes == []


@pytest.mark.parametrize(("severity", "level"), [("info", logging.INFO), ("warning", logging.WARNING), ("critical", logging.CRITICAL)])
def test_without_a_webhook_the_log_is_told(home: Settings, caplog: pytest.LogCaptureFixture, severity: str, level: int) -> None:
    caplog.set_level(logging.INFO, logger="matins.alerts")
    scene = Scene(home, {"broken": {**BROKEN["broken"], "severity": severity}})
    scene.state("raw/orders", night(2))
    assert scene.run(night(2)).nights[-1].detail == {"open": ["broken (tiny)"], "told": 1}
    assert scene.run(night(2)).nights[-1].detail["told"] == 0
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [
        (level, f"tiny 2024-05-02 {severity.upper()} broken (tiny): red is 1, > 0; open since 2024-05-02")
    ]


def test_a_red_night_that_was_mended_is_over_when_it_is_run_again(home: Settings, receiver: Receiver) -> None:
    scene = Scene(home, BROKEN, webhook=VARIABLE)
    scene.state("raw/orders", night(2))
    scene.run(night(2))
    scene.state("raw/orders", night(2), outcome="written")
    scene.run(night(2))
    assert [one["text"] for one in receiver.taken] == [
        "tiny 2024-05-02 CRITICAL broken (tiny): red is 1, > 0; open since 2024-05-02",
        "tiny 2024-05-02 RESOLVED broken (tiny): red is 0, not > 0; was open from 2024-05-02 to 2024-05-02",
    ]


def test_a_rule_that_was_taken_out_ends_what_it_had_opened(home: Settings, receiver: Receiver) -> None:
    scene = Scene(home, BROKEN, webhook=VARIABLE)
    scene.state("raw/orders", night(2))
    scene.run(night(2))
    scene.with_rules({}, webhook=VARIABLE)
    assert [one.outcome for one in (*scene.run(night(3)).nights, *scene.run(night(4)).nights)] == ["written", "unchanged"]
    assert receiver.taken[-1]["text"] == "tiny 2024-05-03 RESOLVED broken (tiny): no rule watches this any more; was open from 2024-05-02 to 2024-05-02"


def test_without_rules_nothing_happens(home: Settings) -> None:
    scene = Scene(home, {})
    scene.state("raw/orders", night(2))
    result = scene.run(*nights(1, 2))
    assert (result.outcome, [one.detail for one in result.nights]) == ("unchanged", [{"open": [], "told": 0}] * 2)
    assert due(scene.work, nights(1, 3)) == {}


def test_due_says_which_nights_would_be_judged_or_told(scene: Scene, receiver: Receiver) -> None:
    assert due(scene.work, nights(1, 2)) == dict.fromkeys(nights(1, 2), "never judged")
    scene.run(*nights(1, 2))
    assert due(scene.work, nights(1, 2)) == {}
    scene.drift(dict.fromkeys(nights(1, 2), 9.0))
    assert due(scene.work, nights(1, 2)) == {night(2): "what its rules find has changed"}
    receiver.always = 500
    scene.run(night(2))
    assert due(scene.work, [night(1)]) == {night(1): "there is something to tell"}
    assert scene.episodes[0]["told"] is None


def test_a_year_in_one_run_tells_what_stands(scene: Scene, receiver: Receiver) -> None:
    year = nights(1, 240)
    scene.drift({one: 2.0 if place % 5 < 2 else 0.1 for place, one in enumerate(year)})
    scene.run(*year)
    assert len(scene.episodes) > 40
    assert len(receiver.taken) <= 1


def test_a_night_that_comes_after_a_later_one_says_that_its_rules_were_not_looked_at(scene: Scene, receiver: Receiver) -> None:
    scene.drift({night(3): 0.1})
    scene.run(night(3))
    (late,) = scene.run(night(2)).nights
    assert late.notes == (NOT_JUDGED,)
    (again,) = scene.run(night(3)).nights
    assert again.notes == ()


def test_a_night_whose_findings_have_changed_since_says_what_was_told(scene: Scene, receiver: Receiver) -> None:
    """A champion of a later decision that counts from an earlier night takes the signal away from nights that were told."""
    scene.run(*nights(1, 4))
    scene.champion(night(3), version=2)
    (one,) = scene.run(night(3)).nights
    assert one.notes == ("alert drift (returned): score_drift is 1.5; it was > 1 in 3 of the last 3 nights (needed 2) (in night 2024-05-04)",)
