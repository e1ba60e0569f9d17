"""A pipeline file is read strictly: everything that is wrong with it is said at once, with its path, what was given and what is allowed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from jobs.config.loading import find_pipelines, load_pipeline, read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.settings import Settings
from tests.tiny import merged, spec_of

Refused = Callable[[Mapping[str, Any]], list[str]]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Mapping[str, Any]], Path]:
    def write(changes: Mapping[str, Any]) -> Path:
        path = tmp_path / "own.yaml"
        with path.open("w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump(merged({"pipeline": "own", **spec_of()}, changes), file)
        return path

    return write


@pytest.fixture
def refused(written: Callable[[Mapping[str, Any]], Path]) -> Refused:
    def problems(changes: Mapping[str, Any]) -> list[str]:
        with pytest.raises(UsageError) as caught:
            read_pipeline(written(changes))
        return [line.strip() for line in str(caught.value).splitlines()[1:]]

    return problems


def refused_text(tmp_path: Path, text: str) -> str:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_pipeline(path)
    return str(caught.value).replace(str(path), "FILE")


def test_a_sound_file_is_read(written: Callable[[Mapping[str, Any]], Path]) -> None:
    assert isinstance(read_pipeline(written({})), Pipeline)


def test_the_shipped_pipelines_are_sound(home: Settings) -> None:
    assert load_pipeline("flights", home).pipeline == "flights"


def test_an_unknown_key_is_named_with_the_one_that_was_meant(refused: Refused) -> None:
    (problem,) = refused({"feeds": {"orders": {"lagg": 1}}})
    assert problem.startswith("feeds.orders.lagg: is not known here, did you mean `lag`? allowed are columns, derive, ")
    assert problem.endswith("(got 1)")


def test_an_unknown_key_of_the_file_itself_is_named(refused: Refused) -> None:
    assert refused({"modells": 3}) == [
        "modells: is not known here, did you mean `models`? allowed are alerts, features, feeds, models, nights, pipeline, purpose, sample (got 3)"
    ]


def test_every_problem_is_said_at_once(refused: Refused) -> None:
    found = refused(
        {
            "nights": {"as_of": "noon"},
            "feeds": {"orders": {"lag": "one", "columns": {"amount": "money"}}},
            "models": {"returned": {"segments": {"train": 2}, "gate": {"floors": {"auc": 0.5}}}},
        }
    )
    assert sorted(line.partition(":")[0] for line in found) == [
        "feeds.orders.columns.amount.type",
        "feeds.orders.lag",
        "models.returned.gate.floors.auc",
        "models.returned.segments.train",
        "nights.as_of",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"feeds": {"orders": {"lag": "one"}}}, "feeds.orders.lag: must be a valid integer, unable to parse string as an integer (got 'one')"),
        ({"feeds": {"orders": {"lag": -1}}}, "feeds.orders.lag: must be greater than or equal to 0 (got -1)"),
        (
            {"feeds": {"orders": {"columns": {"amount": "money"}}}},
            "feeds.orders.columns.amount.type: must be 'string', 'int', 'float', 'bool', 'date' or 'timestamp' (got 'money')",
        ),
        ({"feeds": {"orders": {"key": None}}}, "feeds.orders.key: is required and not there"),
        ({"feeds": {"orders": 3}}, "feeds.orders: must be a mapping (got 3)"),
        ({"pipeline": "Own Shop"}, "pipeline: must match ^[a-z][a-z0-9_]{0,62}$ (got 'Own Shop')"),
        ({"nights": {"to": "2020-01-01"}}, "nights.to: must not be before `from` (got 2024-01-01 to 2020-01-01)"),
        ({"feeds": {"orders": {"path": "orders.csv"}}}, "feeds.orders.path: must contain {night} unless the feed is undated, and then not (got 'orders.csv')"),
        ({"feeds": {"orders": {"path": "orders/{night}.xls"}}}, "feeds.orders.path: must end in .csv or .parquet (got 'orders/{night}.xls')"),
        (
            {"feeds": {"orders": {"sql": {"url": "SHOP_URL", "query": "SELECT 1"}}}},
            "feeds.orders.path: exactly one of `path` and `sql` must be given",
        ),
        (
            {"feeds": {"orders": {"path": None, "sql": {"url": "sqlite:///shop.db", "query": "SELECT 1"}}}},
            "feeds.orders.sql.url: must match ^[A-Z][A-Z0-9_]*$ (got 'sqlite:///shop.db')",
        ),
        (
            {"feeds": {"orders": {"key": ["day", "number"]}}},
            "feeds.orders.key: names ['number'], which are not in `columns`: ['amount', 'day', 'order_id', 'placed', 'shop']",
        ),
        ({"feeds": {"orders": {"event_day": "placed"}}}, "feeds.orders.event_day: must name a column of type date (got 'placed')"),
        ({"feeds": {"orders": {"columns": {"night": "date"}}}}, "feeds.orders.columns: the names ['night'] are the product's own; rename them in the delivery"),
        ({"features": {"calendar": {"holidays": "ZZ"}}}, "features.calendar.holidays: the library `holidays` does not know the country ZZ; "),
        (
            {"features": {"history": {"outcomes": {"take": {"n": "max(refund)"}}}}},
            "features.history.outcomes.take: ['max(refund)']: allowed are count(…), sum(…)",
        ),
        ({"features": {"rows": "bills"}}, "features: names the feed `bills`; declared are ['orders', 'outcomes', 'shops', 'weather']"),
        (
            {"features": {"take": ["shop", "price"]}},
            "features.take: `price` must be among the columns of the feed `orders`: amount, day, order_id, placed, shop",
        ),
        (
            {"features": {"lookup": {"shops": {"take": ["owner"]}}}},
            "features.lookup.shops.take: `owner` must be among the columns of the feed `shops`: city, shop, size",
        ),
        ({"features": {"lookup": {"shops": {"on": {"shop": "city"}}}}}, "features.lookup.shops.on: must be on the feed's key ['shop']"),
        ({"features": {"latest": {"weather": {"order": "time"}}}}, "features.latest.weather.order: `time` must be among the columns of the feed `weather`: "),
        ({"features": {"history": {"outcomes": {"by": [["region"]]}}}}, "features.history.outcomes.by: `region` must be among the columns of the rows: "),
        ({"features": {"columns": {"order_id": "1"}}}, "features.columns: `order_id` are columns of the feed `orders` already; choose other names"),
        ({"models": {"returned": {"label": "outcomes.late"}}}, "models.returned.label: `outcomes.late` is not a column of a declared feed"),
        ({"models": {"returned": {"label": "orders.amount"}}}, "models.returned.label: the rows to score would bring their own label; "),
        ({"models": {"returned": {"type": "multiclass"}}}, "models.returned.type: several classes are not supported (got 'multiclass')"),
        ({"models": {"returned": {"error": "absolute"}}}, "models.returned.error: is for a regression"),
        (
            {"models": {"returned": {"gate": {"floors": {"mae": 3}}}}},
            "models.returned.gate.floors.mae: `mae` is no metric of a binary model; allowed are roc_auc",
        ),
        ({"models": {"returned": {"type": "regression"}}}, "models.returned.gate.floors.roc_auc: `roc_auc` is no metric of a regression model"),
        ({"models": {"returned": {"type": "regression"}}}, "models.returned.gate.champion: a regression's errors are in the label's own unit"),
        ({"models": {"returned": {"type": "regression", "threshold": 0.5}}}, "models.returned.threshold: is for a binary model"),
        ({"purpose": {"cost": None}}, "models.returned.threshold: comes from `purpose.cost`, which is not there"),
        ({"models": {"returned": {"search": {"space": {"eta": {"low": 1, "high": 1}}}}}}, "models.returned.search.space.eta: `low` must be below `high`"),
        ({"features": {"plug_in": "no function"}}, r"features.plug_in: must match ^[A-Za-z_][\w.]*:[A-Za-z_]\w*$ (got 'no function')"),
        ({"feeds": {"orders": {"expect": [{"expect_nothing": {}}]}}}, "feeds.orders.expect.0: `expect_nothing` is not supported; allowed are ["),
        (
            {"feeds": {"orders": {"expect": [{"expect_column_values_to_not_be_null": {"column": "owner"}}]}}},
            "feeds.orders.expect.0: `expect_column_values_to_not_be_null` names ['owner'], which are not in `columns`: ",
        ),
    ],
    ids=lambda value: value.partition(" ")[0].strip(":") if isinstance(value, str) else "",
)
def test_a_problem_says_where_what_and_what_is_allowed(refused: Refused, changes: Mapping[str, Any], expected: str) -> None:
    assert any(line.startswith(expected) for line in refused(changes)), refused(changes)


def test_a_missing_key_does_not_show_the_section_around_it(refused: Refused) -> None:
    (problem,) = refused({"feeds": {"orders": {"key": None, "null_values": ["a secret"]}}})
    assert "a secret" not in problem


def test_on_is_a_word_and_no_boolean(written: Callable[[Mapping[str, Any]], Path], tmp_path: Path) -> None:
    path = written({})
    path.write_text(path.read_text(encoding="utf-8").replace('"on"', "on").replace("'on'", "on"), encoding="utf-8")
    assert read_pipeline(path).features.lookup["shops"].on == {"shop": "shop"}


def test_the_same_key_twice_is_an_error_with_its_line(tmp_path: Path) -> None:
    assert refused_text(tmp_path, "pipeline: own\nfeeds: {}\nfeeds: {}\n").startswith('FILE: is not valid YAML, line 3: found duplicate key "feeds"')


def test_broken_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    assert refused_text(tmp_path, "pipeline: own\nfeeds: [1\n") == "FILE: is not valid YAML, line 3: expected ',' or ']', but got '<stream end>'"


@pytest.mark.parametrize(("text", "what"), [("", "nothing"), ("- pipeline\n", "list"), ("own\n", "str")])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, what: str) -> None:
    expected = f"FILE: holds {what}; a pipeline is a mapping with pipeline, purpose, nights, feeds, features, models, alerts, sample."
    assert refused_text(tmp_path, text) == expected


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.yaml: cannot be read \(No such file or directory\)"):
        read_pipeline(tmp_path / "absent.yaml")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes(b"pipeline: \xff\n")
    with pytest.raises(UsageError, match="is not valid YAML"):
        read_pipeline(tmp_path / "own.yaml")


def test_a_pipeline_is_called_like_its_file(written: Callable[[Mapping[str, Any]], Path]) -> None:
    with pytest.raises(UsageError, match=r"`pipeline: other` must be the file's name, own\."):
        read_pipeline(written({"pipeline": "other"}))


def test_a_broken_file_takes_no_other_down(home: Settings, tmp_path: Path, written: Callable[[Mapping[str, Any]], Path]) -> None:
    written({"models": 1})
    found = {one.name: one for one in find_pipelines(home.model_copy(update={"pipelines": tmp_path}))}
    assert found["flights"].pipeline is not None
    assert found["own"].pipeline is None
    assert "models: must be a" in str(found["own"].problem)


def test_an_unknown_pipeline_is_answered_with_those_that_are_known(home: Settings) -> None:
    with pytest.raises(UsageError, match=r"There is no pipeline `fligths`; known are \['flights'\]"):
        load_pipeline("fligths", home)


def test_a_folder_of_pipelines_that_is_absent_is_an_error(home: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which is not a folder"):
        load_pipeline("flights", home.model_copy(update={"pipelines": tmp_path / "absent"}))
