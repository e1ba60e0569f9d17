"""What the page and the card say about groups beside the numbers."""

from typing import Any

import pytest

from jobs.model.fairness.told import is_apart, is_off, larger, sentences
from jobs.model.pages.looks import points


def estimate(value: float, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def gap(value: float, low: float = 0.0) -> dict[str, Any]:
    return {"estimate": estimate(value, low, value + 0.1), "by_chance": 0.02, "lowest": "AA", "highest": "UA", "problem": None}


def attribute(**changes: Any) -> dict[str, Any]:
    groups = [{"name": name, "rates": {"base_rate": estimate(rate)}} for name, rate in (("AA", 0.2), ("UA", 0.39))]
    measures = {"demographic_parity": gap(0.57), "equalized_odds": gap(0.63)}
    return {"attribute": "carrier", "is_learned": False, "past": 27, "groups": [*groups, {"name": "HA", "rates": {}}], "measures": measures, **changes}


def told(one: dict[str, Any], **limits: float) -> str:
    return " ".join(sentences(one, {"limits": limits}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "`carrier` is not a column of the model, but 27 of its columns are the past of rows with the same `carrier`."),
        ({"past": 0}, "`carrier` is not a column of the model, and none of its columns is the past of rows with the same value."),
        ({"past": None}, "`carrier` is not a column of the model, and whether some of its columns are the past of rows with the same value is not on record."),
        ({"is_learned": True}, "`carrier` is a column that the version learns from."),
    ],
)
def test_how_an_attribute_gets_into_the_model_is_said(changes: dict[str, Any], sentence: str) -> None:
    assert told(attribute(**changes)).startswith(f"{sentence} ")


def test_groups_whose_labels_differ_are_said_to_rule_out_some_measures() -> None:
    assert "The label is really so for 20.0 % of `AA` and for 39.0 % of `UA`. Where groups differ in that, no version" in told(attribute())
    alike = [{"name": name, "rates": {"base_rate": estimate(0.2)}} for name in "ab"]
    assert "really so" not in told(attribute(groups=alike))


def test_what_is_not_limited_is_named_with_how_far_apart_it_is() -> None:
    found = told(attribute(), demographic_parity=0.9)
    assert "The gate limits demographic parity." in found
    assert (
        "Not limited by the gate: equalized odds. Farthest apart of these is equalized odds between the groups of `carrier`: 63.0 points, `AA` against `UA`."
        in found
    )
    assert "Not limited" not in told(attribute(), demographic_parity=0.9, equalized_odds=0.9)
    assert "The gate limits none of the measures." in told(attribute())


def test_a_variant_that_makes_gaps_larger_says_so() -> None:
    def beside(base: str, **gains: float | None) -> list[str]:
        told = {name: None if gain is None else estimate(gain) for name, gain in gains.items()}
        variant = {"name": "thresholds by `carrier`", "measures": {name: gap(0.166) for name in gains}, "gains": told}
        return [*larger(attribute(variants=[{"name": base, "gains": {}}, variant]))]

    sizes = "demographic parity 16.6, not 6.2"
    every = f"thresholds by `carrier`: every gap is larger than in this version, in points: {sizes}, equal opportunity 16.6, not 15.6."
    assert beside("this version", demographic_parity=0.104, equal_opportunity=0.01) == [every]
    some = f"thresholds by `carrier`: some gaps are larger than without mitigation, in points: {sizes}."
    assert beside("without mitigation", demographic_parity=0.104, equal_opportunity=-0.01) == [some]
    assert beside("this version", demographic_parity=-0.1, equal_opportunity=None) == []
    assert [*larger(attribute())] == []


@pytest.mark.parametrize(("low", "high", "is_shown"), [(0.00004, 0.0008, False), (0.0004, 0.0008, True), (-0.0008, -0.00004, False), (-0.0008, -0.0004, True)])
def test_more_than_chance_is_said_only_where_the_shown_interval_leaves_out_zero(low: float, high: float, is_shown: bool) -> None:
    shown = points(estimate((low + high) / 2, low, high), "+.2f")
    assert is_off({"difference": estimate((low + high) / 2, low, high)}) is is_shown
    assert ("0.00" in shown.partition("[")[2]) is not is_shown


def test_an_interval_that_begins_at_what_is_shown_as_zero_shows_no_difference() -> None:
    assert not is_apart(gap(0.04, low=0.0004))
    assert is_apart(gap(0.04, low=0.001))
    assert not is_off({"difference": None})
