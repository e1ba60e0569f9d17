"""Attempts at nights: each run counts on from the last, and the processes of one run are one attempt."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier, Event

import pytest
from filelock import FileLock

from jobs.cli import app, guarded
from jobs.config.loading import load_pipeline
from jobs.errors import RetryableError, UsageError
from jobs.ledger import living as lives
from jobs.ledger.attempts import begin_attempts
from jobs.ledger.ledger import Ledger
from jobs.ledger.living import living
from jobs.nights import span
from jobs.settings import Settings
from jobs.status import status_of

ONE, TWO = date(2013, 5, 18), date(2013, 5, 19)
ABOUT = {"command": "test", "code_version": "0", "config_digest": "0"}


@pytest.fixture
def ledger(home: Settings) -> Ledger:
    return Ledger.of(home)


def begin(ledger: Ledger, run_id: str, *nights: date, pipeline: str = "flights") -> None:
    ledger.begin_run(run_id, pipeline, **ABOUT)
    begin_attempts(ledger, pipeline, run_id, nights, by="airflow" if run_id.startswith("airflow") else "command")


def numbers(ledger: Ledger, night: date) -> list[tuple[int, str, str]]:
    return [(one["attempt"], one["run_id"], one["by"]) for one in ledger.attempts("flights") if one["night"] == night]


def test_each_run_is_the_next_attempt_of_each_of_its_nights(ledger: Ledger) -> None:
    begin(ledger, "a", ONE)
    begin(ledger, "airflow-b", ONE, TWO)
    begin(ledger, "a-of-another", ONE, pipeline="other")
    assert numbers(ledger, ONE) == [(1, "a", "command"), (2, "airflow-b", "airflow")]
    assert numbers(ledger, TWO) == [(1, "airflow-b", "airflow")]


def test_a_run_that_goes_on_counts_only_what_is_new_to_it(ledger: Ledger) -> None:
    begin(ledger, "a", ONE)
    ledger.end_run("a", "failed")
    begin(ledger, "a", ONE, TWO)
    assert numbers(ledger, ONE) == numbers(ledger, TWO) == [(1, "a", "command")]
    assert [one["outcome"] for one in ledger.attempts("flights")] == ["started", "started"]


def test_what_a_process_of_the_run_has_left_open_is_closed_by_the_next(ledger: Ledger) -> None:
    begin(ledger, "a", ONE)
    lost = ledger.begin_step("a", "flights", step="raw", item="schedule", nights="")
    begin(ledger, "a", ONE)
    (step,) = ledger.step_runs("flights")
    assert (step["id"], step["outcome"], step["message"]) == (lost, "died", "its process died")


def test_a_run_of_one_pipeline_does_not_go_on_with_anothers(ledger: Ledger) -> None:
    begin(ledger, "a", ONE)
    with pytest.raises(UsageError, match="The run 'a' is one of `flights`, not of `other`"):
        ledger.begin_run("a", "other", **ABOUT)
    assert numbers(ledger, ONE) == [(1, "a", "command")]


@pytest.mark.parametrize("many", [8])
def test_runs_that_begin_a_night_at_once_each_get_a_number(ledger: Ledger, home: Settings, many: int) -> None:
    together, nights = Barrier(many), span(ONE, TWO)
    for number in range(many):
        ledger.begin_run(str(number), "flights", **ABOUT)

    def at_once(number: int) -> None:
        own = Ledger.of(home)
        together.wait()
        begin_attempts(own, "flights", str(number), nights, by="command")
        own.engine.dispose()

    with ThreadPoolExecutor(many) as pool:
        list(pool.map(at_once, range(many)))
    for night in nights:
        found = numbers(ledger, night)
        assert [number for number, _, _ in found] == [*range(1, many + 1)]
        assert {run for _, run, _ in found} == {str(number) for number in range(many)}


def test_processes_of_one_run_take_turns(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lives, "TURN_SECONDS", 0.1)
    with FileLock(ledger.locks / "run-a.lock"), pytest.raises(RetryableError, match="Another process has been at the run a"), living(ledger, "a"):
        pass


def test_who_comes_second_waits_until_the_first_has_ended(ledger: Ledger) -> None:
    order, inside = [], Event()

    def first() -> None:
        with living(ledger, "a"):
            inside.set()
            order.append("first")

    def second() -> None:
        inside.wait()
        with living(ledger, "a"):
            order.append("second")

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result()
    assert order == ["first", "second"]


def test_a_run_whose_process_was_lost_goes_on_under_its_own_lock(ledger: Ledger) -> None:
    begin(ledger, "a", ONE)
    (ledger.locks / "run-a.lock").touch()
    with living(ledger, "a"):
        begin(ledger, "a", ONE)
        assert ledger.unended_runs(socket.gethostname()) == ["a"]


@pytest.mark.parametrize("given", ["../up", "", "a b", "-a", "a" * 41])
def test_an_id_that_is_no_name_is_refused(home: Settings, given: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: app(["run", "flights", "--night", "2013-05-18", f"--run-id={given}"])) == 2
    assert f"--run-id {given!r} is not allowed; give up to 40 letters" in capsys.readouterr().err


def test_the_status_tells_who_has_begun_a_night(ledger: Ledger, home: Settings) -> None:
    begin(ledger, "a", ONE)
    begin(ledger, "airflow-b", ONE)
    ledger.end_run("a", "done")
    shown = status_of(home, load_pipeline("flights", home))["attempts"]
    runs = [{"attempt": 1, "by": "command", "run_id": "a", "outcome": "done"}, {"attempt": 2, "by": "airflow", "run_id": "airflow-b", "outcome": "started"}]
    assert shown == [{"night": ONE, "runs": runs}]
