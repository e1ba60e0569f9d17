"""What the answer says of a decision's rule and of the run, without a lake: the row's own threshold, digits that tell, the model's own step."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs.ledger.ledger import Ledger
from jobs.ledger.origins import Origin
from jobs.lineage.answer import percent
from jobs.lineage.rule import Rule, rule_of
from jobs.lineage.why import run_of
from jobs.model.decision import Decision
from jobs.model.fairness.by_group import ByGroup

GROUPS = ByGroup("shop", (("ada", 0.25), ("ben", 0.2), (None, 0.3)))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"shop": "ada"}, Rule("It is predicted from 25.0 % on, which is the threshold of its group.", 0.25)),
        ({"shop": "ben"}, Rule("It is predicted from 20.0 % on, which is the threshold of its group.", 0.2)),
        ({"shop": None}, Rule("It is predicted from 30.0 % on, which is the threshold of its group.", 0.3)),
        ({"shop": "cleo"}, Rule("It is predicted from 20.0 % on.", 0.2)),
    ],
)
def test_only_a_group_with_a_threshold_of_its_own_is_said_to_have_one(row: dict[str, Any], expected: Rule) -> None:
    assert rule_of(Decision(threshold=0.2, by_group=GROUPS), row, 0.5) == expected


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (None, "A regression predicts a quantity and no class."),
        (Decision(top=3), "It is predicted of the 3 rows of each night with the highest probability."),
    ],
)
def test_a_rule_without_a_threshold_names_none(decision: Decision | None, sentence: str) -> None:
    assert rule_of(decision, {}, 0.5) == Rule(sentence, None)


@pytest.mark.parametrize(
    ("score", "threshold", "expected"),
    [
        (0.226, 1 / 6, ("22.6 %", "16.7 %")),
        (0.16664, 0.16667, ("16.66 %", "16.67 %")),
        (0.16667, 0.16668, ("16.667 %", "16.668 %")),
        (0.5, 0.5, ("50.0 %", "50.0 %")),
        (math.nextafter(0.5, 0), 0.5, ("49.99999999999999 %", "50.00000000000000 %")),
    ],
)
def test_two_shares_have_as_many_digits_as_tell_them_apart(score: float, threshold: float, expected: tuple[str, str]) -> None:
    assert (percent(score, threshold), percent(threshold, score)) == expected


def test_the_run_began_to_score_with_this_model_when_its_own_step_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", home=tmp_path)
    ledger.begin_run("r1", "flights", command="run", code_version="1", config_digest="d")
    for minute, (step, item) in enumerate([("features", ""), ("predictions", "arrival_delay"), ("predictions", "delayed"), ("reasons", "delayed")]):
        monkeypatch.setattr("jobs.ledger.ledger.utc_now", lambda minute=minute: datetime(2013, 5, 18, 6, minute, tzinfo=UTC))
        ledger.begin_step("r1", "flights", step=step, item=item, nights="2013-05-18")
    origin = Origin({}, {"matins": "0.2.0"})
    assert run_of(ledger, "flights", "delayed", "r1", origin) == {"run_id": "r1", "scored_at": "2013-05-18 06:02 UTC", "code": "0.2.0"}
    assert run_of(ledger, "flights", "arrival_delay", "r1", None) == {"run_id": "r1", "scored_at": "2013-05-18 06:01 UTC", "code": "not on record"}
    assert run_of(ledger, "flights", "delayed", "r2", None) == {"run_id": "r2", "code": "not on record"}
