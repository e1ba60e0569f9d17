"""`matins check` finds what is wrong with a pipeline before its first night: SQL, plug-ins, sources; all at once, and it writes nothing."""

import os
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.checks.command import check_all
from jobs.errors import UsageError
from jobs.settings import Settings
from tests.tiny import write_pipeline

Checked = Callable[[Mapping[str, Any]], list[str]]


@pytest.fixture
def own(home: Settings, tmp_path: Path) -> Settings:
    return home.model_copy(update={"pipelines": tmp_path / "pipelines"})


@pytest.fixture
def checked(spark: SparkSession, own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))

    def problems(changes: Mapping[str, Any]) -> list[str]:
        write_pipeline(tmp_path / "pipelines", own.landing, nights=1, changes=changes)
        return check_all(own, "tiny")["tiny"]

    return problems


def test_a_sound_pipeline_has_no_problem(checked: Checked) -> None:
    assert checked({}) == []


def test_the_shipped_pipelines_have_no_problem(spark: SparkSession, home: Settings) -> None:
    assert check_all(home, None) == {"flights": []}


def test_nothing_is_written_not_even_a_home(spark: SparkSession, home: Settings, tmp_path: Path) -> None:
    check_all(home.model_copy(update={"home": tmp_path / "untouched"}), "flights")
    assert not (tmp_path / "untouched").exists()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"feeds": {"outcomes": {"derive": {"x": "days_kept <= "}}}}, "feeds.outcomes.derive.x: `days_kept <= `: Syntax error at or near"),
        (
            {"feeds": {"outcomes": {"derive": {"x": "days_gone <= 7"}}}},
            "feeds.outcomes.derive.x: `days_gone <= 7`: A column, variable, or function parameter with name `days_gone` cannot be resolved",
        ),
        ({"feeds": {"outcomes": {"derive": {"x": "no_such_function(day)"}}}}, "feeds.outcomes.derive.x: `no_such_function(day)`: Cannot resolve routine"),
        ({"features": {"columns": {"x": "hour(price)"}}}, "features.columns.x: `hour(price)`: "),
        ({"features": {"columns": {"x": "avg(amount)"}}}, "features.columns.x: `avg(amount)`: "),
        (
            {"features": {"columns": {"x": "sum(amount) over (partition by shop)"}}},
            "features.columns.x: `sum(amount) over (partition by shop)`: looks at other rows",
        ),
        ({"features": {"columns": {"x": "explode(array(1, 2))"}}}, "features.columns.x: `explode(array(1, 2))`: looks at other rows"),
        ({"features": {"columns": {"x": "(select 1)"}}}, "features.columns.x: `(select 1)`: looks at other rows"),
        ({"features": {"columns": {"x": "rand()"}}}, "features.columns.x: `rand()`: gives another value each time"),
        (
            {"features": {"columns": {"x": "datediff(current_date(), day)"}}},
            "features.columns.x: `datediff(current_date(), day)`: gives another value each time",
        ),
        ({"features": {"history": {"outcomes": {"take": {"x": "avg(price)"}}}}}, "features.history.outcomes.take.x: `avg(price)`: "),
        ({"features": {"history": {"outcomes": {"take": {"x": "sum(day)"}}}}}, "features.history.outcomes.take.x: `sum(day)`: Cannot resolve"),
        (
            {"feeds": {"outcomes": {"derive": {"returned": "concat('x', days_kept)"}}}},
            "models.returned.label: `returned` is a string; it must be boolean, or a number",
        ),
        ({"models": {"returned": {"population": "amount"}}}, "models.returned.population: `amount` is a double; it must be boolean"),
        ({"models": {"returned": {"population": "price > 3"}}}, "models.returned.population: `price > 3`: "),
        ({"models": {"returned": {"leave_out": ["price"]}}}, "models.returned.leave_out: ['price'] are no features; there are "),
        ({"models": {"returned": {"fill": {"price": 0}}}}, "models.returned.fill: ['price'] are no features; there are "),
        ({"features": {"columns": {"shops_size": "1"}}}, "features: the names ['shops_size'] arise twice"),
        ({"features": {"columns": {"x": "array(amount)"}}}, "features: ['x (array)'] are of types that no model can use"),
        (
            {"feeds": {"orders": {"expect": [{"expect_column_values_to_be_between": {"column": "amount", "min_value": "much"}}]}}},
            "feeds.orders.expect: `values_to_be_between(amount)`: 'much' is not a float",
        ),
        (
            {"feeds": {"orders": {"expect": [{"expect_column_values_to_match_regex": {"column": "shop", "regex": "[a-"}}]}}},
            "feeds.orders.expect: `values_to_match_regex(shop)`: '[a-' is no regular expression",
        ),
        ({"features": {"plug_in": "no_such_module:add"}}, "features.plug_in: `no_such_module:add` cannot be imported"),
        ({"sample": "json:no_such_function"}, "sample: `json:no_such_function` cannot be imported"),
    ],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "",
)
def test_a_problem_is_found_with_its_path(checked: Checked, changes: Mapping[str, Any], expected: str) -> None:
    found = checked(changes)
    assert any(problem.startswith(expected) for problem in found), found


def test_an_unknown_column_is_answered_with_the_known_ones(checked: Checked) -> None:
    (problem,) = checked({"features": {"columns": {"x": "price + 1"}}})
    assert problem.endswith("Known columns: amount, day, order_id, placed, shop, hour, weekday.")


def test_all_problems_are_found_at_once(checked: Checked) -> None:
    wrong = {"features": {"columns": {"x": "price", "y": "costs"}, "plug_in": "no_such_module:add"}, "feeds": {"outcomes": {"derive": {"z": "nothing"}}}}
    assert [problem.partition(": ")[0] for problem in checked(wrong)] == [
        "features.plug_in",
        "feeds.outcomes.derive.z",
        "features.columns.x",
        "features.columns.y",
    ]


def test_an_expression_may_use_the_ones_before_it(checked: Checked) -> None:
    assert checked({"features": {"columns": {"half": "amount / 2", "quarter": "half / 2"}}}) == []


def test_everything_may_be_the_only_group(checked: Checked) -> None:
    assert checked({"features": {"history": {"outcomes": {"by": [[]]}}}}) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("frame.drop('shop')", "features.plug_in: `own_features:add` must return the frame with columns added; ['shop'] are gone."),
        ("frame.withColumn('x', frame['price'])", "features: A column, variable, or function parameter with name `price` cannot be resolved"),
        ("frame[1 / 0]", "features.plug_in: `own_features:add` raised ZeroDivisionError: division by zero"),
        ("None", "features.plug_in: `own_features:add` must return the frame"),
    ],
)
def test_a_plug_in_is_tried_on_empty_rows(checked: Checked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, expected: str) -> None:
    monkeypatch.delitem(sys.modules, "own_features", raising=False)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "own_features.py").write_text(f"def add(frame):\n    return {body}\n", encoding="utf-8")
    found = checked({"features": {"plug_in": "own_features:add"}})
    monkeypatch.delitem(sys.modules, "own_features", raising=False)
    assert found[0].startswith(expected), found


class TestSqlSource:
    QUERIED: Mapping[str, Any] = {"feeds": {"orders": {"path": None, "sql": {"url": "SHOP_URL", "query": "SELECT * FROM orders WHERE day = :event_day"}}}}

    @pytest.fixture
    def shop(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = tmp_path / "shop.db"
        monkeypatch.setenv("SHOP_URL", f"sqlite:///{path}")
        return path

    def made(self, path: Path, columns: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"CREATE TABLE orders ({columns})")

    def test_a_query_that_brings_the_columns_is_sound(self, checked: Checked, shop: Path) -> None:
        self.made(shop, "day, order_id, shop, amount, placed")
        assert checked(self.QUERIED) == []

    def test_a_variable_that_is_not_set_is_named(self, checked: Checked) -> None:
        assert checked(self.QUERIED) == ["feeds.orders.sql: the variable SHOP_URL is not set; set it to a SQLAlchemy URL"]

    def test_a_query_that_fails_is_shown_without_the_address(self, checked: Checked, shop: Path) -> None:
        (problem,) = checked(self.QUERIED)
        assert problem.endswith("failed: OperationalError: no such table: orders")
        assert str(shop) not in problem

    def test_columns_that_the_query_lacks_are_named(self, checked: Checked, shop: Path) -> None:
        self.made(shop, "day, order_id, shop")
        (problem,) = checked(self.QUERIED)
        assert "does not bring ['amount', 'placed']; it brings ['day', 'order_id', 'shop']" in problem


def test_an_absent_delivery_is_a_note_and_no_problem(checked: Checked, own: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked({"feeds": {"shops": {"path": "branches.csv"}}}) == []
    assert "tiny: note: feeds.shops.path: no delivery yet; looked for" in capsys.readouterr().err


def test_a_broken_file_is_listed_with_its_problems_and_takes_no_other_down(checked: Checked, own: Settings, tmp_path: Path) -> None:
    checked({})
    (tmp_path / "pipelines" / "broken.yaml").write_text("pipeline: broken\n", encoding="utf-8")
    found = check_all(own, None)
    assert found["flights"] == found["tiny"] == []
    assert found["broken"][0] == "purpose: is required and not there"


def test_a_file_outside_the_folder_can_be_checked(spark: SparkSession, home: Settings, tmp_path: Path) -> None:
    path = write_pipeline(tmp_path / "elsewhere", home.landing, nights=1).path
    assert check_all(home, str(path)) == {str(path): []}


def test_a_name_that_is_not_known_is_refused(home: Settings) -> None:
    with pytest.raises(UsageError, match=r"There is no pipeline `nobody`; known are \['flights'\]"):
        check_all(home, "nobody")
