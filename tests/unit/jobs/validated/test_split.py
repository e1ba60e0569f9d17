import json
import random
from datetime import date, timedelta

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.feeds import Feed
from jobs.errors import DataError
from jobs.validated.counts import Counts, counts, require_balance
from jobs.validated.judged import judged
from jobs.validated.split import split
from jobs.validated.standing import night_problem, night_warnings
from jobs.validated.tables import table_results
from jobs.validated.typed import typed
from tests.unit.jobs.validated.conftest import NIGHT, MakeFeed, Raw

BETWEEN = {"expect_column_values_to_be_between": {"column": "v", "min_value": 0}}


def judge(raw: DataFrame, feed: Feed) -> DataFrame:
    with judged(typed(raw, feed), feed) as rows:
        return rows


def test_of_rows_with_one_key_the_last_of_the_delivery_counts(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"})
    good, quarantined = split(judge(raw([{"k": "a", "v": "1"}, {"k": "a", "v": "2"}, {"k": "b", "v": "3"}], feed), feed), feed)
    assert sorted((row.k, row.v) for row in good.collect()) == [("a", 2), ("b", 3)]
    (row,) = quarantined.collect()
    assert (row.row, row.rules, json.loads(row.original)) == (0, ["duplicate_key"], {"day": "2013-05-17", "k": "a", "v": "1"})


def test_a_bad_row_neither_is_a_duplicate_nor_makes_one(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"}, [BETWEEN])
    good, quarantined = split(judge(raw([{"k": "a", "v": "1"}, {"k": "a", "v": "-1"}], feed), feed), feed)
    assert [row.v for row in good.collect()] == [1]
    assert [(row.row, row.rules) for row in quarantined.collect()] == [(1, ["values_to_be_between(v)"])]


def test_the_same_key_in_another_delivery_is_no_duplicate(make_feed: MakeFeed, raw: Raw) -> None:
    feed, rows = make_feed({"v": "int"}), [{"k": "a", "day": None}]
    feed = make_feed({"v": "int"}, undated=True, lag=0, path="x.csv")
    three = raw(rows, feed).union(raw(rows, feed, generation=2)).union(raw(rows, feed, night=NIGHT + timedelta(1)))
    good, quarantined = split(judge(three, feed), feed)
    assert (good.count(), quarantined.count()) == (3, 0)


def test_good_rows_leave_with_derived_columns_and_no_others(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"}, derive={"late": "coalesce(v >= 15, true)"})
    good, _ = split(judge(raw([{"v": "NA"}], feed), feed), feed)
    assert good.columns == ["night", "generation", "known_night", "row", "day", "k", "v", "late"]
    assert good.collect()[0].late is True


def test_a_derived_column_is_not_computed_for_rows_that_its_rules_keep_out(make_feed: MakeFeed, raw: Raw) -> None:
    above = {"expect_column_values_to_be_between": {"column": "v", "min_value": 0, "strict_min": True}}
    feed = make_feed({"v": "int"}, [above], derive={"share": "100 / v"})
    good, _ = split(judge(raw([{"v": "0"}, {"v": "4"}], feed), feed), feed)
    assert [row.share for row in good.collect()] == [25.0]


def test_quarantine_shows_rules_and_the_delivered_texts(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"}, [BETWEEN])
    _, quarantined = split(judge(raw([{"k": ' a"b ', "v": "x"}], feed), feed), feed)
    row = quarantined.collect()[0]
    assert quarantined.columns == ["night", "generation", "known_night", "row", "rules", "original"]
    assert (row.rules, json.loads(row.original)) == (["type(v)"], {"day": "2013-05-17", "k": ' a"b ', "v": "x"})


def test_a_value_of_ten_megabytes_is_cut_in_quarantine(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "string"})
    _, quarantined = split(judge(raw([{"v": "y" * 10_000_000}], feed), feed), feed)
    row = quarantined.collect()[0]
    assert (row.rules, len(json.loads(row.original)["v"])) == (["too_long"], 65_536)


def test_a_rule_that_warns_keeps_no_row_out(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"}, [{**BETWEEN, "on_failure": "warn"}])
    rows = judge(raw([{"k": "a", "v": "-1"}, {"k": "a", "v": "-2"}], feed), feed)
    (night,) = counts(rows, feed)
    assert (night.good, night.bad, night.duplicates) == (1, 0, 1)
    assert night_warnings(night, feed) == ["2 row(s) broke `values_to_be_between(v)`"]


def test_counts_balance_and_match_the_split_whatever_comes(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int", "f": "float"}, [BETWEEN])
    dice, texts = random.Random(7), ["1", "-1", "x", None, "NaN", "1e999", "\ufffd", "12.5", ""]
    nights = [NIGHT + timedelta(n) for n in range(3)]
    one = [
        [{"k": dice.choice("abcdefNA"), "v": dice.choice(texts), "f": dice.choice(texts), "day": str(n - timedelta(dice.randint(-1, 60)))} for _ in range(40)]
        for n in nights
    ]
    frames = [raw(rows, feed, night=night) for rows, night in zip(one, nights, strict=True)]
    rows = judge(frames[0].union(frames[1]).union(frames[2]), feed).persist()
    good, quarantined = split(rows, feed)
    as_counted = {n.night: (n.rows, n.good, n.bad + n.duplicates) for n in counts(rows, feed)}
    written: dict[str, dict[date, int]] = {frame: dict(parts.groupBy("night").count().collect()) for frame, parts in (("good", good), ("bad", quarantined))}
    assert as_counted == {night: (40, written["good"].get(night, 0), written["bad"][night]) for night in nights}
    assert good.select("night", "row").union(quarantined.select("night", "row")).distinct().count() == 120
    assert min(len(set(row.rules)) for row in quarantined.collect()) > 0


def test_counts_that_do_not_add_up_are_an_error() -> None:
    with pytest.raises(DataError, match=r"7 rows came in, but 3 good \+ 2 bad \+ 1 duplicates are 6"):
        require_balance(Counts(night=NIGHT, generation=1, rows=7, good=3, bad=2, duplicates=1))


def test_a_delivery_without_rows_is_red(make_feed: MakeFeed) -> None:
    assert "has no rows" in str(night_problem(Counts.empty(NIGHT, 1), make_feed({})))


def test_too_many_bad_rows_turn_the_night_red_and_name_the_worst_rules(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"}, [BETWEEN], max_bad_share=0.5)
    (half,) = counts(judge(raw([{"v": "1"}, {"v": "1"}, {"v": "-1"}, {"v": "x"}], feed), feed), feed)
    (more,) = counts(judge(raw([{"v": "1"}, {"v": "-1"}, {"v": "-2"}, {"v": "x"}], feed), feed), feed)
    assert night_problem(half, feed) is None
    assert night_problem(more, feed) == (
        "3 of 4 rows are quarantined, 75.0% (`max_bad_share` is 50.0%); most often by `values_to_be_between(v)` 2, `type(v)` 1"
    )


def test_a_night_without_one_good_row_is_red_whatever_the_share(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"}, max_bad_share=1)
    (night,) = counts(judge(raw([{"v": "x"}], feed), feed), feed)
    assert "1 of 1 rows are quarantined" in str(night_problem(night, feed))


def test_one_row_that_breaks_a_failing_rule_turns_the_night_red(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"}, [{**BETWEEN, "on_failure": "fail"}], max_bad_share=0.9)
    (night,) = counts(judge(raw([{"v": "1"}, {"v": "-1"}], feed), feed), feed)
    assert night_problem(night, feed) == "1 row(s) broke `values_to_be_between(v)`, which fails the night"


def test_a_retyped_column_turns_the_night_red(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"}, max_bad_share=1)
    (night,) = counts(judge(raw([*({"v": f"{n}.5"} for n in range(9)), {"v": "1"}, {"v": "NA"}], feed), feed), feed)
    assert night_problem(night, feed) == "`v`: retyped? 90% of 10 values are not int, e.g. '8.5'"


def test_table_expectations_judge_each_delivery_by_itself(make_feed: MakeFeed, raw: Raw) -> None:
    expect = [
        {"expect_table_row_count_to_be_between": {"min_value": 2}},
        {"expect_column_mean_to_be_between": {"column": "v", "min_value": 1}, "on_failure": "warn"},
    ]
    feed = make_feed({"v": "int"}, expect)
    rows = judge(raw([{"v": "1"}, {"v": "3"}], feed).union(raw([{"v": None, "day": "2013-05-18"}], feed, night=date(2013, 5, 19))), feed)
    results, (first, second) = table_results(rows, feed), counts(rows, feed)
    assert [(one.night.day, one.observed, one.passed) for one in results] == [(18, 2, True), (18, 2.0, True), (19, 1, False), (19, None, False)]
    assert (night_problem(first, feed, results), night_warnings(first, feed, results)) == (None, [])
    assert night_problem(second, feed, results) == "`table_row_count_to_be_between` is 1, wanted at least 2"
    assert night_warnings(second, feed, results) == ["`mean_to_be_between(v)` is nothing, wanted at least 1"]


@pytest.mark.parametrize(
    ("name", "given", "seen"),
    [
        ("column_min", {"column": "v", "min_value": -2}, (-2, True)),
        ("column_max", {"column": "v", "max_value": 4}, (5, False)),
        ("column_sum", {"column": "v", "min_value": 6, "max_value": 6}, (6.0, True)),
        ("column_mean", {"column": "v", "max_value": 1}, (2.0, False)),
        ("column_unique_value_count", {"column": "s", "min_value": 2, "max_value": 2}, (2, True)),
        ("column_proportion_of_non_null_values", {"column": "v", "min_value": 0.8}, (0.75, False)),
        ("column_min", {"column": "t", "min_value": "2013-05-17T00:00:00"}, ("2013-05-17 00:00:01", True)),
        ("column_max", {"column": "day", "max_value": "2013-05-16"}, ("2013-05-17", False)),
    ],
)
def test_a_table_expectation(name: str, given: dict[str, object], seen: tuple[object, bool], make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int", "s": "string", "t": "timestamp"}, [{f"expect_{name}_to_be_between": given}])
    values = [("-2", "a"), ("3", "b"), ("5", "a"), (None, None)]
    rows = typed(raw([{"v": v, "s": s, "t": "2013-05-17 00:00:01"} for v, s in values], feed), feed)
    (result,) = table_results(rows, feed)
    assert (result.observed, result.passed) == seen


def test_rows_broken_by_each_rule_are_counted_once_each(make_feed: MakeFeed, raw: Raw) -> None:
    feed = make_feed({"v": "int"}, [BETWEEN])
    rows = judge(raw([{"v": "-1", "day": "2013-05-18"}, {"v": "-1"}, {"k": "9"}, {"k": "9"}], feed), feed)
    (night,) = counts(rows, feed)
    assert {rule: seen for rule, seen in night.unexpected.items() if seen} == {"values_to_be_between(v)": 2, "future_day": 1, "duplicate_key": 1}
    assert rows.where(F.size("_failed") > 0).count() == night.bad + night.duplicates
