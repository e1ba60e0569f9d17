"""What a person may do to the versions of a model, what is refused, and what the record says afterwards."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from model_rows import Made

from jobs.errors import DataError, UsageError
from jobs.ledger.ledger import Ledger
from jobs.model.artifact import Artifact
from jobs.model.registry.acts import Acts
from jobs.model.registry.registry import Registry
from jobs.model.registry.reign import champion_on, line
from jobs.model.segments import Span

NAME, NIGHT = "flights.delayed", date(2013, 6, 1)
SPANS = {"train": Span(date(2013, 1, 1), date(2013, 3, 31))}
Act = Callable[..., Acts]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", home=tmp_path)


@pytest.fixture
def acts(registry: Registry, made: Made, ledger: Ledger) -> Act:
    """Versions 1 to 3 passed the gate, version 4 did not; 1, 2 and 3 were champions in turn."""
    artifact = made.trained.artifact
    for trees, verdict in ((3, "PASS"), (4, "PASS"), (5, "PASS"), (6, "REFUSE")):
        one = Artifact(bytes(artifact.booster[:trees].save_raw("ubj")), artifact.learned)
        run = registry.record(NAME, artifact=one, spans=SPANS, params={}, metrics={}, tags={}, files={})
        version = registry.register(NAME, run, one.digest, {"verdict": verdict, "sentence": "as it was"}).version
        if verdict == "PASS":
            former = registry.promote(NAME, version).old
            ledger.decide("flights", "delayed", "promoted", version=version, former=former, night=date(2013, 5, version), by="gate", reason="all rules hold")

    def by(night: date = NIGHT) -> Acts:
        return Acts(ledger=ledger, registry=registry, pipeline="flights", model="delayed", night=night, by="Ada", reason="late in the south")

    return by


def champion(registry: Registry) -> int:
    found = registry.champion(NAME)
    assert found is not None
    return found.version


def test_a_rollback_goes_back_and_a_second_one_further(acts: Act, registry: Registry, ledger: Ledger) -> None:
    assert acts().rollback(None) == (2, 3)
    assert acts().rollback(None) == (1, 2)
    assert champion(registry) == 1
    with pytest.raises(UsageError, match="no earlier champion"):
        acts().rollback(None)
    last = ledger.decisions("flights", "delayed")[-1]
    assert (last["act"], last["version"], last["former"], last["night"], last["by"], last["reason"]) == ("rolled_back", 1, 2, NIGHT, "Ada", "late in the south")
    assert last["evidence"]["digest"] == next(one.digest for one in registry.versions(NAME) if one.version == 1)


def test_the_champion_of_a_past_night_is_not_todays(acts: Act, ledger: Ledger) -> None:
    acts().rollback(1)
    decisions = ledger.decisions("flights", "delayed")
    asked = [date(2013, 4, 30), date(2013, 5, 1), date(2013, 5, 2), date(2013, 5, 31), NIGHT]
    assert [champion_on(decisions, night) for night in asked] == [None, 1, 2, 3, 1]


def test_a_second_reign_counts_as_one_of_its_own() -> None:
    acts = [("promoted", 1), ("promoted", 2), ("promoted", 3), ("promoted", 1), ("promoted", 4), ("rolled_back", 1)]
    assert line([{"act": act, "version": version} for act, version in acts]) == [1, 2, 3, 1]


def test_an_act_that_died_before_its_record_is_recorded_by_the_next(acts: Act, registry: Registry, ledger: Ledger) -> None:
    registry.promote(NAME, 1)
    assert acts().promote(1) == 1
    last = ledger.decisions("flights", "delayed")[-1]
    assert (last["act"], last["version"], last["former"]) == ("promoted", 1, 3)


def test_a_version_that_passed_can_be_promoted_again(acts: Act, registry: Registry, ledger: Ledger) -> None:
    assert acts().promote(1) == 3
    assert champion(registry) == 1
    assert line(ledger.decisions("flights", "delayed")) == [1, 2, 3, 1]


def test_the_champion_promoted_again_changes_and_records_nothing(acts: Act, ledger: Ledger) -> None:
    before = ledger.decisions("flights", "delayed")
    assert acts().promote(3) == 3
    assert ledger.decisions("flights", "delayed") == before


@pytest.mark.parametrize("act", [lambda acts: acts.promote(4), lambda acts: acts.rollback(4)])
def test_what_the_gate_refused_does_not_become_champion_by_hand(acts: Act, registry: Registry, act: Callable[[Acts], object]) -> None:
    with pytest.raises(UsageError, match="was refused by the gate and cannot become champion: as it was"):
        act(acts())
    assert champion(registry) == 3


def test_a_rejected_version_is_out(acts: Act, registry: Registry) -> None:
    acts().reject(2)
    with pytest.raises(UsageError, match="was rejected by Ada: late in the south; it cannot become champion"):
        acts().promote(2)
    assert acts().rollback(None) == (1, 3), "a rollback passes over it"
    assert champion(registry) == 1


def test_the_champion_cannot_be_rejected(acts: Act, ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="roll back first"):
        acts().reject(3)
    assert {one["act"] for one in ledger.decisions("flights", "delayed")} == {"promoted"}


@pytest.mark.parametrize("act", [lambda acts: acts.promote(9), lambda acts: acts.reject(9), lambda acts: acts.rollback(9)])
def test_a_version_that_is_not_there_is_said_so(acts: Act, act: Callable[[Acts], object]) -> None:
    with pytest.raises(UsageError, match=r"has no version 9; it has \[1, 2, 3, 4\]"):
        act(acts())


def test_files_that_were_changed_are_not_rolled_back_to(acts: Act, registry: Registry, ledger: Ledger, tmp_path: Path) -> None:
    target = next(one for one in registry.versions(NAME) if one.version == 2)
    (tmp_path / "mlartifacts" / NAME / target.run_id / "artifacts" / "model.ubj").write_bytes(b"{L")
    before = ledger.decisions("flights", "delayed")
    with pytest.raises(DataError):
        acts().rollback(None)
    assert champion(registry) == 3
    assert ledger.decisions("flights", "delayed") == before
