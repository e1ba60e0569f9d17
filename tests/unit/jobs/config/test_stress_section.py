import pytest
from pydantic import ValidationError

from jobs.config.models import Model
from jobs.config.stress import Stress

LIMITS = {"noise", "missing", "source_absent", "source_late", "unseen", "extremes", "oldest_month", "newest_month"}


def model(**section: object) -> Model:
    return Model.model_validate({"label": "outcomes.late", "segments": {"train": 7, "tune": 3, "holdout": 7}, **section})


def test_a_model_is_not_stressed_unless_it_says_so() -> None:
    assert model().stress is None
    assert model(stress={}).stress == Stress(noise=0.1, limits={})


def test_every_kind_may_have_a_limit() -> None:
    asked = model(stress={"limits": dict.fromkeys(sorted(LIMITS), 0.01)}).stress
    assert asked is not None
    assert set(asked.limits) == LIMITS


@pytest.mark.parametrize(
    ("section", "where"),
    [
        ({"limits": {"storm": 0.1}}, ("stress", "limits", "storm")),
        ({"limits": {"noise": -0.1}}, ("stress", "limits", "noise")),
        ({"noise": 0}, ("stress", "noise")),
        ({"loudness": 1}, ("stress", "loudness")),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(section: dict[str, object], where: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as raised:
        model(stress=section)
    [problem] = raised.value.errors()
    assert problem["loc"][: len(where)] == where


def test_an_unknown_limit_is_told_what_is_allowed() -> None:
    with pytest.raises(ValidationError, match=", ".join(f"'{kind}'" for kind in ("noise", "missing", "source_absent"))):
        model(stress={"limits": {"storm": 0.1}})
