import json
import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame

from jobs.config.feeds import Feed
from jobs.errors import DataError
from jobs.validated.counts import Counts, counts
from jobs.validated.great import agree, second_opinion
from jobs.validated.judged import judged
from jobs.validated.opinion import ROW_COUNT, Opinion, opinion_of
from jobs.validated.page import write_docs
from jobs.validated.tables import table_results
from jobs.validated.typed import typed
from tests.unit.jobs.validated.conftest import NIGHT, MakeFeed, Raw
from tests.unit.jobs.validated.test_rules import CASES, COLUMNS, PAIRS

TABLES: list[dict[str, Any]] = [
    {"expect_table_row_count_to_be_between": {"min_value": 1}},
    {"expect_column_mean_to_be_between": {"column": "i", "max_value": -100}},
    {"expect_column_min_to_be_between": {"column": "i", "min_value": -1}},
    {"expect_column_max_to_be_between": {"column": "d", "max_value": "2013-01-01"}},
    {"expect_column_sum_to_be_between": {"column": "j", "min_value": 1}},
    {"expect_column_unique_value_count_to_be_between": {"column": "s", "max_value": 3}},
    {"expect_column_proportion_of_non_null_values_to_be_between": {"column": "f", "min_value": 0.01}},
    {"expect_column_min_to_be_between": {"column": "t", "min_value": "2013-01-01 00:00:00"}},
    {"expect_column_mean_to_be_between": {"column": "n", "min_value": 0}},
]
EXPECT = [
    *({name: arguments} for name, arguments, *_ in CASES),
    *({"expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "i", "column_B": "j", **arguments}} for arguments, *_ in PAIRS),
    *TABLES,
]


def judge(frame: DataFrame, feed: Feed) -> tuple[DataFrame, list[Counts]]:
    with judged(typed(frame, feed), feed) as rows:
        return rows.persist(), counts(rows, feed)


@pytest.fixture(scope="module")
def every_case(make_feed: MakeFeed, raw: Raw) -> Iterator[tuple[Feed, DataFrame, list[Counts]]]:
    """All rules at once on all their good and bad values, bad casts and a malformed record."""
    feed = make_feed({**COLUMNS, "n": "int"}, EXPECT)
    rows: list[dict[str, str | None]] = [{column: value} for _, _, column, good, bad in CASES for value in (*good, *bad)]
    rows += [{"i": a, "j": b} for _, good, bad in PAIRS for a, b in (*good, *bad)]
    rows += [{"i": "x", "f": "NaN", "d": "2013", "t": "now", "b": "?"}, {"corrupt": "a,b", "k": None}, {"k": "3"}]
    frame, ours = judge(raw(rows, feed), feed)
    yield feed, frame, ours
    frame.unpersist()


def test_both_engines_count_the_same_for_every_rule(
    every_case: tuple[Feed, DataFrame, list[Counts]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    feed, frame, ours = every_case
    theirs = second_opinion(frame, feed, ours=ours)
    written, tables = {rule: ours[0].unexpected[rule] for rule in theirs.unexpected}, table_results(frame, feed)
    assert theirs.unexpected == written
    assert len(theirs.unexpected) == len(CASES) + len(PAIRS)
    assert min(written.values()) > 0
    assert theirs.passed == {one.rule: one.passed for one in tables if one.rule != "min_to_be_between(t)"}
    assert set(theirs.passed.values()) == {True, False}
    agree(ours, tables, theirs)
    as_json, as_html = write_docs(theirs, tmp_path / "docs", "night")
    assert len(json.loads(as_json.read_text(encoding="utf-8"))["results"]) == len(EXPECT)
    page = as_html.read_text(encoding="utf-8")
    assert "values must match this regular expression" in page
    assert not re.findall(r"""(?:src=["']|<link[^>]*href=["']|url\(["']?)(?:https?:)?//[^"')]*""", page), "it would load from outside"
    assert "Calculating Metrics" not in capfd.readouterr().err


def test_table_expectations_are_not_asked_of_several_nights_at_once(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"i": "int"}, [{"expect_table_row_count_to_be_between": {"max_value": 1}}])
    frame, ours = judge(raw([{}], feed).union(raw([{}], feed, generation=2)), feed)
    assert second_opinion(frame, feed, ours=ours).passed == {}


def test_warnings_and_loggers_are_left_as_they_were(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({})
    frame, ours = judge(raw([{}], feed), feed)
    before = warnings.showwarning, logging.getLogger("great_expectations").level
    second_opinion(frame, feed, ours=ours)
    assert (warnings.showwarning, logging.getLogger("great_expectations").level) == before


def test_a_metric_that_raises_fails_closed(make_feed: MakeFeed, raw: Raw) -> None:
    plain, feed = make_feed({"s": "string"}), make_feed({"s": "string"}, [{"expect_column_values_to_match_regex": {"column": "s", "regex": "["}}])
    frame, ours = judge(raw([{"s": "a"}], plain), plain)
    with pytest.raises(DataError, match=r"could not judge|did not judge"):
        second_opinion(frame, feed, ours=ours)


def test_a_column_that_is_not_there_fails_closed(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"s": "string"}, [{"expect_column_values_to_not_be_null": {"column": "s"}}])
    frame, ours = judge(raw([{"s": "a"}], feed), feed)
    with pytest.raises(DataError, match=r"could not judge, so the rows do not pass: `values_to_not_be_null\(s\)`"):
        second_opinion(frame.drop("s"), feed, ours=ours)


def test_an_empty_batch_fails_closed(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({})
    frame, ours = judge(raw([], feed), feed)
    for given in (ours, [Counts.empty(NIGHT, 1)]):
        with pytest.raises(DataError, match="no rows"):
            second_opinion(frame, feed, ours=given)


def test_other_rows_than_ours_fail_closed(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({})
    frame, ours = judge(raw([{}, {}], feed), feed)
    with pytest.raises(DataError, match="did not judge the 2 rows"):
        second_opinion(frame.limit(1), feed, ours=ours)


class Said:
    """A result as Great Expectations shapes it."""

    def __init__(self, rule: str, result: dict[str, Any], *, success: bool = True, exception_info: dict[str, Any] | None = None) -> None:
        self.expectation_config = type("Config", (), {"meta": {"rule": rule}})()
        self.result, self.success, self.exception_info = result, success, exception_info


ROWS = Said(ROW_COUNT, {"observed_value": 2})
FINE = Said("values_to_not_be_null(s)", {"element_count": 2, "unexpected_count": 0})
METRIC = {"MetricConfigurationID(…)": {"exception_traceback": "…", "exception_message": "boom\n  more"}}


@pytest.mark.parametrize(
    ("results", "said"),
    [
        pytest.param([ROWS], "gave 1 results", id="a result is missing"),
        pytest.param([ROWS, FINE, FINE], "gave 3 results", id="a result twice"),
        pytest.param([FINE], "gave 1 results", id="no row count"),
        pytest.param([ROWS, FINE, Said("other", {})], "gave 3 results", id="a result that was not asked for"),
        pytest.param([ROWS, Said("values_to_not_be_null(s)", {}, exception_info=METRIC)], "boom more", id="nested exception"),
        pytest.param(
            [ROWS, Said("values_to_not_be_null(s)", {}, exception_info={"raised_exception": True, "exception_message": "flat"})], "flat", id="flat exception"
        ),
        pytest.param([ROWS, Said("values_to_not_be_null(s)", {"element_count": 2, "unexpected_count": None})], "did not judge", id="vacuously true"),
        pytest.param([ROWS, Said("values_to_not_be_null(s)", {"element_count": 0, "unexpected_count": 0})], "did not judge", id="judged no rows"),
        pytest.param([ROWS, Said("values_to_not_be_null(s)", {})], "has no numbers", id="only a boolean"),
        pytest.param([Said(ROW_COUNT, {"observed_value": 2}, success=False), FINE], "did not judge", id="row count not met"),
    ],
)
def test_a_result_that_hides_something_does_not_pass(results: list[Said], said: str, make_feed: MakeFeed) -> None:
    feed = make_feed({"s": "string"}, [{"expect_column_values_to_not_be_null": {"column": "s"}}])
    asked = {feed.expect[0].rule: feed.expect[0]}
    suite: Any = type("Result", (), {"results": results})()
    with pytest.raises(DataError, match=said):
        opinion_of(suite, asked, 2)
    suite.results = [ROWS, FINE]
    assert opinion_of(suite, asked, 2).unexpected == {"values_to_not_be_null(s)": 0}


def test_engines_that_differ_are_both_disbelieved() -> None:
    nothing: Any = None
    ours = Counts(night=NIGHT, generation=1, rows=9, good=8, bad=1, duplicates=0, unexpected={"rule": 1})
    theirs = Opinion(rows=9, unexpected={"rule": 1}, passed={}, result=nothing)
    agree([ours], [], theirs)
    with pytest.raises(DataError, match="`rule`: 1 by Spark, 2 by Great Expectations"):
        agree([ours], [], replace(theirs, unexpected={"rule": 2}))
    with pytest.raises(DataError, match="`table`: None by Spark, True by Great Expectations"):
        agree([ours], [], replace(theirs, passed={"table": True}))
