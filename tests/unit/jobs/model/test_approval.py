"""An approval: what a person has to name, what is refused, and that either is on record."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from model_rows import Made

from jobs.errors import DataError, UsageError
from jobs.ledger.chain import faults
from jobs.ledger.ledger import Ledger
from jobs.model.artifact import Artifact
from jobs.model.registry.acts import Acts
from jobs.model.registry.registry import Registry
from jobs.model.registry.reign import evidence, in_waiting, waiting
from jobs.model.registry.version import sha256
from jobs.model.segments import Span

NAME, NIGHT = "flights.delayed", date(2013, 6, 9)
SPANS = {"train": Span(date(2013, 1, 1), date(2013, 3, 31))}
By = Callable[..., Acts]
JUDGED = {1: "PASS", 2: "REFUSE", 3: "PASS", 4: "PASS"}


def verdict(version: int) -> bytes:
    return f'{{"version": {version}}}'.encode()


def digest(version: int) -> str:
    return sha256(verdict(version))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", home=tmp_path)


@pytest.fixture
def acts(registry: Registry, made: Made, ledger: Ledger) -> By:
    """Version 1 is champion, 2 was refused, 3 waited until 4 took its place, which waits now; each trained a week after the one before."""
    artifact = made.trained.artifact
    for number, outcome in JUDGED.items():
        one, as_of = Artifact(bytes(artifact.booster[: number + 2].save_raw("ubj")), artifact.learned), date(2013, 5, 7 * number - 6)
        run = registry.record(NAME, artifact=one, spans=SPANS, params={}, metrics={}, tags={}, files={"verdict.json": verdict(number)})
        registry.register(NAME, run, one.digest, {"verdict": outcome, "sentence": f"as it was of v{number}", "as_of": str(as_of)})
        decided(ledger, "trained", number, as_of)
        decided(ledger, {1: "promoted", 2: "refused"}.get(number, "waiting"), number, as_of)
    decided(ledger, "superseded", 3, date(2013, 5, 22))
    registry.promote(NAME, 1)

    def by(name: str = "Ada Byron", reason: str = "read it", promotion: Any = "approval") -> Acts:
        return Acts(ledger=ledger, registry=registry, pipeline="flights", model="delayed", night=NIGHT, by=name, reason=reason, promotion=promotion)

    return by


def decided(ledger: Ledger, act: str, version: int, night: date, by: str = "gate") -> None:
    about = {"former": None, "reason": f"as it was of v{version}", "evidence": {"evidence": digest(version)}, "run_id": None}
    ledger.decide("flights", "delayed", act, version=version, night=night, by=by, **about)


def champion(registry: Registry) -> int:
    found = registry.champion(NAME)
    assert found is not None
    return found.version


def last(ledger: Ledger, *, before: int = 1) -> dict[str, Any]:
    return ledger.decisions("flights", "delayed")[-before]


def refused(ledger: Ledger, registry: Registry, approving: Callable[[], object], match: str, error: type[Exception] = UsageError) -> None:
    """Nothing has changed, and the refusal is on record, as newest."""
    known, standing = len(ledger.decisions("flights", "delayed")), waiting(ledger.decisions("flights", "delayed"))
    with pytest.raises(error, match=match) as raised:
        approving()
    assert champion(registry) == 1
    newest = last(ledger)
    assert (newest["act"], newest["reason"]) == ("approval_refused", str(raised.value))
    assert len(ledger.decisions("flights", "delayed")) == known + 1
    assert waiting(ledger.decisions("flights", "delayed")) == standing
    assert list(faults(ledger.every_decision())) == []


@pytest.mark.parametrize("given", [digest(4), digest(4)[:12], f" {digest(4)[:20].upper()} "])
def test_what_waits_goes_live_for_who_names_its_evidence(acts: By, registry: Registry, ledger: Ledger, given: str) -> None:
    assert acts().approve(4, given) == 1
    assert champion(registry) == 4
    approved, promoted = last(ledger, before=2), last(ledger)
    assert [(one["act"], one["version"], one["by"], one["reason"], one["night"]) for one in (approved, promoted)] == [
        ("approved", 4, "Ada Byron", "read it", NIGHT),
        ("promoted", 4, "Ada Byron", "read it", NIGHT),
    ]
    assert (approved["evidence"]["evidence"], approved["evidence"]["sentence"]) == (digest(4), "as it was of v4")
    assert promoted["former"] == 1
    assert waiting(ledger.decisions("flights", "delayed")) is None


@pytest.mark.parametrize(("by", "reason", "match"), [("", "read it", "--by must say"), ("  ", "read it", "--by must say"), ("Ada", " ", "--reason must say")])
def test_nobody_approves_nothing(acts: By, registry: Registry, ledger: Ledger, by: str, reason: str, match: str) -> None:
    refused(ledger, registry, lambda: acts(by, reason).approve(4, digest(4)), match)
    assert last(ledger)["by"] == by


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ("0" * 64, f"is of no version; that of v4 is {digest(4)[:12]}"),
        (digest(3), "is that of v3; that of v4 is"),
        (digest(2)[:12], "is that of v2; that of v4 is"),
        (digest(4)[:11], "is too short: give the digest that `matins gate` shows"),
        ("", "is too short"),
        (digest(4) + "0", "is of no version"),
    ],
)
def test_other_evidence_is_refused_and_said_whose_it_is(acts: By, registry: Registry, ledger: Ledger, given: str, match: str) -> None:
    refused(ledger, registry, lambda: acts().approve(4, given), match)
    assert last(ledger)["evidence"] == {"evidence": given, "reason": "read it"}


@pytest.mark.parametrize(
    ("version", "match"),
    [
        (1, r"v1 does not wait for approval: it became champion on 2013-05-01\. Of `flights.delayed`, v4 waits\."),
        (2, "v2 does not wait for approval: it was refused by the gate: as it was of v2"),
        (3, "v3 does not wait for approval: it was superseded by the gate"),
    ],
)
def test_what_does_not_wait_is_refused_and_said_why(acts: By, registry: Registry, ledger: Ledger, version: int, match: str) -> None:
    refused(ledger, registry, lambda: acts().approve(version, digest(version)), match)


def test_a_version_that_is_not_there_is_refused(acts: By, registry: Registry, ledger: Ledger) -> None:
    refused(ledger, registry, lambda: acts().approve(9, digest(4)), r"has no version 9; it has \[1, 2, 3, 4\]")
    assert last(ledger)["version"] == 9


def test_a_rejected_version_is_refused(acts: By, registry: Registry, ledger: Ledger) -> None:
    acts("Bea", "too bold").reject(4)
    assert waiting(ledger.decisions("flights", "delayed")) is None
    refused(ledger, registry, lambda: acts().approve(4, digest(4)), "it was rejected by Bea: too bold. Of `flights.delayed`, none does")


def test_a_version_older_than_the_champion_is_refused(acts: By, registry: Registry, ledger: Ledger) -> None:
    decided(ledger, "waiting", 3, date(2013, 5, 15))
    registry.promote(NAME, 4)
    with pytest.raises(UsageError, match="v3 was trained as of 2013-05-15, and the champion v4 as of 2013-05-22"):
        acts().approve(3, digest(3))
    assert champion(registry) == 4
    assert last(ledger)["act"] == "approval_refused"


def test_a_version_that_a_newer_one_has_overtaken_without_a_word_is_refused(acts: By, registry: Registry, ledger: Ledger) -> None:
    """As a crash could leave it: the newer one waits, and the older one was not superseded."""
    decided(ledger, "waiting", 3, date(2013, 5, 15))
    decided(ledger, "waiting", 4, date(2013, 5, 22))
    refused(ledger, registry, lambda: acts().approve(3, digest(3)), "it was superseded by a newer one. Of `flights.delayed`, v4 waits")


@pytest.mark.parametrize("file", ["verdict.json", "model.ubj", "manifest.json"])
def test_a_challenger_whose_files_were_changed_is_refused(acts: By, registry: Registry, ledger: Ledger, tmp_path: Path, file: str) -> None:
    target = next(one for one in registry.versions(NAME) if one.version == 4)
    path = tmp_path / "mlartifacts" / NAME / target.run_id / "artifacts" / file
    path.write_bytes(path.read_bytes().replace(b"4", b"5", 1) + b" ")
    refused(ledger, registry, lambda: acts().approve(4, digest(4)), "was changed after it was registered", DataError)


@pytest.mark.parametrize(("name", "told"), [("evidence", "verdict"), ("digest", "model"), ("manifest", "list of files")])
def test_a_challenger_that_was_changed_with_all_its_digests_is_refused(acts: By, registry: Registry, ledger: Ledger, name: str, told: str) -> None:
    """The registry is whole in itself; what was recorded when the version began to wait says otherwise."""
    about = {"former": None, "reason": "it passed", "run_id": None, "by": "gate", "night": date(2013, 5, 22)}
    ledger.decide("flights", "delayed", "waiting", version=4, evidence={"evidence": digest(4), name: sha256(b"another")}, **about)
    refused(ledger, registry, lambda: acts().approve(4, digest(4)), f"v4 was changed in the registry: the digest of its {told} was {sha256(b'another')[:12]}")


def test_a_model_that_promotes_by_itself_needs_no_approval(acts: By, registry: Registry, ledger: Ledger) -> None:
    refused(ledger, registry, lambda: acts(promotion="automatic").approve(4, digest(4)), "`promotion` of `flights.delayed` is `automatic`")


def test_a_promotion_does_not_go_round_the_approval(acts: By, registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"has `promotion: approval`: a version goes live by `matins approve flights\.delayed --version 4"):
        acts().promote(4)
    assert champion(registry) == 1
    assert acts(promotion="automatic").promote(4) == 1


def test_a_rollback_takes_only_who_was_champion(acts: By, registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"Version 4 of `flights\.delayed` has never been champion"):
        acts().rollback(4)
    assert champion(registry) == 1
    acts().approve(4, digest(4))
    assert acts().rollback(None) == (1, 4)
    assert acts().rollback(4) == (4, 1)


def test_an_approval_that_died_before_its_promotion_was_recorded_can_be_given_again(acts: By, registry: Registry, ledger: Ledger) -> None:
    decided(ledger, "approved", 4, NIGHT, by="Ada Byron")
    registry.promote(NAME, 4)
    assert acts().approve(4, digest(4)) == 4
    assert (last(ledger)["act"], last(ledger)["former"]) == ("promoted", 1)


def test_the_first_version_of_a_model_can_wait_as_well(made: Made, registry: Registry, ledger: Ledger) -> None:
    run = registry.record(NAME, artifact=made.trained.artifact, spans=SPANS, params={}, metrics={}, tags={}, files={"verdict.json": verdict(1)})
    registry.register(NAME, run, made.trained.artifact.digest, {"verdict": "PASS", "sentence": "it passed", "as_of": "2013-05-18"})
    decided(ledger, "waiting", 1, date(2013, 5, 18))
    one = Acts(ledger=ledger, registry=registry, pipeline="flights", model="delayed", night=NIGHT, by="Ada", reason="read it", promotion="approval")
    assert one.approve(1, digest(1)) is None
    assert champion(registry) == 1


def row(act: str, version: int | None, **about: Any) -> dict[str, Any]:
    return {"act": act, "version": version, "night": NIGHT, "evidence": {}, **about}


@pytest.mark.parametrize(
    ("acts", "wanted"),
    [
        ([], None),
        ([("trained", 1)], None),
        ([("waiting", 1)], 1),
        ([("waiting", 1), ("approval_refused", 1), ("trained", 2), ("restated", None), ("given_up", None)], 1),
        ([("waiting", 1), ("approved", 1)], 1),
        *(([("waiting", 1), (act, 1)], None) for act in ("promoted", "rolled_back", "rejected", "refused", "superseded")),
        ([("waiting", 1), ("refused", 2)], 1),
        ([("waiting", 1), ("promoted", 2)], 1),
        ([("waiting", 1), ("superseded", 1), ("waiting", 2)], 2),
        ([("waiting", 1), ("waiting", 2)], 2),
        ([("waiting", 1), ("superseded", 1), ("waiting", 1)], 1),
    ],
)
def test_who_waits(acts: list[tuple[str, int | None]], wanted: int | None) -> None:
    assert waiting([row(act, version) for act, version in acts]) == wanted


def test_evidence_is_that_of_the_newest_record_and_told_with_who_waits() -> None:
    decisions = [row("trained", 1, evidence={"evidence": "a"}), row("waiting", 1, evidence={"evidence": "b"}), row("trained", 2, evidence=None)]
    assert evidence(decisions) == {1: "b"}
    assert in_waiting(decisions) == {"version": 1, "since": NIGHT, "evidence": "b"}
    assert in_waiting(decisions[:1]) is None
