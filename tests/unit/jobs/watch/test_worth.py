"""What signals are worth."""

from jobs.drift_report.judged import Yardstick
from jobs.watch.signals import READINGS
from jobs.watch.worth import how_many, of_drift, of_signals
from tests.unit.jobs.watch.records import facts_of


def test_as_much_is_told_of_as_is_said_beforehand() -> None:
    told: list[str] = []
    own = [*of_signals(facts_of(), seed=0, done=told.append)]
    assert [one.signal for one in own] == [*READINGS]
    assert [*of_drift(facts_of(), {}, lambda drift: Yardstick((), {}, drift), seed=0, done=told.append)]
    assert len(told) == len(set(told)) == how_many() == 27
