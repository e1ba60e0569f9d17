"""What the ledger has of a version in shadow, when it may go live, and what is asked of it."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self

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


def night(number: int) -> date:
    return FIRST + timedelta(days=number)


def model_of(folder: Path, **changes: Any) -> Model:
    made = write_pipeline(folder / "pipelines", folder / "landing", nights=1, changes={"models": {"returned": changes}})
    return read_pipeline(made.path).models["returned"]


TERMS: dict[str, Any] = {
    "nights": 3,
    "kind": "binary",
    "metric": "log_loss",
    "champion": {"superior": 0.0},
    "min_label_coverage": 0.9,
    "promotion": "automatic",
}


def tally(rows: int, loss: float) -> list[float | None]:
    """`rows`, `label`, `score`, `log_loss`, `brier`, `constant`, which a version in shadow has none of; then bins."""
    return [float(rows), rows / 2, rows / 2, rows * loss, rows * loss / 2, None, *[0.0] * 300]


def slice_of(number: int, **detail: Any) -> Slice:
    day = night(number)
    return Slice(night=day, generation=1, known_night=day, rows=ROWS, checksum="c", fingerprint="f", version=1, run_id="r", detail=detail)


class Story:
    """A ledger in which v2 waits beside v1."""

    def __init__(self, home: Path) -> None:
        self.ledger = Ledger(f"sqlite:///{home / 'ledger.db'}", home=home)

    def decide(self, act: str, **evidence: Any) -> None:
        about: dict[str, Any] = {"former": None, "night": date(2024, 2, 1), "by": "gate", "reason": "", "evidence": evidence, "run_id": None}
        self.ledger.decide("tiny", "returned", act, version=VERSION, **about)

    def wait(self, **changes: Any) -> Self:
        self.decide("waiting", shadow={**TERMS, **changes})
        return self

    def scored(self, *numbers: int, champion: int = CHAMPION, **about: Any) -> Self:
        detail = {"challenger": VERSION, "champion": champion, "terms": TERMS, "compared": {"agreement": 0.9}, "broken": None, **about}
        self.ledger.record_slices("tiny", "returned/shadow", [slice_of(number, **detail) for number in numbers], version=1)
        return self

    def learned(self, number: int, of: Mapping[int, tuple[int, float]], champion: int = CHAMPION, challenger: int = VERSION) -> Self:
        """In a night, of scored ones: labelled rows and how much less the challenger lost."""
        ours = {str(night(one)): {"version": challenger, "tally": tally(rows, 0.5 - less)} for one, (rows, less) in of.items()}
        theirs = {str(night(one)): {"version": champion, "tally": tally(rows, 0.5)} for one, (rows, _) in of.items()}
        self.ledger.record_slices("tiny", "returned/performance", [slice_of(number, realised=theirs, shadow=ours)], version=1)
        return self

    def better(self, nights: int = 5) -> Self:
        """Nights in shadow, each of whose labels come two nights later."""
        self.scored(*range(nights))
        for number, (rows, less) in enumerate([(95, 0.1), (92, 0.05), (100, 0.08)][: max(nights - 2, 0)]):
            self.learned(number + 2, {number: (rows, less)})
        return self

    def seen(self, **about: Any) -> Seen:
        found = seen(self.ledger, "tiny", "returned", VERSION, **about)
        assert found is not None
        return found

    def told(self, version: int | None = None) -> dict[str, Any] | None:
        return shadow_of(self.ledger, "tiny", "returned", version)

    def unmet(self) -> list[str]:
        return unmet(self.ledger, "tiny", "returned", VERSION)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def test_nights_count_once_enough_of_their_labels_are_known(story: Story) -> None:
    story.wait().scored(*range(5)).learned(2, {0: (95, 0.1)}).learned(3, {1: (92, 0.05)}).learned(4, {2: (89, 0.08)})
    assert [len(story.seen(known_by=night(number)).counted) for number in range(5)] == [0, 0, 1, 2, 2]
    assert len(story.learned(5, {2: (98, 0.08)}).seen().counted) == 3
    assert len(story.seen(known_by=night(4)).counted) == 2


def test_the_rule_holds_after_its_nights_if_the_difference_keeps_to_that_of_the_gate(story: Story) -> None:
    story.wait().better()
    early, late = story.seen(known_by=night(3)).rule(), story.seen().rule()
    assert (early.outcome, late.outcome) == ("REFUSE", "PASS")
    assert early.sentence.startswith("2 of 3 labelled nights in shadow; log_loss less the champion's is -0.0754 [")
    assert "better by more than 0 at the worse end" in late.sentence
    assert story.wait(champion={"superior": 0.09}).seen().rule().outcome == "REFUSE"


def test_a_worse_version_is_refused_even_where_a_little_is_allowed(story: Story) -> None:
    story.wait(champion={"non_inferior": 0.05}).scored(*range(5))
    for number in range(3):
        story.learned(number + 2, {number: (100, -0.1)})
    assert story.seen().rule().outcome == "REFUSE"
    assert story.wait(champion={"non_inferior": 0.15}).seen().rule().outcome == "PASS"


def test_nights_beside_a_former_champion_do_not_count(story: Story) -> None:
    found = story.wait().better().scored(5, champion=3).seen()
    assert found.counted == []
    assert found.left_out(night(0)) == "beside v1, which is no longer champion"


def test_broken_nights_do_not_count(story: Story) -> None:
    found = story.wait().better().scored(0, broken="raw/orders is red").seen()
    assert [one.night for one in found.counted] == [night(1), night(2)]


@pytest.mark.parametrize("of", [{"champion": 9}, {"challenger": 9}], ids=str)
def test_labels_of_scores_that_stand_no_more_do_not_count(story: Story, of: Mapping[str, int]) -> None:
    assert story.wait().scored(0, 1, 2).learned(2, {0: (95, 0.1)}, **of).seen().counted == []


def test_nothing_is_asked_with_no_nights(story: Story) -> None:
    rule = story.wait(nights=0, promotion="approval").better(1).seen().rule()
    assert (rule.outcome, rule.sentence) == ("PASS", "0 labelled nights in shadow, none asked for; no difference to the champion can be told from them yet.")


def test_what_was_asked_when_it_began_to_wait_stays_asked(tmp_path: Path, story: Story) -> None:
    story.decide("waiting", **asked(model_of(tmp_path, shadow={"nights": 3}, gate={"champion": {"superior": 0}})))
    told = story.better().scored(5, terms={**TERMS, "nights": 2}).told()
    assert told is not None
    assert (told["asked"], told["metric"], told["terms"]["champion"]["superior"]) == (3, "log_loss", 0)
    assert asked(model_of(tmp_path)) == {}


def test_a_version_tells_of_its_nights(story: Story) -> None:
    assert story.told() is None
    told = story.wait().better().told()
    assert told is not None
    assert (told["version"], told["champion"], told["labelled"], told["holds"]) == (VERSION, CHAMPION, 3, True)
    assert told["difference"]["value"] == pytest.approx(-(95 * 0.1 + 92 * 0.05 + 100 * 0.08) / 287)
    assert [(one["label_coverage"], one["left_out"]) for one in told["nights"]][2:4] == [
        (1.0, None),
        (0.0, "the label is known of 0% of the rows (at least 90%)"),
    ]
    story.decide("promoted")
    assert story.told() is None
    assert story.told(VERSION) == told


def test_a_version_may_not_live_before_its_nights_whatever_has_become_of_it(story: Story) -> None:
    assert story.unmet() == []
    story.wait()
    assert story.unmet() == ["v2 was to be in shadow first: 0 of 3 labelled nights in shadow; no difference to the champion can be told from them yet."]
    story.decide("superseded")
    assert story.unmet()
    assert story.better().unmet() == []


def test_a_former_champion_may_live_again(story: Story) -> None:
    story.wait().decide("promoted")
    assert story.unmet() == []


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
