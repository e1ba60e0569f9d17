"""What the ledger has of a version in shadow, when it may go live, and what is asked of it."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.config.loading import read_pipeline
from jobs.config.models import Model
from jobs.errors import UsageError
from jobs.ledger.ledger import Ledger, Slice
from jobs.shadow.record import Seen, seen, shadow_of, unmet
from jobs.shadow.terms import Terms, asked
from tests.tiny import write_pipeline

FIRST, ROWS, VERSION, CHAMPION = date(2024, 2, 2), 100, 2, 1
Decide = Callable[..., None]


def night(number: int) -> date:
    return FIRST + timedelta(days=number)


def model_of(folder: Path, **changes: Any) -> Model:
    made = write_pipeline(folder / "pipelines", folder / "landing", nights=1, changes={"models": {"returned": changes}})
    return read_pipeline(made.path).models["returned"]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", home=tmp_path)


@pytest.fixture
def decide(ledger: Ledger) -> Decide:
    def record(act: str, version: int = VERSION, **evidence: Any) -> None:
        ledger.decide("tiny", "returned", act, version=version, former=None, night=date(2024, 2, 1), by="gate", reason="", evidence=evidence, run_id=None)

    return record


def tally(rows: int, loss: float) -> list[float]:
    """`rows`, `label`, `score`, `log_loss`, `brier`, `constant`."""
    return [float(rows), rows / 2, rows / 2, rows * loss, rows * loss / 2, 0.0]


def slice_of(
    number: int, *, learned: Mapping[int, tuple[int, float]] | None = None, champion: int = CHAMPION, beside: int | None = None, **about: Any
) -> Slice:
    """A night in shadow that has learned of earlier ones: by number, labelled rows and how much less the challenger lost."""
    realised = {
        str(night(one)): {"beside": beside or champion, "rows": rows, "challenger": tally(rows, 0.5 - less), "champion": tally(rows, 0.5)}
        for one, (rows, less) in (learned or {}).items()
    }
    terms = {"nights": 3, "kind": "binary", "metric": "log_loss", "champion": {"superior": 0.0}, "min_label_coverage": 0.9, "promotion": "automatic"}
    detail = {
        "challenger": VERSION,
        "champion": champion,
        "digest": "d",
        "terms": terms,
        "compared": {"agreement": 0.9},
        "broken": None,
        "realised": realised,
        **about,
    }
    day = night(number)
    return Slice(night=day, generation=1, known_night=day, rows=ROWS, checksum="c", fingerprint="f", version=1, run_id="r", detail=detail)


def terms(**changes: Any) -> dict[str, Any]:
    return {**slice_of(0).detail["terms"], **changes}


def waits(**changes: Any) -> list[dict[str, Any]]:
    return [{"act": "waiting", "version": VERSION, "night": date(2024, 2, 1), "evidence": {"shadow": terms(**changes)}}]


def looked(slices: list[Slice], **changes: Any) -> Seen:
    found = seen(slices, waits(**changes), VERSION)
    assert found is not None
    return found


BETTER = [slice_of(0), slice_of(1), slice_of(2, learned={0: (95, 0.1)}), slice_of(3, learned={1: (92, 0.05)}), slice_of(4, learned={2: (100, 0.08)})]


def test_nights_count_once_enough_of_their_labels_are_known() -> None:
    assert [len(looked(BETTER[:count]).counted) for count in range(1, 6)] == [0, 0, 1, 2, 3]
    few = [*BETTER[:4], slice_of(4, learned={2: (89, 0.08)})]
    assert len(looked(few).counted) == 2
    assert len(looked([*few, slice_of(5, learned={2: (98, 0.08)})]).counted) == 3


def test_a_night_knows_only_what_had_come_by_then() -> None:
    found = seen(BETTER, waits(), VERSION, known_by=night(3))
    assert found is not None
    assert len(found.counted) == 2


def test_the_rule_holds_after_its_nights_if_the_difference_keeps_to_that_of_the_gate() -> None:
    early, late = looked(BETTER[:4]).rule(), looked(BETTER).rule()
    assert (early.outcome, late.outcome) == ("REFUSE", "PASS")
    assert early.sentence.startswith("2 of 3 labelled nights in shadow; log_loss less the champion's is -0.0754 [")
    assert "better by more than 0 at the worse end" in late.sentence
    assert looked(BETTER, champion={"superior": 0.09}).rule().outcome == "REFUSE"


def test_a_worse_version_is_refused_even_where_a_little_is_allowed() -> None:
    worse = [slice_of(number, learned={number - 2: (100, -0.1)} if number > 1 else None) for number in range(5)]
    assert looked(worse, champion={"non_inferior": 0.05}).rule().outcome == "REFUSE"
    assert looked(worse, champion={"non_inferior": 0.15}).rule().outcome == "PASS"


def test_nights_beside_a_former_champion_and_broken_ones_do_not_count() -> None:
    found = looked([*BETTER, slice_of(5, champion=3)])
    assert found.counted == []
    assert found.left_out(night(0)) == "beside v1, which is no longer champion"
    broken = looked([slice_of(0, broken="raw/orders is red"), *BETTER[1:]])
    assert [one.night for one in broken.counted] == [night(1), night(2)]


def test_labels_of_scores_that_stand_no_more_do_not_count() -> None:
    again = [slice_of(0), slice_of(1), slice_of(2, learned={0: (95, 0.1)}, beside=9)]
    assert looked(again).counted == []


def test_nothing_is_asked_with_no_nights() -> None:
    rule = looked(BETTER[:1], nights=0, promotion="approval").rule()
    assert (rule.outcome, rule.sentence) == ("PASS", "0 labelled nights in shadow, none asked for; no difference to the champion can be told from them yet.")


def test_what_was_asked_when_it_began_to_wait_stays_asked(tmp_path: Path, ledger: Ledger, decide: Decide) -> None:
    decide("waiting", **asked(model_of(tmp_path, shadow={"nights": 3}, gate={"champion": {"superior": 0}})))
    ledger.record_slices("tiny", "returned/shadow", [slice_of(one.night.toordinal() - FIRST.toordinal(), terms=terms(nights=2)) for one in BETTER], version=1)
    told = shadow_of(ledger, "tiny", "returned")
    assert told is not None
    assert (told["asked"], told["metric"], told["terms"]["champion"]["superior"]) == (3, "log_loss", 0)
    assert asked(model_of(tmp_path)) == {}


def test_a_version_tells_of_its_nights(ledger: Ledger, decide: Decide) -> None:
    assert shadow_of(ledger, "tiny", "returned") is None
    decide("waiting", shadow=terms())
    ledger.record_slices("tiny", "returned/shadow", BETTER, version=1)
    told = shadow_of(ledger, "tiny", "returned")
    assert told is not None
    assert (told["version"], told["champion"], told["labelled"], told["holds"]) == (VERSION, CHAMPION, 3, True)
    assert told["difference"]["value"] == pytest.approx(-(95 * 0.1 + 92 * 0.05 + 100 * 0.08) / 287)
    assert [(one["label_coverage"], one["left_out"]) for one in told["nights"]][2:4] == [
        (1.0, None),
        (0.0, "the label is known of 0% of the rows (at least 90%)"),
    ]
    decide("promoted")
    assert shadow_of(ledger, "tiny", "returned") is None
    assert shadow_of(ledger, "tiny", "returned", VERSION) == told


def test_a_version_may_not_live_before_its_nights_whatever_has_become_of_it(ledger: Ledger, decide: Decide) -> None:
    assert unmet(ledger, "tiny", "returned", VERSION) == []
    decide("waiting", shadow=terms())
    assert unmet(ledger, "tiny", "returned", VERSION) == [
        "v2 was to be in shadow first: 0 of 3 labelled nights in shadow; no difference to the champion can be told from them yet."
    ]
    decide("superseded")
    assert unmet(ledger, "tiny", "returned", VERSION)
    ledger.record_slices("tiny", "returned/shadow", BETTER, version=1)
    assert unmet(ledger, "tiny", "returned", VERSION) == []


def test_a_former_champion_may_live_again(ledger: Ledger, decide: Decide) -> None:
    decide("waiting", shadow=terms())
    decide("promoted")
    assert unmet(ledger, "tiny", "returned", VERSION) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shadow": {"nights": 1}}, "one night gives no interval"),
        ({"shadow": {"nights": 0}}, "no version ever waits"),
        ({"shadow": {"nights": -1}}, "greater than or equal to 0"),
        ({"shadow": {"nights": 367}}, "less than or equal to 366"),
        ({"shadow": {}}, "nights"),
        ({"shadow": {"nights": True}}, "nights"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, changes: Mapping[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        model_of(tmp_path, **changes)


def test_the_terms_are_those_of_the_file(tmp_path: Path) -> None:
    found = Terms.of(model_of(tmp_path, shadow={"nights": 14}, promotion="approval", gate={"min_label_coverage": 0.5}))
    assert (found.nights, found.metric, found.promotion, found.min_label_coverage) == (14, "log_loss", "approval", 0.5)
    assert Terms.model_validate(found.to_dict()) == found
    assert np.isclose(found.champion.non_inferior or 0, 0.002)
