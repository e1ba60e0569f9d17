from typing import Any

import pytest

from jobs.errors import UsageError
from jobs.validated.literals import problems, rule_names
from jobs.validated.rules import FAILED, examined
from jobs.validated.typed import typed
from tests.unit.jobs.validated.conftest import MakeFeed, Raw

COLUMNS = {"i": "int", "j": "int", "f": "float", "s": "string", "d": "date", "t": "timestamp", "b": "bool"}
# expectation, its arguments, column → (values that meet it, values that break it); NULL always meets it unless it stands here
CASES: list[tuple[str, dict[str, Any], str, list[str | None], list[str | None]]] = [
    ("expect_column_values_to_not_be_null", {"column": "i"}, "i", ["1", "0"], [None, "NA", ""]),
    ("expect_column_values_to_be_in_set", {"column": "s", "value_set": ["A", 1]}, "s", ["A", "1", None], ["a", "O'Hare", "%"]),
    ("expect_column_values_to_be_in_set", {"column": "s", "value_set": ["it's", 'a"b', "c\\d"]}, "s", ["it's", 'a"b', "c\\d"], ["its", "cd"]),
    ("expect_column_values_to_be_in_set", {"column": "i", "value_set": [1, None]}, "i", ["1", None], ["2"]),
    ("expect_column_values_to_be_in_set", {"column": "d", "value_set": ["2013-01-01"]}, "d", ["2013-01-01", None], ["2013-01-02"]),
    ("expect_column_values_to_be_in_set", {"column": "b", "value_set": [True]}, "b", ["true", None], ["false"]),
    ("expect_column_values_to_be_in_set", {"column": "s", "value_set": []}, "s", [None], ["A"]),
    ("expect_column_values_to_not_be_in_set", {"column": "s", "value_set": ["A", None]}, "s", ["B", None], ["A"]),
    ("expect_column_values_to_be_between", {"column": "i", "min_value": 1, "max_value": 3}, "i", ["1", "3", None], ["0", "4", "-1"]),
    ("expect_column_values_to_be_between", {"column": "i", "min_value": 1.5}, "i", ["2"], ["1"]),
    ("expect_column_values_to_be_between", {"column": "f", "min_value": 0, "strict_min": True}, "f", ["0.1", "1e308", None], ["0", "-0.1"]),
    ("expect_column_values_to_be_between", {"column": "f", "max_value": 0, "strict_max": True}, "f", ["-0.1", None], ["0"]),
    ("expect_column_values_to_be_between", {"column": "t", "max_value": "2013-01-01 12:00"}, "t", ["2013-01-01 12:00:00"], ["2013-01-01 12:00:01"]),
    ("expect_column_values_to_match_regex", {"column": "s", "regex": "^[A-Z]{2}$"}, "s", ["AB", None], ["ABC", "ab"]),
    ("expect_column_values_to_match_regex", {"column": "s", "regex": "x'y\\d"}, "s", ["ax'y1"], ["x'yd"]),
    ("expect_column_value_lengths_to_be_between", {"column": "s", "min_value": 2, "max_value": 3}, "s", ["ab", "äöü", None], ["a", "abcd"]),
]
PAIRS: list[tuple[dict[str, bool], list[tuple[str | None, str | None]], list[tuple[str | None, str | None]]]] = [
    ({}, [("2", "1"), (None, "1"), ("1", None), (None, None)], [("1", "1"), ("0", "1")]),
    ({"or_equal": True}, [("2", "1"), ("1", "1"), (None, "1"), ("1", None), (None, None)], [("0", "1")]),
]


EXPECT = [
    *({name: arguments} for name, arguments, *_ in CASES),
    *({"expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "i", "column_B": "j", **arguments}} for arguments, *_ in PAIRS),
]


@pytest.fixture(scope="module")
def verdicts(make_feed: MakeFeed, raw: Raw) -> list[tuple[str, set[int], set[int], set[int]]]:
    """For each rule its name, and of its own rows which should meet it, which should break it, and which broke it."""
    feed = make_feed(COLUMNS, EXPECT)
    values: list[tuple[list[dict[str, str | None]], list[dict[str, str | None]]]] = [
        *(([{column: value} for value in good], [{column: value} for value in bad]) for _, _, column, good, bad in CASES),
        *(([{"i": a, "j": b} for a, b in good], [{"i": a, "j": b} for a, b in bad]) for _, good, bad in PAIRS),
    ]
    failed = {row.row: row[FAILED] for row in examined(typed(raw([row for good, bad in values for row in (*good, *bad)], feed), feed), feed).collect()}
    found, start = [], 0
    for rule, (good, bad) in zip(rule_names(feed), values, strict=True):
        first_bad, end = start + len(good), start + len(good) + len(bad)
        broke = {row for row in range(start, end) if rule in failed[row]}
        found.append((rule, set(range(start, first_bad)), set(range(first_bad, end)), broke))
        start = end
    return found


@pytest.mark.parametrize("number", range(len(EXPECT)), ids=[str(expectation) for expectation in EXPECT])
def test_a_rule_finds_the_rows_that_break_it_and_no_others(number: int, verdicts: list[tuple[str, set[int], set[int], set[int]]]) -> None:
    _, good, bad, broke = verdicts[number]
    assert broke == bad
    assert good


def test_a_value_that_does_not_fit_its_type_breaks_no_other_rule(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed(COLUMNS, [{"expect_column_values_to_be_between": {"column": "i", "min_value": 1}}])
    row = examined(typed(raw([{"i": "many"}], feed), feed), feed).collect()[0]
    assert row[FAILED] == ["type(i)"]


def test_two_rules_on_one_column_have_two_names(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed(COLUMNS, [{"expect_column_values_to_match_regex": {"column": "s", "regex": regex}} for regex in ("^a", "b$")])
    rows = examined(typed(raw([{"s": "a"}, {"s": "b"}], feed), feed), feed).orderBy("row").collect()
    assert [row[FAILED] for row in rows] == [["values_to_match_regex(s)#2"], ["values_to_match_regex(s)"]]


@pytest.mark.parametrize(
    ("expectation", "problem"),
    [
        ({"expect_column_values_to_be_between": {"column": "i", "min_value": "1"}}, "'1' is not a int"),
        ({"expect_column_values_to_be_between": {"column": "i", "min_value": True}}, "True is not a int"),
        ({"expect_column_values_to_be_between": {"column": "f", "max_value": float("nan")}}, "nan is not a float"),
        ({"expect_column_values_to_be_between": {"column": "d", "min_value": "May"}}, "'May' is not a date"),
        ({"expect_column_values_to_be_between": {"column": "i", "min_value": 2, "max_value": 1}}, "min_value 2 is above max_value 1"),
        ({"expect_column_values_to_be_in_set": {"column": "b", "value_set": [1]}}, "1 is not a bool"),
        ({"expect_column_values_to_match_regex": {"column": "i", "regex": "1"}}, "needs a column of type string (got int)"),
        ({"expect_column_mean_to_be_between": {"column": "s", "min_value": 1}}, "needs a column of type int or float (got string)"),
        ({"expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "s", "column_B": "i"}}, "compares a string with a int"),
    ],
)
def test_a_value_that_its_column_cannot_have_is_a_wrong_configuration(expectation: dict[str, Any], problem: str, make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed(COLUMNS, [expectation])
    assert [problem in text for text in problems(feed)] == [True]
    if feed.expect[0].of_rows:
        with pytest.raises(UsageError):
            examined(typed(raw([], feed), feed), feed)
