"""A pipeline file is read strictly: everything that is wrong with it is said at once, with its path, what was given and what is allowed."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from jobs.config.loading import digest_of, find_pipelines, load_pipeline, read_pipeline, to_plain
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.settings import Settings
from tests.tiny import merged, spec_of

Refused = Callable[[Mapping[str, Any]], list[str]]
REGRESSION = {"label": "outcomes.refund", "type": "regression", "segments": {"train": 14, "tune": 4, "holdout": 7}, "gate": {"champion": {"non_inferior": 1}}}


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
        "modells: is not known here, did you mean `models`? allowed are alerts, features, feeds, models, nights, pipeline, purpose, retention, sample (got 3)"
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
        ({"feeds": {"orders": {"lag": "one"}}}, "feeds.orders.lag: must be a valid integer (got 'one')"),
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
        (
            {"models": {"returned": {"search": {"space": {"eta": {"low": 0.1, "high": math.inf}}}}}},
            "models.returned.search.space.eta.high: must be a finite number (got inf)",
        ),
        (
            {"models": {"returned": {"search": {"space": {"max_bin": {"low": 0.5, "high": 9, "whole": True, "log": True}}}}}},
            "models.returned.search.space.max_bin: `low` and `high` must be whole numbers with `whole` (got 0.5 and 9)",
        ),
        (
            {"models": {"returned": {"search": {"space": {"max_depth": {"low": 3.7, "high": 9, "whole": True}}}}}},
            "models.returned.search.space.max_depth: `low` and `high` must be whole numbers with `whole` (got 3.7 and 9)",
        ),
        (
            {"models": {"returned": {"search": {"space": {"max_depth": {"low": 3, "high": 9.5, "whole": True}}}}}},
            "models.returned.search.space.max_depth: `low` and `high` must be whole numbers with `whole` (got 3 and 9.5)",
        ),
        (
            {"models": {"returned": {"search": {"space": {"eta": {"low": 0, "high": 1, "log": True}}}}}},
            "models.returned.search.space.eta: `low` must be below `high`, and above 0 with `log` (got 0 and 1)",
        ),
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


@pytest.mark.parametrize("given", ["06:00Z", "06:00+02:00", "06:00:30", 6])
def test_a_night_runs_at_a_minute_of_utc(refused: Refused, given: object) -> None:
    assert refused({"nights": {"as_of": given}}) == [f'nights.as_of: must be hours and minutes in UTC, without a zone, as "06:00" (got {given!r})']


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ("feeds.orders", "lag"),
        ("feeds.orders", "max_late_days"),
        ("feeds.orders.missing", "tolerate"),
        ("features.latest.weather", "max_age_days"),
        *(("models.returned.segments", name) for name in ("train", "tune", "calibrate", "holdout")),
        ("models.returned", "half_life"),
        ("models.returned.gate", "min_nights"),
        ("models.returned.search", "fold_nights"),
        ("models.returned.drift", "nights"),
        ("models.returned.drift", "before"),
        ("models.returned.retrain", "cooldown"),
        ("models.returned.retrain", "after_refusal"),
        *(("models.returned.retrain.when", name) for name in ("every", "nights", "of", "over")),
        *(("alerts.rules.rule", name) for name in ("nights", "of", "over", "repeat")),
    ],
)
@pytest.mark.parametrize(("given", "problem"), [(1_000_000, "must be less than or equal to 366"), (True, "must be a valid integer (got True)")])
def test_a_number_of_nights_is_one_that_a_calendar_can_hold(refused: Refused, section: str, path: str, given: object, problem: str) -> None:
    changes: dict[str, Any] = {path: given}
    for key in reversed(section.split(".")):
        changes = {key: changes}
    (line,) = [line for line in refused(changes) if "must be 'week'" not in line and line.startswith(f"{section}.{path}: ")]
    assert line.startswith(f"{section}.{path}: {problem}")


def test_folds_end_somewhere(refused: Refused) -> None:
    assert refused({"models": {"returned": {"search": {"folds": 1_000_000}}}}) == [
        "models.returned.search.folds: must be less than or equal to 100 (got 1000000)"
    ]


@pytest.mark.parametrize("given", [math.nan, math.inf, -math.inf], ids=str)
def test_a_bound_is_a_number(refused: Refused, given: float) -> None:
    told = f"must be a finite number (got {given})"
    assert refused({"alerts": {"rules": {"rule": {"signal": "volume", "below": given}}}}) == [f"alerts.rules.rule.below: {told}"]
    assert refused({"models": {"returned": {"retrain": {"when": {"signal": "loss", "above": given}}}}}) == [f"models.returned.retrain.when.above: {told}"]


METHODS = {"score": "wasserstein", "hour": "wasserstein", "weather_rain": "psi", "outcomes_shop_refund_7d": "psi", "holiday": "psi"}


@pytest.mark.parametrize("left_out", [[], ["amount"]])
def test_a_method_may_be_of_any_feature(written: Callable[[Mapping[str, Any]], Path], left_out: list[str]) -> None:
    assert read_pipeline(written({"models": {"returned": {"drift": {"methods": METHODS}, "leave_out": left_out}}})).models["returned"].drift.methods == METHODS


def test_a_method_of_no_feature_is_refused(refused: Refused) -> None:
    (problem,) = refused({"models": {"returned": {"drift": {"methods": {**METHODS, "houre": "psi"}}}}})
    assert problem.startswith("models.returned.drift.methods: `houre` must be `score` or a feature of the model: amount, days_since_holiday, ")


def test_a_method_of_a_feature_that_the_model_leaves_out_is_refused(refused: Refused) -> None:
    (problem,) = refused({"models": {"returned": {"drift": {"methods": METHODS}, "leave_out": ["hour"]}}})
    assert problem.startswith("models.returned.drift.methods: `hour` must be `score` or a feature of the model: amount, ")


def test_what_a_plug_in_adds_may_have_a_method(written: Callable[[Mapping[str, Any]], Path]) -> None:
    changes = {"features": {"plug_in": "own:columns"}, "models": {"returned": {"drift": {"methods": {"theirs": "psi"}}}}}
    assert read_pipeline(written(changes)).models["returned"].drift.methods == {"theirs": "psi"}


OF_PROBABILITIES = ["auc", "estimated_auc", "estimated_loss_ratio", "estimated_loss_increase", "calibration_error", "concept"]


@pytest.mark.parametrize("signal", OF_PROBABILITIES)
def test_a_rule_about_probabilities_names_no_regression(refused: Refused, signal: str) -> None:
    rule = {"signal": signal, "above": 0.6, "models": ["returned", "refund"]}
    (problem,) = refused({"models": {"refund": REGRESSION}, "alerts": {"rules": {"rule": rule}}})
    told = f"`{signal}` is of probabilities, and a regression has none: take out `refund`; there are ['returned'], or leave `models` out"
    assert problem == f"alerts.rules.rule.models: {told}"


@pytest.mark.parametrize("models", [None, ["refund"]])
def test_a_rule_about_probabilities_needs_a_binary_model(refused: Refused, models: list[str] | None) -> None:
    rule = {"signal": "auc", "below": 0.6, "models": models}
    (problem,) = refused({"models": {"returned": None, "refund": REGRESSION}, "alerts": {"rules": {"rule": rule}}})
    assert problem.startswith("alerts.rules.rule.signal: `auc` is of probabilities; no model here is binary")


def test_a_signal_is_of_the_models_that_have_it(written: Callable[[Mapping[str, Any]], Path]) -> None:
    rules = {"auc": {"signal": "auc", "below": 0.6}, "loss": {"signal": "loss", "above": 9, "models": ["refund"]}}
    pipeline = read_pipeline(written({"models": {"refund": REGRESSION}, "alerts": {"rules": rules}}))
    assert [sorted(pipeline.models_with(signal)) for signal in ("auc", "loss", "red")] == [["returned"], ["refund", "returned"], ["refund", "returned"]]


def test_a_missing_key_does_not_show_the_section_around_it(refused: Refused) -> None:
    (problem,) = refused({"feeds": {"orders": {"key": None, "null_values": ["a secret"]}}})
    assert "a secret" not in problem


def test_on_is_a_word_and_no_boolean(written: Callable[[Mapping[str, Any]], Path], tmp_path: Path) -> None:
    path = written({})
    path.write_text(path.read_text(encoding="utf-8").replace('"on"', "on").replace("'on'", "on"), encoding="utf-8")
    assert read_pipeline(path).features.lookup["shops"].on == {"shop": "shop"}


def test_the_same_key_twice_is_an_error_with_its_line(tmp_path: Path) -> None:
    assert refused_text(tmp_path, "pipeline: own\nfeeds: {}\nfeeds: {}\n").startswith('FILE: is not valid YAML, line 3: found duplicate key "feeds"')


def test_a_date_that_does_not_exist_is_no_yaml(tmp_path: Path) -> None:
    assert refused_text(tmp_path, "pipeline: own\nnights: {from: 2024-13-01}\n") == "FILE: is not valid YAML: month must be in 1..12"


def test_broken_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    assert refused_text(tmp_path, "pipeline: own\nfeeds: [1\n") == "FILE: is not valid YAML, line 3: expected ',' or ']', but got '<stream end>'"


@pytest.mark.parametrize(("text", "what"), [("", "nothing"), ("- pipeline\n", "list"), ("own\n", "str")])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, what: str) -> None:
    expected = f"FILE: holds {what}; a pipeline is a mapping with pipeline, purpose, nights, feeds, features, models, alerts, retention, sample."
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


def test_as_plain_data_it_is_the_same_pipeline(written: Callable[[Mapping[str, Any]], Path], home: Settings) -> None:
    for pipeline in (read_pipeline(written({})), load_pipeline("flights", home)):
        again = Pipeline.model_validate(json.loads(json.dumps(to_plain(pipeline))))
        assert (again, digest_of(again)) == (pipeline, digest_of(pipeline))


def test_only_former_contracts_end(refused: Refused) -> None:
    publish = {"view": "v2", "ends": {"v2": "2024-03-31"}}
    assert refused({"models": {"returned": {"publish": publish}}})[0].startswith("models.returned.publish.ends: v2 is not a former contract; `view` is v2")


def test_no_nights_at_all_cannot_be_kept(refused: Refused) -> None:
    assert refused({"retention": {"nights": 0}})[0].startswith("retention.nights: ")
