import pytest
from pydantic import ValidationError

from jobs.config.models import Model


def model(**section: object) -> Model:
    return Model.model_validate({"label": "outcomes.late", "segments": {"train": 7, "tune": 3, "holdout": 7}, **section})


def test_no_groups_are_compared_unless_the_file_says_so() -> None:
    assert model().fairness is None
    assert model(leave_out=["hour"]).left_out == ["hour"]


def test_attributes_are_not_learned_from_unless_the_file_says_so() -> None:
    asked = model(leave_out=["hour"], fairness={"attributes": ["gender", "region"], "learn_from": ["region"]})
    assert asked.left_out == ["hour", "gender"]


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"fairness": {"attributes": []}}, "at least 1 item"),
        ({"fairness": {"attributes": ["a"], "learn_from": ["b"]}}, r"learn_from: \['b'\] must be among `attributes`, \['a'\]"),
        (
            {"fairness": {"attributes": ["a"], "mitigate": {"by": "reweigh", "attribute": "b"}}},
            r"mitigate.attribute: \['b'\] must be among `attributes`, \['a'\]",
        ),
        ({"fairness": {"attributes": ["a", "a"]}}, "each may be named once"),
        ({"fairness": {"attributes": ["a"], "limits": {"parity": 0.1}}}, "demographic_parity"),
        ({"fairness": {"attributes": ["a"], "limits": {"equal_opportunity": 1.1}}}, "less than or equal to 1"),
        ({"fairness": {"attributes": ["a"], "mitigate": {"by": "reweigh", "attribute": "a", "equal": "selection_rate"}}}, "`equal` is for `by: thresholds`"),
        ({"fairness": {"attributes": ["a"], "learn_from": ["a"]}, "leave_out": ["a"]}, r"fairness.learn_from: \['a'\] are in `leave_out` too"),
        ({"type": "regression", "fairness": {"attributes": ["a"]}, "gate": {"champion": {"non_inferior": 1}}}, "fairness: is for a binary model"),
        (
            {"threshold": {"top": 5}, "fairness": {"attributes": ["a"], "mitigate": {"by": "thresholds", "attribute": "a"}}},
            r"fairness.mitigate.by: `thresholds` needs a score to decide from",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(section: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        model(**section)
