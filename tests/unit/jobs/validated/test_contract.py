from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.config.feeds import Feed
from jobs.validated.contract import Casts, Differences, compare, retyped

DECLARED = ("day", "carrier", "arr_delay", "passenger")


def the_feed(new_columns: str = "ignore") -> Feed:
    columns = {"day": "date", "carrier": "string", "arr_delay": "int", "passenger": {"type": "string", "personal": "drop"}}
    return Feed.model_validate({"path": "x/{night}.csv", "key": ["carrier"], "columns": columns, "new_columns": new_columns})


@given(st.permutations(DECLARED))
def test_the_order_of_columns_is_no_difference(header: Sequence[str]) -> None:
    assert compare(the_feed(), header) == Differences(delivered=tuple(header))


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        pytest.param(["day", "carrier", "passenger"], "`arr_delay` is missing", id="dropped"),
        pytest.param(["day", "carrier", "ARR_DELAY", "passenger"], "`arr_delay` is missing, renamed to `ARR_DELAY`?", id="case only"),
        pytest.param(["day", "carrier", "arrival_delay", "passenger"], "`arr_delay` is missing, renamed to `arrival_delay`?", id="near"),
        pytest.param(["day", "carrier", "arr delay", "passenger"], "`arr_delay` is missing, renamed to `arr delay`?", id="spelling"),
        pytest.param(["day", "carrier", "dep_delay", "passenger"], "`arr_delay` is missing", id="another column is not a new name"),
        pytest.param(["day", "carrier", "arr_delay", "passengers"], "`passenger` is missing, renamed to `passengers`?", id="personal"),
        pytest.param([*DECLARED, "day"], "`day` stands there more than once", id="twice"),
        pytest.param([*DECLARED, "Day"], "`day` stands there more than once; `Day` stands there more than once", id="twice but for case"),
        pytest.param([*DECLARED, " "], "1 column(s) have no name", id="empty name"),
    ],
)
def test_a_broken_header_is_refused(header: list[str], problem: str) -> None:
    refusal = compare(the_feed(), header).refusal("outcomes 2013-05-18", the_feed())
    assert refusal is not None
    assert refusal.splitlines()[0] == f"outcomes 2013-05-18: the delivery's columns break the contract: {problem}."


def test_a_new_column_is_ignored_or_refused_as_the_feed_says() -> None:
    differences = compare(the_feed(), [*DECLARED, "gate"])
    assert differences.refusal("outcomes", the_feed()) is None
    assert differences.note() == "new columns, kept in raw only: ['gate']"
    assert "`gate` is not declared" in str(differences.refusal("outcomes", the_feed("refuse")))


def test_one_new_column_stands_for_one_missing_column_only() -> None:
    feed = Feed.model_validate({"path": "x.csv", "undated": True, "key": ["code_a"], "columns": {"code_a": "string", "code_b": "string"}})
    found = compare(feed, ["code_aa"])
    assert (found.renamed, found.missing) == ((("code_a", "code_aa"),), ("code_b",))


@pytest.mark.parametrize(("values", "failed", "said"), [(842, 808, True), (10, 5, False), (10, 6, True), (4, 4, False), (0, 0, False)])
def test_a_column_is_retyped_when_most_of_its_values_fail(values: int, failed: int, said: bool) -> None:
    sentences = retyped([Casts(column="arr_delay", type="int", values=values, failed=failed, example="4.5")])
    assert bool(sentences) == said


def test_the_sentence_about_a_retyped_column() -> None:
    assert retyped([Casts(column="arr_delay", type="int", values=842, failed=808, example="4.5")]) == [
        "`arr_delay`: retyped? 96% of 842 values are not int, e.g. '4.5'"
    ]
