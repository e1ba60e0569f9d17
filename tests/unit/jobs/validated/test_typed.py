from datetime import date, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.feeds import Feed
from jobs.validated.typed import MAX_TEXT, TEXTS, broke, implicit_rules, typed
from tests.unit.jobs.validated.conftest import MakeFeed, Raw

GOOD: dict[str, list[tuple[str, Any]]] = {
    "int": [("12", 12), ("12.0", 12), ("12.", 12), (" 12\t", 12), ("+3", 3), ("-7", -7), ("9223372036854775807", 2**63 - 1)],
    "float": [("1e308", 1e308), ("-1.5", -1.5), (".5", 0.5), ("7", 7.0), ("1E-3", 0.001)],
    "bool": [("true", True), ("F", False), ("1", True), ("no", False)],
    "date": [("2013-05-18", date(2013, 5, 18)), ("2013-05-18 00:00:00", date(2013, 5, 18))],
    "timestamp": [
        ("2013-05-18", datetime(2013, 5, 18)),  # noqa: DTZ001
        ("2013-05-18 10:30:00", datetime(2013, 5, 18, 10, 30)),  # noqa: DTZ001
        ("2013-05-18T10:30:00+02:00", datetime(2013, 5, 18, 8, 30)),  # noqa: DTZ001
    ],
    "string": [(" x ", "x"), ("NaN", "NaN")],
}
BAD = {
    "int": ["12.5", "x", "1e3", "9223372036854775808", "NaN", "12.0.0", ".0", "0x1F", "1 2"],
    "float": ["NaN", "nan", "Inf", "-Infinity", "1e999", "-1e999", "30F", "1d", "0x1p3", "1,5", "."],
    "bool": ["2", "maybe"],
    "date": ["2013", "2013-05", "2013-02-30", "2013-05-18 and more", "2013-05-18 10:30:00", "18/05/2013", "today"],
    "timestamp": ["10:30", "2013", "2013-05-18 25:00:00", "2013-05-18 x", "1368871200", "now"],
}


def broken(rows: DataFrame, feed: Feed) -> list[str]:
    """The implicit rules that any of `rows` broke."""
    (found,) = rows.agg(*(F.bool_or(broke(rule)).alias(rule) for rule in implicit_rules(feed))).collect()
    return [rule for rule in implicit_rules(feed) if found[rule]]


@pytest.mark.parametrize("kind", GOOD)
def test_a_value_that_fits_its_type_is_cast(kind: str, make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": kind})
    rows = typed(raw([{"v": text} for text, _ in GOOD[kind]], feed), feed).orderBy("row")
    value = F.date_format("v", "yyyy-MM-dd HH:mm:ss") if kind == "timestamp" else F.col("v")
    expected = [str(value) if kind == "timestamp" else value for _, value in GOOD[kind]]
    assert [row[0] for row in rows.select(value).collect()] == expected
    assert broken(rows, feed) == []


@pytest.mark.parametrize("kind", BAD)
def test_a_value_that_does_not_fit_becomes_null_flagged_and_kept_as_text(kind: str, make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": kind})
    rows = typed(raw([{"v": text} for text in BAD[kind]], feed), feed).orderBy("row")
    found = rows.select("v", broke("type(v)"), F.col(TEXTS).getField("v")).collect()
    assert [tuple(row) for row in found] == [(None, True, text) for text in BAD[kind]]


@pytest.mark.parametrize("kind", [*BAD, "string"])
def test_texts_that_mean_null_are_null_and_no_failure(kind: str, make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": kind})
    rows = typed(raw([{"v": text} for text in (None, "", "  ", "NA", " NA ")], feed), feed)
    assert rows.where("v is not null").count() == 0
    assert broken(rows, feed) == []


def test_a_feed_says_which_texts_mean_null(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "string"}, null_values=["-"])
    rows = typed(raw([{"v": "-"}, {"v": ""}, {"v": "NA"}], feed), feed).orderBy("row")
    assert [row.v for row in rows.collect()] == [None, "", "NA"]


@pytest.mark.parametrize(
    ("row", "rules"),
    [
        pytest.param({}, [], id="sound"),
        pytest.param({"v": "x" * (MAX_TEXT + 1)}, ["too_long"], id="long"),
        pytest.param({"v": "x" * MAX_TEXT}, [], id="just short enough"),
        pytest.param({"v": "ä" * (MAX_TEXT // 2 + 1)}, ["too_long"], id="long in bytes"),
        pytest.param({"v": "caf\ufffd"}, ["not_utf8"], id="not utf-8"),
        pytest.param({"k": "NA"}, ["null_key"], id="no key"),
        pytest.param({"corrupt": "a,b", "v": "x", "k": None, "day": None}, ["malformed"], id="malformed"),
        pytest.param({"day": "2013-05-18"}, ["future_day"], id="future"),
        pytest.param({"day": "2013-04-02"}, [], id="as late as allowed"),
        pytest.param({"day": "2013-04-01"}, ["too_late"], id="too late"),
        pytest.param({"day": None}, ["no_day"], id="no day"),
    ],
)
def test_rules_that_hold_without_being_written(row: dict[str, str | None], rules: list[str], make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "string"})
    assert broken(typed(raw([row], feed), feed), feed) == rules


def test_an_undated_feed_has_no_day_rules(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({}, undated=True, lag=0, path="x.csv")
    assert not {"no_day", "future_day", "too_late"} & set(implicit_rules(feed))
    assert broken(typed(raw([{"day": "2099-01-01"}], feed), feed), feed) == []


def test_no_value_of_a_malformed_record_is_believed(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"})
    row = typed(raw([{"corrupt": "5,6", "v": "6"}], feed), feed).collect()[0]
    assert (row.v, row.k, row[TEXTS].corrupt) == (None, None, "5,6")


def test_the_line_of_a_malformed_record_is_not_kept_where_columns_are_personal(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int", "passport": {"type": "string", "personal": "drop"}})
    row = typed(raw([{"corrupt": "5,P1234567"}], feed), feed).collect()[0]
    assert "P1234567" not in str(row)
